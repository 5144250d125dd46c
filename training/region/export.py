"""Export the region model to the ONNX that the edge loads, and check it against PyTorch.

    python -m training.region.export --checkpoint runs/region/last.pt --temperature 1.3 --out edge/weights

The graph takes N x 3 x 64 x 128 float32 BGR, 0 to 1, and gives N x classes float32 probabilities; its metadata
names the classes. Weights are stored as float16, as those of the reader are (`training.ocr.export`).
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
from torch import Tensor, nn

from edge.vision.region import REGIONS_KEY
from training.ocr.export import halve, write
from training.region.classes import CLASSES, HEIGHT, WIDTH
from training.region.model import RegionNet

NAME = "hitonly-region"
log = logging.getLogger("training.region.export")


class Shipped(nn.Module):
    """The net as it ships: probabilities at a fitted temperature."""

    def __init__(self, net: RegionNet, temperature: float) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature

    def forward(self, pixels: Tensor) -> Tensor:
        """N x 3 x 64 x 128 to N x classes."""
        return torch.softmax(self.net(pixels) / self.temperature, 1)


def load_net(checkpoint: Path) -> RegionNet:
    """The running mean of a checkpoint's weights, ready to be asked."""
    net = RegionNet()
    net.load_state_dict(torch.load(checkpoint, weights_only=True)["mean"])
    return net.eval()


def export(net: RegionNet, temperature: float, path: Path) -> None:
    """Write the ONNX; raises ValueError if it strays from PyTorch by more than float16 storage explains."""
    shipped = Shipped(net, temperature).eval()
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(5, 3, HEIGHT, WIDTH, generator=generator)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.onnx"
        axes = {"pixels": {0: "N"}, "regions": {0: "N"}}
        torch.onnx.export(
            shipped, (pixels,), str(raw), dynamo=False, opset_version=17,
            input_names=["pixels"], output_names=["regions"], dynamic_axes=axes,
        )  # fmt: skip
        model = onnx.load(raw)
    halve(model)
    onnx.helper.set_model_props(model, {REGIONS_KEY: ",".join(CLASSES)})
    onnx.checker.check_model(model)
    write(path, model.SerializeToString())
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        apart = float(
            np.abs(session.run(None, {"pixels": pixels.numpy()})[0] - shipped(pixels).numpy()).max()
        )
    log.info("%s: %d bytes, largest difference from PyTorch %.4f", path.name, path.stat().st_size, apart)
    if apart > 0.05:
        raise ValueError(
            f"{path.name}: probabilities differ from PyTorch by {apart:.3f}, expected under 0.05"
        )


def main() -> None:
    """Export the checkpoint's mean weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--temperature", type=float, default=1.0, help="from training.region.evaluate --fit")
    parser.add_argument("--out", type=Path, default=Path("edge/weights"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{NAME}.onnx"
    export(load_net(options.checkpoint), options.temperature, path)
    log.info("%s  %s", hashlib.sha256(path.read_bytes()).hexdigest(), path.name)


if __name__ == "__main__":
    main()
