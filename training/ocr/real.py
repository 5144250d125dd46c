"""Real plates without text: crop them by their boxes and let the hub's OCR label those it is sure of.

Writes one npz: crops with a wide margin, the plate's rectangle in each, and the hub's averaged posterior as the
target.

    python -m training.ocr.real --pictures ../shared/train --teacher HUB_OCR.onnx --out runs/ocr/real.npz
"""

from __future__ import annotations

import argparse
import csv
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from training.ocr.model import ALPHABET, HEIGHT, PAD, SLOTS, WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator

MARGIN = 0.3
WIDENINGS = (0.03, 0.08, 0.13)
LONGEST = 256
NARROWEST = 24
Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
log = logging.getLogger("training.ocr.real")


@dataclass(frozen=True, slots=True)
class RealPlate:
    """A grey crop, the plate's rectangle in it and a teacher's posterior (SLOTS x 37)."""

    crop: Pixels
    plate: Box
    target: NDArray[np.float32]

    @property
    def aspect(self) -> float:
        """Width over height of the plate's rectangle."""
        x1, y1, x2, y2 = self.plate
        return (x2 - x1) / (y2 - y1)


def cut(image: Pixels, box: Box, margin: float) -> tuple[Pixels, tuple[int, int]]:
    """The box widened by margin (a fraction of its sides) as far as the image goes, and the cut's corner."""
    x1, y1, x2, y2 = box
    wide, high = x2 - x1, y2 - y1
    left, top = max(0, round(x1 - margin * wide)), max(0, round(y1 - margin * high))
    right, bottom = (
        min(image.shape[1], round(x2 + margin * wide)),
        min(image.shape[0], round(y2 + margin * high)),
    )
    return image[top:bottom, left:right], (left, top)


def _posterior(session: ort.InferenceSession, image: Pixels, box: Box) -> NDArray[np.float32]:
    crops = [cv2.resize(cut(image, box, margin)[0], (WIDTH, HEIGHT))[:, :, ::-1] for margin in WIDENINGS]
    output: NDArray[np.float32] = session.run(["plate"], {session.get_inputs()[0].name: np.stack(crops)})[0]
    return output.reshape(len(crops), SLOTS, len(ALPHABET))


def _label(posteriors: NDArray[np.float32], sure: float) -> NDArray[np.float32] | None:
    """The mean posterior over the widenings if every slot is sure and the text has no holes."""
    mean: NDArray[np.float32] = posteriors.mean(0)
    best = mean.argmax(1)
    length = int((best != PAD).sum())
    if length < 3 or (best[:length] == PAD).any() or mean.max(1).min() < sure:
        return None
    return mean


def load_real(path: Path) -> list[RealPlate]:
    """Read what `main` wrote."""
    with np.load(path, allow_pickle=False) as data:
        pixels, offset, shape, boxes, targets = (
            data[name] for name in ("pixels", "offset", "shape", "plate", "target")
        )
    plates = []
    for start, (height, width), box, target in zip(offset, shape, boxes, targets, strict=True):
        x1, y1, x2, y2 = (float(v) for v in box)
        plates.append(
            RealPlate(pixels[start : start + height * width].reshape(height, width), (x1, y1, x2, y2), target)
        )
    return plates


def _rows(table: Path) -> Iterator[tuple[str, Box]]:
    """Picture names and boxes wide enough to be read."""
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["x1"] and float(row["x2"]) - float(row["x1"]) >= NARROWEST:
                yield row["image"], (float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"]))


def _plate_of(image: Pixels, box: Box, target: NDArray[np.float32]) -> RealPlate:
    """The grey crop with its margin, at most LONGEST wide."""
    crop, (left, top) = cut(image, box, MARGIN)
    scale = min(1.0, LONGEST / crop.shape[1])
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x1, y1, x2, y2 = box
    plate = ((x1 - left) * scale, (y1 - top) * scale, (x2 - left) * scale, (y2 - top) * scale)
    return RealPlate(np.asarray(grey, np.uint8), plate, target)


def _save(path: Path, plates: list[RealPlate]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = np.array([plate.crop.size for plate in plates])
    np.savez(
        path,
        pixels=np.concatenate([plate.crop.ravel() for plate in plates]),
        offset=np.concatenate([[0], sizes.cumsum()[:-1]]),
        shape=np.array([plate.crop.shape for plate in plates]),
        plate=np.array([plate.plate for plate in plates], np.float32),
        target=np.stack([plate.target for plate in plates]),
    )


def main() -> None:
    """Label the pictures' plates and write those kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=Path, required=True, help="folder with boxes.csv and images/")
    parser.add_argument("--teacher", type=Path, required=True, help="the hub's OCR, ONNX")
    parser.add_argument(
        "--sure", type=float, default=0.55, help="least probability of every slot's best character"
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = 1
    session = ort.InferenceSession(str(options.teacher), settings, providers=["CPUExecutionProvider"])
    kept: list[RealPlate] = []
    rows = list(_rows(options.pictures / "boxes.csv"))
    for name, box in rows:
        image = np.asarray(cv2.imread(str(options.pictures / "images" / name)), np.uint8)
        target = _label(_posterior(session, image, box), options.sure)
        if target is not None:
            kept.append(_plate_of(image, box, target))
    _save(options.out, kept)
    log.info("kept %d of %d boxes", len(kept), len(rows))


if __name__ == "__main__":
    main()
