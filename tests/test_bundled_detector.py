import hashlib

import cv2
import numpy as np
import onnxruntime
import pytest
from open_image_models import create_detector

from benchmarks.fixtures.render import RenderSpec, Scene
from edge.flow import Pixels
from edge.vision import models
from edge.vision.detector import PlateDetector
from edge.vision.onnx_shape import free_size

NAME = "hitonly-detector"
FILE = models.BUNDLED / "hitonly-detector.onnx"


@pytest.fixture(scope="module")
def detector() -> PlateDetector:
    """The bundled detector, verified."""
    return PlateDetector(models.load(models.spec_for(NAME, None, "detector"), [models.BUNDLED]))


def test_the_file_is_small_and_is_the_one_in_the_manifest() -> None:
    """The detector takes at most half of the six megabytes that may be bundled, and its digest is pinned."""
    data = FILE.read_bytes()
    assert len(data) < 3_000_000
    assert hashlib.sha256(data).hexdigest() == models.manifest()[NAME].files[FILE.name]


def test_open_image_models_loads_it(road: tuple[Pixels, list[tuple[float, float, float, float]]]) -> None:
    """The file serves fast-alpr's family as it is, and finds the same plates there."""
    picture, boxes = road
    theirs = create_detector(str(FILE), backend="yolo_v9", class_labels=("License Plate",), conf_thresh=0.4)
    there = theirs.predict(picture)
    assert isinstance(there, list)
    sides = [one.bounding_box for one in there if not isinstance(one, list)]
    found = [(float(box.x1), float(box.y1), float(box.x2), float(box.y2)) for box in sides]
    assert all(max(overlap(box, other) for other in found) > 0.5 for box in boxes)


def test_nothing_is_found_where_there_is_nothing(detector: PlateDetector) -> None:
    """No detection is an empty list, not an error; in the rectangular graph and in the square one."""
    grey = np.full((720, 1280, 3), 114, np.uint8)
    assert detector.detect(grey) == []
    square = onnxruntime.InferenceSession(FILE.read_bytes(), providers=["CPUExecutionProvider"])
    assert square.run(None, {"images": np.full((1, 3, 384, 384), 0.45, np.float32)})[0].shape == (0, 7)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 4000), (4000, 1), (2, 3), (7680, 64), (64, 7680), (300, 2560), (31, 33)]
)
def test_a_picture_of_any_shape_is_looked_at_in_bounded_memory(
    shape: tuple[int, int], detector: PlateDetector
) -> None:
    """A camera chooses its picture's shape, but neither makes the detector fail nor decides its memory."""
    for picture in (np.zeros((*shape, 3), np.uint8), np.full((*shape, 3), 255, np.uint8)):
        detector.detect(picture)
    assert detector._tensor.nbytes <= 4 * 3 * 448 * 2 * 448


def test_a_wide_picture_costs_no_square(detector: PlateDetector) -> None:
    """The input is as high as the picture needs, in steps of 32."""
    detector.detect(np.full((720, 1280, 3), 114, np.uint8))
    assert detector._tensor.shape == (1, 3, 256, 448)
    detector.detect(np.full((480, 640, 3), 114, np.uint8))
    assert detector._tensor.shape == (1, 3, 352, 448)


def test_legible_plates_of_a_drawn_road_are_found_and_nothing_else(
    detector: PlateDetector, road: tuple[Pixels, list[tuple[float, float, float, float]]]
) -> None:
    """Every legible plate has a box that overlaps it by half; with the plates covered, none is found there."""
    picture, boxes = road
    assert boxes
    found = [(one.box.left, one.box.top, one.box.right, one.box.bottom) for one in detector.detect(picture)]
    assert all(max(overlap(box, other) for other in found) > 0.5 for box in boxes)
    covered = picture.copy()
    for left, top, right, bottom in boxes:
        cv2.rectangle(
            covered, (int(left) - 8, int(top) - 8), (int(right) + 8, int(bottom) + 8), (90, 90, 90), -1
        )
    left_over = [
        (one.box.left, one.box.top, one.box.right, one.box.bottom) for one in detector.detect(covered)
    ]
    assert all(overlap(box, other) < 0.5 for box in boxes for other in left_over)


def test_a_model_of_another_shape_is_not_opened() -> None:
    """Only a file that declares the expected shape once is rewritten; anything else is an error."""
    opened = free_size(FILE.read_bytes())
    with pytest.raises(ValueError, match="found 0"):
        free_size(opened)


@pytest.fixture(scope="module")
def road() -> tuple[Pixels, list[tuple[float, float, float, float]]]:
    """The first frame of a rendered clip with two legible plates, and their boxes."""
    scene = Scene(RenderSpec(seed=3, seconds=8, traffic=45))
    by_frame = {
        number: [box for box in scene.truth.boxes if box.frame == number and box.legible]
        for number in range(scene.spec.frames)
    }
    number = next(frame for frame, boxes in by_frame.items() if len(boxes) >= 2)
    boxes = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in by_frame[number]]
    return scene.frame(number), boxes


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (area - width * height)
