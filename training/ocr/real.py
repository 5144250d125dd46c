"""Real plates without text: crop them by their boxes and let the hub's OCR label those it is sure of.

Writes one npz: crops with a wide margin, the plate's rectangle in each, and the hub's averaged posterior as the target.

    python -m training.ocr.real --pictures ../shared/train --teacher HUB_OCR.onnx --out runs/ocr/real.npz
"""

from __future__ import annotations

import argparse
import csv
import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from training.ocr.model import ALPHABET, HEIGHT, PAD, SLOTS, WIDTH

MARGIN = 0.3
WIDENINGS = (0.03, 0.08, 0.13)
LONGEST = 256
log = logging.getLogger("training.ocr.real")


@dataclass(frozen=True, slots=True)
class RealPlate:
    """A grey crop, the plate's rectangle in it and a teacher's posterior (SLOTS x 37)."""

    crop: NDArray[np.uint8]
    plate: tuple[float, float, float, float]
    target: NDArray[np.float32]

    @property
    def aspect(self) -> float:
        """Width over height of the plate's rectangle."""
        x1, y1, x2, y2 = self.plate
        return (x2 - x1) / (y2 - y1)


def cut(
    image: NDArray[np.uint8], box: tuple[float, float, float, float], margin: float
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The box widened by margin (a fraction of its sides) as far as the image goes, and the cut's corner."""
    x1, y1, x2, y2 = box
    wide, high = x2 - x1, y2 - y1
    left, top = max(0, round(x1 - margin * wide)), max(0, round(y1 - margin * high))
    right, bottom = (
        min(image.shape[1], round(x2 + margin * wide)),
        min(image.shape[0], round(y2 + margin * high)),
    )
    return image[top:bottom, left:right], (left, top)


def _posterior(
    session: ort.InferenceSession, image: NDArray[np.uint8], box: tuple[float, float, float, float]
) -> NDArray[np.float32]:
    crops = [cv2.resize(cut(image, box, margin)[0], (WIDTH, HEIGHT))[:, :, ::-1] for margin in WIDENINGS]
    output: NDArray[np.float32] = session.run(["plate"], {session.get_inputs()[0].name: np.stack(crops)})[0]
    return output.reshape(len(crops), SLOTS, len(ALPHABET))


def _label(posteriors: NDArray[np.float32], sure: float) -> NDArray[np.float32] | None:
    """The mean posterior if every slot is sure and no widening reads otherwise by more than one character."""
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


def main() -> None:
    """Label the pictures' plates and write those kept."""
    parser = argparse.ArgumentParser(description=__doc__)
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
    seen = 0
    with (options.pictures / "boxes.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            if not row["x1"] or float(row["x2"]) - float(row["x1"]) < 24:
                continue
            seen += 1
            x1, y1, x2, y2 = box = tuple(float(row[k]) for k in ("x1", "y1", "x2", "y2"))  # type: ignore[assignment]
            image = cv2.imread(str(options.pictures / "images" / row["image"]))
            target = _label(_posterior(session, image, box), options.sure)
            if target is None:
                continue
            crop, (left, top) = cut(image, box, MARGIN)
            scale = min(1.0, LONGEST / crop.shape[1])
            grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
            if scale < 1:
                grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            plate = ((x1 - left) * scale, (y1 - top) * scale, (x2 - left) * scale, (y2 - top) * scale)
            kept.append(RealPlate(grey, plate, target))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sizes = np.array([p.crop.size for p in kept])
    np.savez(
        options.out,
        pixels=np.concatenate([p.crop.ravel() for p in kept]),
        offset=np.concatenate([[0], sizes.cumsum()[:-1]]),
        shape=np.array([p.crop.shape for p in kept]),
        plate=np.array([p.plate for p in kept], np.float32),
        target=np.stack([p.target for p in kept]),
    )
    log.info("kept %d of %d boxes", len(kept), seen)


if __name__ == "__main__":
    main()
