"""Draw the training crops into shards on disk: drawn once, used many times.

    python -m training.region.dataset --train ../shared/train --real runs/region/real.npz --out runs/region/shards

A shard is two .npy files: images N x 80 x 160 x 3 uint8 BGR, and allowed N x classes bool: the classes that a crop
may be (one, where it is known). Every shard is a function of the seed and its number.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.region.classes import BANDS, CANNOT_TELL, CLASSES, DRAWN, STATES, US
from training.region.drawn import european_plate, state_plate, unknown_plate
from training.region.photograph import Picture, photograph
from training.region.real import RealCrop, load_real
from training.region.specimens import Specimens

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARD = 2048
SHARES = {
    "specimen": 0.62,
    "state": 0.1,
    "european": 0.1,
    "unknown": 0.06,
    "real": 0.09,
    "blurred": 0.01,
    "road": 0.02,
}
CAMERA = (60.0, 320.0)
"""A crop's least and greatest width in camera pixels."""
log = logging.getLogger("training.region.dataset")


@dataclass(frozen=True, slots=True)
class Material:
    """What is drawn from: specimens, real crops (may be none) and pictures of roads."""

    specimens: Specimens
    real: list[RealCrop]
    road: list[Picture]

    def one(self, rng: np.random.Generator) -> tuple[Picture, NDArray[np.bool_]]:
        """One crop and the classes it may be."""
        kind = str(rng.choice(list(SHARES), p=np.array(list(SHARES.values())) / sum(SHARES.values())))
        if kind == "real" and self.real:
            return self._real(rng)
        if kind == "road" and self.road:
            return self._road(rng), _only(CANNOT_TELL)
        if kind == "unknown":
            return photograph(rng, unknown_plate(rng), rng.normal(2.0, 0.06), CAMERA), _only(CANNOT_TELL)
        if kind == "european":
            code = str(rng.choice(list(BANDS)))
            picture = photograph(rng, european_plate(rng, code), rng.normal(4.5, 0.2), CAMERA)
            return picture, _only(CLASSES.index(code))
        label = int(rng.integers(US))
        plate = state_plate(rng, list(STATES)[label]) if kind == "state" else self.specimens.one(rng, label)
        widths = (14.0, 28.0) if kind == "blurred" else CAMERA
        picture = photograph(rng, plate, rng.normal(2.0, 0.06), widths)
        return picture, _only(CANNOT_TELL if kind == "blurred" else label)

    def _real(self, rng: np.random.Generator) -> tuple[Picture, NDArray[np.bool_]]:
        crop = self.real[int(rng.integers(len(self.real)))]
        native = float(crop.picture.shape[1])
        aspect = crop.aspect
        return photograph(
            rng, crop.picture, aspect, (max(50.0, native * 0.6), max(60.0, native))
        ), crop.allowed

    def _road(self, rng: np.random.Generator) -> Picture:
        """A piece of a picture, taken anywhere: no plate, or at most a piece of one."""
        picture = self.road[int(rng.integers(len(self.road)))]
        high, wide = picture.shape[0] // 4, picture.shape[1] // 3
        y, x = int(rng.integers(picture.shape[0] - high)), int(rng.integers(picture.shape[1] - wide))
        return photograph(rng, picture[y : y + high, x : x + wide], 2.0, CAMERA)


def _only(label: int) -> NDArray[np.bool_]:
    mask = np.zeros(len(CLASSES), np.bool_)
    mask[label] = True
    return mask


def draw_shard(material: Material, rng: np.random.Generator, size: int) -> tuple[Picture, NDArray[np.bool_]]:
    """Return size x DRAWN x 3 crops and size x classes masks."""
    images = np.empty((size, *DRAWN, 3), np.uint8)
    allowed = np.empty((size, len(CLASSES)), np.bool_)
    for row in range(size):
        images[row], allowed[row] = material.one(rng)
    return images, allowed


def save_shard(folder: Path, number: int, images: Picture, allowed: NDArray[np.bool_]) -> None:
    """Write beside, then rename: a reader never sees half a shard."""
    part = folder / f"{number:05d}.part"
    part.mkdir(parents=True, exist_ok=True)
    np.save(part / "images.npy", images)
    np.save(part / "allowed.npy", allowed)
    part.replace(folder / f"{number:05d}.shard")


def main() -> None:
    """Draw the shards that are not there yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=Path, required=True, help="folder with us-plate-designs/ and images/")
    parser.add_argument("--real", type=Path, help="npz of training.region.real")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shards", type=int, default=40)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(1)
    roads = sorted((options.train / "images").glob("*.jpg"))[::5]
    material = Material(
        Specimens.load(options.train / "us-plate-designs"),
        load_real(options.real) if options.real else [],
        [np.asarray(cv2.imread(str(path)), np.uint8) for path in roads],
    )
    for number in range(options.shards):
        if not (options.out / f"{number:05d}.shard").is_dir():
            rng = np.random.default_rng((options.seed, number))
            save_shard(options.out, number, *draw_shard(material, rng, SHARD))
            log.info("shard %d", number)


if __name__ == "__main__":
    main()
