"""Export the reader to the ONNX that fast-plate-ocr and fast-alpr load, and check it against PyTorch.

    python -m training.ocr.export --checkpoint runs/ocr/last.pt --out edge/weights

The graph takes N x 64 x 128 x 1 uint8 grey and gives `plate`, N x 10 x 37 float32 probabilities. Weights are
stored as float16 (onnxruntime widens them once, at load), which halves the file; the arithmetic is float32.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.ocr.model import HEIGHT, WIDTH, PlateReader

NAME = "hitonly-ocr"
CONFIG = f"""# Reader of Latin-alphabet plates, one or two lines; see docs/models/hitonly-ocr.md
max_plate_slots: 10
alphabet: '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_'
pad_char: '_'
img_height: {HEIGHT}
img_width: {WIDTH}
keep_aspect_ratio: false
interpolation: linear
image_color_mode: grayscale
"""
log = logging.getLogger("training.ocr.export")


class Shipped(nn.Module):
    """The reader as it ships: uint8 pixels in, probabilities at a fitted temperature out."""

    def __init__(self, reader: PlateReader, temperature: float) -> None:
        super().__init__()
        self.reader = reader
        self.temperature = temperature

    def forward(self, pixels: Tensor) -> Tensor:
        """N x 64 x 128 x 1 uint8 to N x 10 x 37 probabilities."""
        image = pixels.permute(0, 3, 1, 2).to(torch.float32) / 255.0
        return torch.softmax(self.reader(image).slots / self.temperature, 2)


def load_reader(*checkpoints: Path) -> PlateReader:
    """The running mean of the weights, averaged over the checkpoints of one run; ready to read."""
    states = [torch.load(checkpoint, weights_only=True)["mean"] for checkpoint in checkpoints]
    reader = PlateReader()
    for name, values in reader.state_dict().items():
        parts = torch.stack([state[name] for state in states])
        values.copy_(parts.mean(0) if values.dtype.is_floating_point else parts[-1])
    return reader.eval()


def halve(model: onnx.ModelProto) -> None:
    """Store every float32 weight of more than 256 values as float16 behind a Cast."""
    casts = []
    for tensor in list(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size <= 256:
            continue
        small = tensor.name + ".half"
        casts.append(
            helper.make_node(
                "Cast", [small], [tensor.name], name=tensor.name + ".widen", to=TensorProto.FLOAT
            )
        )
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), small))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def write(path: Path, content: bytes) -> None:
    """Write beside, then rename."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def export(reader: PlateReader, temperature: float, path: Path) -> None:
    """Write the ONNX; raises ValueError if it strays from PyTorch by more than float16 storage explains."""
    shipped = Shipped(reader, temperature).eval()
    example = torch.zeros(2, HEIGHT, WIDTH, 1, dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.onnx"
        torch.onnx.export(
            shipped, (example,), str(raw), dynamo=False, opset_version=17,
            input_names=["input"], output_names=["plate"], dynamic_axes={"input": {0: "N"}, "plate": {0: "N"}},
        )  # fmt: skip
        model = onnx.load(raw)
    halve(model)
    onnx.checker.check_model(model)
    write(path, model.SerializeToString())
    pixels = torch.randint(
        0, 256, (5, HEIGHT, WIDTH, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    read = session.run(["plate"], {"input": pixels.numpy()})[0]
    with torch.no_grad():
        apart = float(np.abs(read - shipped(pixels).numpy()).max())
    log.info("%s: %d bytes, largest difference from PyTorch %.4f", path.name, path.stat().st_size, apart)
    if apart > 0.05:
        raise ValueError(
            f"{path.name}: probabilities differ from PyTorch by {apart:.3f}, expected under 0.05"
        )


def main() -> None:
    """Export the checkpoint's mean weights beside their config."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True, help="several are averaged")
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="fitted by training.ocr.evaluate --fit"
    )
    parser.add_argument("--out", type=Path, default=Path("edge/weights"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.out.mkdir(parents=True, exist_ok=True)
    export(load_reader(*options.checkpoint), options.temperature, options.out / f"{NAME}.onnx")
    write(options.out / f"{NAME}_plate_config.yaml", CONFIG.encode())
    for name in (f"{NAME}.onnx", f"{NAME}_plate_config.yaml"):
        log.info("%s  %s", hashlib.sha256((options.out / name).read_bytes()).hexdigest(), name)


if __name__ == "__main__":
    main()
