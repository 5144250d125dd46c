"""Write the trained detector as ONNX: `python -m training.detector.export --checkpoint FILE --output FILE`.

Graph: `images` 1 x 3 x 384 x 384 float32 RGB in 0..1; rows [image, x1, y1, x2, y2, class, score] in input
pixels, none to `ROWS` of them. The hundred best cells are decoded, then suppressed in the graph. Kernels are
stored as float16 and computed in float32. The input's shape is declared fixed because open-image-models asks
for a square; nothing inside depends on it, and `edge.vision.onnx_shape.free_size` opens it.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from edge.vision.onnx_shape import SIZE_FREE, SIZE_KEY, free_size
from training.detector.model import BINS, STRIDES, PlateDetector

SIDE = 384
ROWS = 100
SCORE_FLOOR = 0.05
OVERLAP = 0.5
OPSET = 17
TRIM = (0.015, 0.04, 0.015, 0.06)
"""Shares of width and height taken off left, top, right and bottom: the boxes learnt from blurred plates are loose.

Set on labelled pictures.
"""


class Decoded(nn.Module):
    """The hundred best cells of a picture: boxes 1 x K x 4 and scores 1 x 1 x K."""

    def __init__(self, model: PlateDetector) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the best cells of one picture, decoded."""
        maps = self.model(images)
        points, strides, scores, sides = [], [], [], []
        for (score, side), stride in zip(maps, STRIDES, strict=True):
            rows, columns = score.shape[2], score.shape[3]
            ys = (torch.arange(rows) + 0.5) * stride
            xs = (torch.arange(columns) + 0.5) * stride
            grid = torch.stack([xs[None].expand(rows, columns), ys[:, None].expand(rows, columns)], -1)
            points.append(grid.reshape(-1, 2))
            strides.append(torch.full_like(points[-1][:, :1], float(stride)))
            scores.append(score.flatten(1))
            sides.append(side.flatten(2).transpose(1, 2))
        best, cells = torch.cat(scores, 1)[0].topk(ROWS)
        chosen = torch.cat(sides, 1)[0][cells].reshape(ROWS, 4, BINS).softmax(-1)
        reach = (chosen * torch.arange(BINS, dtype=torch.float32)).sum(-1) * torch.cat(strides)[cells]
        centre = torch.cat(points)[cells]
        size = (reach[:, :2] + reach[:, 2:]).repeat(1, 2)
        reach = reach - size * torch.tensor(TRIM)
        boxes = torch.cat([centre - reach[:, :2], centre + reach[:, 2:]], 1)
        return boxes[None], best.sigmoid()[None, None]


def append_suppression(model: onnx.ModelProto) -> None:
    """Turn (boxes, scores) into rows; the class is always 0."""
    graph = model.graph
    boxes, scores = (value.name for value in graph.output)
    constants: dict[str, np.ndarray] = {
        "nms_rows": np.array([ROWS], np.int64),
        "nms_overlap": np.array([OVERLAP], np.float32),
        "nms_floor": np.array([SCORE_FLOOR], np.float32),
        "cell_column": np.array([2], np.int64),
        "first_axis": np.array([0], np.int64),
        "flat": np.array([-1], np.int64),
        "score_shape": np.array([-1, 1], np.int64),
        "zero": np.array(0, np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    graph.node.extend(
        [
            helper.make_node(
                "NonMaxSuppression", [boxes, scores, "nms_rows", "nms_overlap", "nms_floor"], ["kept"]
            ),
            helper.make_node("Gather", ["kept", "cell_column"], ["kept_column"], axis=1),
            helper.make_node("Reshape", ["kept_column", "flat"], ["kept_cells"]),
            helper.make_node("Squeeze", [boxes, "first_axis"], ["all_boxes"]),
            helper.make_node("Gather", ["all_boxes", "kept_cells"], ["kept_boxes"], axis=0),
            helper.make_node("Reshape", [scores, "score_shape"], ["all_scores"]),
            helper.make_node("Gather", ["all_scores", "kept_cells"], ["kept_scores"], axis=0),
            helper.make_node("Mul", ["kept_scores", "zero"], ["zeros"]),
            helper.make_node("Concat", ["zeros", "kept_boxes", "zeros", "kept_scores"], ["output0"], axis=1),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["rows", 7]))


def halve_kernels(model: onnx.ModelProto) -> None:
    """Store large float32 constants as float16, with a cast that onnxruntime folds away on loading."""
    casts = []
    for tensor in list(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 256:
            continue
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(
            numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_half")
        )
        casts.append(helper.make_node("Cast", [f"{tensor.name}_half"], [tensor.name], to=TensorProto.FLOAT))
    for position, node in enumerate(casts):
        model.graph.node.insert(position, node)


def export(checkpoint: Path, output: Path) -> None:
    """Checkpoint's averaged weights to `output`."""
    detector = PlateDetector()
    detector.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    buffer = io.BytesIO()
    free = {"images": {2: "h", 3: "w"}}
    torch.onnx.export(
        Decoded(detector).eval(),
        (torch.zeros(1, 3, 256, SIDE),),
        buffer,
        input_names=["images"],
        output_names=["boxes", "scores"],
        dynamic_axes=free,
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load_from_string(buffer.getvalue())
    append_suppression(model)
    halve_kernels(model)
    for dimension in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dimension.dim_value = SIDE
    del model.graph.value_info[:]
    model.doc_string = "hitonly licence plate detector; see docs/models/hitonly-detector.md"
    helper.set_model_props(model, {SIZE_KEY: SIZE_FREE})
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    free_size(data)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(data)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("edge/weights/hitonly-detector.onnx"))
    args = parser.parse_args()
    export(args.checkpoint, args.output)


if __name__ == "__main__":
    main()
