"""A square detector of the hub is looked with at the picture's aspect; its file stays what was downloaded."""

import hashlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.fixtures import pictures
from edge.flow import Box
from edge.vision import models
from edge.vision.detector import PlateDetector
from edge.vision.detector_network import DetectorNetwork
from edge.vision.head_cells import Floats, OpenedSquare, cells
from edge.vision.onnx_runtime import open_session
from edge.vision.onnx_square import open_square

HUB: Final = "yolo-v9-t-384-dequantised"
CPU: Final = ("CPUExecutionProvider",)
SIDE: Final = 64
COUNT: Final = sum((SIDE // stride) ** 2 for stride in (8, 16, 32))
IOU: Final = 0.7
SCORE: Final = 0.2
"""How far a plate's box and score may be from those in the square: its grey bars are the network's padding now."""
EXACT: Final = 1e-4
"""Pixels and score at the square's own size, where the same sums are done."""


def square(*, adds: bool = False, skew: float = 0.0, side: int = SIDE) -> bytes:
    """Return a little detector built as the hub's are: one cell of each stride gives a box around its centre.

    Args:
        adds: the number of cells is added to something too.
        skew: by how much the first centre is off.
        side: of the square.
    """
    centres, strides = cells(side, side)
    centres[0, 0, 0] += skew
    constants: dict[str, npt.NDArray[Any]] = {
        "centres": centres,
        "strides": strides,
        "shape": np.array([1, 1, strides.size], np.int64),
        "half": np.full((1, 2, 1), 1.5, np.float32),
        "one": np.array([0], np.int64),
        "two": np.array([strides.size], np.int64),
    }
    nodes = []
    for stride in (8, 16, 32):
        kernel = np.full((1, 3, stride, stride), 1 / (3 * stride * stride), np.float32)
        constants[f"mean{stride}"] = kernel
        nodes.append(
            helper.make_node(
                "Conv",
                ["images", f"mean{stride}"],
                [f"map{stride}"],
                strides=[stride] * 2,
                kernel_shape=[stride] * 2,
            )
        )
        constants[f"flat{stride}"] = np.array([1, 1, -1], np.int64)
        nodes.append(helper.make_node("Reshape", [f"map{stride}", f"flat{stride}"], [f"row{stride}"]))
    nodes += [
        helper.make_node("Concat", ["row8", "row16", "row32"], ["joined"], axis=2),
        helper.make_node("Reshape", ["joined", "shape"], ["score"]),
        helper.make_node("Sub", ["centres", "half"], ["near"]),
        helper.make_node("Add", ["centres", "half"], ["far"]),
        helper.make_node("Concat", ["near", "far"], ["corners"], axis=1),
        helper.make_node("Mul", ["corners", "strides"], ["boxes"]),
        helper.make_node("Sub", ["score", "score"], ["nothing"]),
        helper.make_node("Concat", ["nothing", "boxes", "nothing", "score"], ["all"], axis=1),
        helper.make_node("Transpose", ["all"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("Squeeze", ["turned", "one"], ["output0"]),
    ]
    if adds:
        nodes.append(helper.make_node("Add", ["two", "two"], ["twice"]))
    graph = helper.make_graph(
        nodes,
        "square",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["n", 7])],
        [
            numpy_helper.from_array(values, name)
            for name, values in constants.items()
            if adds or name != "two"
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def rows_of(session: Any, opened: OpenedSquare | None, tensor: Floats) -> Any:  # noqa: ANN401 - the runtime's own
    """Run a graph over a 1 x 3 x H x W input."""
    given: dict[str, Any] = {session.get_inputs()[0].name: tensor}
    if opened:
        given[opened.centres], given[opened.strides] = cells(*tensor.shape[2:])
    return session.run(None, given)[0]


def the_same_at_its_own_size(content: bytes, picture: Floats) -> None:
    """Check that an opened graph gives what the file gives, for an input of the file's own size."""
    opened = open_square(content)
    assert opened
    before = rows_of(open_session(content, name="file", providers=CPU), None, picture)
    after = rows_of(open_session(opened.content, name="opened", providers=CPU), opened, picture)
    assert before.shape == after.shape
    assert before.size
    assert np.abs(before - after).max() <= EXACT


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    both = max(0.0, width) * max(0.0, height)
    return both / (one.width * one.height + other.width * other.height - both)


def test_an_opened_square_gives_what_the_file_gives_at_its_own_size() -> None:
    """At S x S the opened graph's rows are the file's."""
    tensor = np.random.default_rng(1).random((1, 3, SIDE, SIDE), np.float32)
    the_same_at_its_own_size(square(), tensor)


def test_an_opened_square_takes_a_picture_s_aspect() -> None:
    """At half the height every cell of the upper half has the box and score that it had in the square."""
    content = square()
    opened = open_square(content)
    assert opened
    tensor = np.random.default_rng(2).random((1, 3, SIDE, SIDE), np.float32)
    whole = rows_of(open_session(content, name="file", providers=CPU), None, tensor)
    half = rows_of(
        open_session(opened.content, name="opened", providers=CPU),
        opened,
        np.ascontiguousarray(tensor[:, :, : SIDE // 2]),
    )
    upper = [row for row in whole if (row[2] + row[4]) / 2 < SIDE // 2]
    assert len(half) == len(upper) == COUNT // 2
    order = [sorted(map(tuple, np.round(rows, 4).tolist())) for rows in (half, np.array(upper))]
    assert np.allclose(order[0], order[1], atol=EXACT)


@pytest.mark.parametrize(
    "content",
    [
        square(skew=0.25),
        square(adds=True),
        b"no graph at all",
        b"",
        (models.BUNDLED / "hitonly-ocr.onnx").read_bytes(),
    ],
    ids=["other centres", "the count is used otherwise", "no graph", "empty", "a reader"],
)
def test_what_is_built_otherwise_is_left_as_it_is(content: bytes) -> None:
    """A graph that is not surely of this kind is not changed; a wrong guess would move every box."""
    assert open_square(content) is None


def test_a_square_that_cannot_be_opened_is_still_looked_with(tmp_path: Path) -> None:
    """Such a file works as before, as the square that it declares."""
    network = DetectorNetwork(model_of(tmp_path, square(skew=0.25)))
    assert network.size_for(720, 1280, 448) == (SIDE, SIDE)


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [
        (720, 1280, (224, 384)),
        (1080, 1920, (224, 384)),
        (480, 640, (288, 384)),
        (1280, 720, (384, 224)),
        (500, 500, (384, 384)),
        (1, 4000, (96, 384)),
        (4000, 1, (384, 96)),
    ],
)
def test_the_input_is_no_larger_than_the_picture_needs(
    height: int, width: int, size: tuple[int, int], tmp_path: Path
) -> None:
    """The longer side is the square's, the other as long as needed in steps of 32: never more than the square."""
    network = DetectorNetwork(model_of(tmp_path, square(side=384)))
    assert network.size_for(height, width, 448) == size


def model_of(folder: Path, content: bytes) -> models.Model:
    """Return a file of an operator's own, verified."""
    path = folder / "own.onnx"
    path.write_bytes(content)
    return models.load(models.spec_for(str(path), hashlib.sha256(content).hexdigest(), "detector"), [])


def test_the_digest_stays_the_file_s(tmp_path: Path) -> None:
    """What a receipt names is the file as it was downloaded, not the graph that was opened from it."""
    content = square()
    model = model_of(tmp_path, content)
    PlateDetector(model).detect(np.full((720, 1280, 3), 90, np.uint8))
    assert model.digest == hashlib.sha256(content).hexdigest()
    assert model.contents[0] == content


def test_the_bundled_detector_gives_what_its_file_gives_at_its_own_size() -> None:
    """The bundled file says that its size is free: opened, it too gives the same rows at 384 x 384."""
    name = "hitonly-detector"
    model = models.load(models.spec_for(name, None, "detector"), [models.BUNDLED])
    tensor = np.random.default_rng(3).random((1, 3, 384, 384), np.float32)
    before = rows_of(open_session(model.contents[0], name=name, providers=CPU), None, tensor)
    after = DetectorNetwork(model).run(tensor)
    assert before.shape == after.shape
    assert not before.size or np.abs(before - after).max() <= EXACT


@pytest.mark.shared
def test_the_hub_s_detector_gives_what_its_file_gives_at_its_own_size(shared: Path) -> None:
    """The real weights: at 384 x 384 the opened graph's rows are the file's, over real pictures."""
    model = models.load(models.spec_for(HUB, None, "detector"), [shared / "models"])
    items = [item for _, item in zip(range(3), pictures.pictures(shared / "data" / "eu"), strict=False)]
    assert items
    for item in items:
        detector = PlateDetector(model, confidence=0.25)
        detector._network.size_for = lambda *_: (384, 384)  # type: ignore[method-assign]  # the square
        detector.detect(item.pixels)
        the_same_at_its_own_size(model.contents[0], detector._tensor)


@pytest.mark.shared
def test_the_hub_s_detector_finds_the_same_plates_without_grey_bars(shared: Path) -> None:
    """The real weights at 16:9 or so: every plate that the square surely shows has its box and score here too."""
    model = models.load(models.spec_for(HUB, None, "detector"), [shared / "models"])
    cut, whole = PlateDetector(model, confidence=0.25), PlateDetector(model, confidence=0.25)
    whole._network.size_for = lambda *_: (384, 384)  # type: ignore[method-assign]  # the square
    compared = 0
    for _, item in zip(range(25), pictures.pictures(shared / "data" / "eu"), strict=False):
        near = cut.detect(item.pixels)
        assert cut._tensor.shape[2] < 384
        for sure in (each for each in whole.detect(item.pixels) if each.confidence > 0.5):
            compared += 1
            best = max(near, key=lambda each: overlap(each.box, sure.box), default=None)
            assert best
            assert overlap(best.box, sure.box) >= IOU
            assert abs(best.confidence - sure.confidence) <= SCORE
    assert compared >= 20


def test_the_little_square_is_a_graph() -> None:
    """The positive control: what the tests above open is a graph that the checker takes."""
    onnx.checker.check_model(onnx.load_from_string(square()))
