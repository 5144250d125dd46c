"""Labelled pictures on this machine, and what an OCR makes of them: the material of accuracy and matching.

The pictures are never part of the project. A folder of `X.jpg` with `X.txt` (file, x, y, width, height,
plate, tab-separated) holds whole pictures; a folder with `labels.csv` (image, plate) holds plate crops.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.crop import widen
from edge.detector import PlateDetector
from edge.flow import COLUMNS, SLOTS, Box, Pixels, Table
from edge.models import BUNDLED, load, manifest
from edge.reader import PlateReader
from hotlist.plate import ALPHABET, PAD

OVERLAP = 0.3
"""Intersection over union at which a detection is the labelled plate."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One plate in one picture: the picture, the labelled box in it, and the text."""

    pixels: Pixels
    box: Box
    plate: str


@dataclass(frozen=True, slots=True)
class Tables:
    """What the OCR made of a labelled set.

    Attributes:
        plates: the labels.
        single: (n x 10 x 37) float32, one picture of each plate.
        frames: (n x k x 10 x 37) float32, k degraded copies of each, as the frames of a pass would be.
        boxes_from_label: how many pictures the detector found no plate in, so that the label's box was cut.
    """

    plates: list[str]
    single: Table
    frames: Table
    boxes_from_label: int


def pictures(folder: Path) -> Iterator[Labelled]:
    """Yield the labelled whole pictures of a folder, by name."""
    for label in sorted(folder.glob("*.txt")):
        name, *numbers, plate = label.read_text("utf-8").strip().split("\t")
        x, y, width, height = (float(number) for number in numbers)
        yield Labelled(_load(folder / name), Box(x, y, x + width, y + height), plate)


def crops(folder: Path) -> Iterator[Labelled]:
    """Yield the labelled plate crops of a folder, by name; the box is the whole picture."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            pixels = _load(folder / row["image"])
            height, width = pixels.shape[:2]
            yield Labelled(pixels, Box(0, 0, width, height), row["plate"])


def open_reader(models: Path, name: str) -> PlateReader:
    """Return the OCR of the manifest with this name, its files from `models` or bundled."""
    return PlateReader(load(manifest()[name], [models, BUNDLED]))


def open_detector(models: Path, name: str) -> PlateDetector:
    """Return the detector of the manifest with this name, its files from `models` or bundled."""
    return PlateDetector(load(manifest()[name], [models, BUNDLED]), confidence=0.25)


def read(
    labelled: Iterator[Labelled],
    reader: PlateReader,
    *,
    detector: PlateDetector | None,
    margin: float,
    frames: int,
    harsh: bool = True,
    seed: int = 7,
) -> Tables:
    """Read every plate once as it is, and `frames` times degraded.

    Args:
        labelled: the plates.
        reader: the OCR.
        detector: finds the box; None takes the label's.
        margin: by how much of its size the box is widened on each side.
        frames: degraded copies of each plate.
        harsh: make the copies small, blurred and noisy too; else only move the box and change the light.
        seed: of the degradation.
    """
    rng = np.random.default_rng(seed)
    plates: list[str] = []
    single: list[Table] = []
    copies: list[list[Table]] = []
    missed = 0
    for item in labelled:
        box = _found(item, detector) if detector else item.box
        missed += box is None
        box = box or item.box
        plates.append(item.plate)
        single.append(reader.table(_cut(item.pixels, box, margin))[0])
        copies.append(
            [reader.table(_degraded(item.pixels, box, margin, rng, harsh=harsh))[0] for _ in range(frames)]
        )
    shape = (len(plates), frames, SLOTS, COLUMNS)
    return Tables(plates, np.array(single), np.array(copies, np.float32).reshape(shape), missed)


def columns_of(plate: str) -> npt.NDArray[np.intp]:
    """Return a plate's columns in a table, padded to ten."""
    columns = np.full(SLOTS, PAD)
    columns[: len(plate)] = [ALPHABET.index(character) for character in plate]
    return columns


def _load(path: Path) -> Pixels:
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise FileNotFoundError(path)
    return pixels.astype(np.uint8, copy=False)


def _found(item: Labelled, detector: PlateDetector) -> Box | None:
    boxes = [found.box for found in detector.detect(item.pixels)]
    best = max(boxes, key=item.box.overlap, default=None)
    return best if best and best.overlap(item.box) >= OVERLAP else None


def _cut(pixels: Pixels, box: Box, margin: float) -> Pixels:
    height, width = pixels.shape[:2]
    left, top, right, bottom = widen(box, by=margin, width=width, height=height)
    return pixels[top:bottom, left:right]


def _degraded(pixels: Pixels, box: Box, margin: float, rng: np.random.Generator, *, harsh: bool) -> Pixels:
    """Return the crop as another frame might show it: moved, in other light; smaller, blurred, noisy."""
    jitter = rng.normal(0, 0.03, 4) * [box.width, box.height, box.width, box.height]
    sides = np.array([box.left, box.top, box.right, box.bottom]) + jitter
    crop: npt.NDArray[Any] = _cut(pixels, Box(*sides.tolist()), margin)
    if not harsh:
        light = crop * rng.uniform(0.8, 1.2) + rng.normal(0, 4, crop.shape)
        return np.clip(light, 0, 255).astype(np.uint8)
    width = int(rng.uniform(36, 110))
    if width < crop.shape[1]:
        height = max(10, int(crop.shape[0] * width / crop.shape[1]))
        crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.3, 1.2))
    if rng.random() < 0.3:
        length = int(rng.integers(2, 5))
        crop = cv2.filter2D(crop, -1, np.full((1, length), 1 / length, np.float32))
    noise = rng.normal(0, rng.uniform(0, 10), crop.shape)
    bright = crop * rng.uniform(0.5, 1.4) + rng.uniform(-30, 30) + noise
    quality = int(rng.integers(40, 95))
    _, packed = cv2.imencode(".jpg", np.clip(bright, 0, 255).astype(np.uint8), [1, quality])
    degraded: Any = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return np.asarray(degraded, np.uint8)
