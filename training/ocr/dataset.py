"""Endless training shards, made by one process while another trains.

Each shard is a folder of .npy arrays: images N x 64 x 128 uint8; target N x 10 x 37 float16 (one-hot for drawn
plates, the teacher's posterior for real ones); centre N x 10 and line N x 10 (the characters' places, -1 where
unknown or absent).

    python -m training.ocr.dataset --out runs/ocr/shards --real runs/ocr/real.npz --seed 1
"""

from __future__ import annotations

import argparse
import logging
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.ocr.augment import Shot, Subject, shoot
from training.ocr.canvas import PLATE
from training.ocr.model import ALPHABET, HEIGHT, PAD, SLOTS, WIDTH
from training.ocr.plates import draw
from training.ocr.real import RealPlate, load_real

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SHARD = 4096
REUSE = 3  # photographs taken of each drawn plate
NO_POINTS = np.zeros((0, 2), np.float32)
log = logging.getLogger("training.ocr.dataset")


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard in memory; see the module for shapes."""

    images: NDArray[np.uint8]
    target: NDArray[np.float16]
    centre: NDArray[np.float32]
    line: NDArray[np.int8]

    @staticmethod
    def empty(size: int) -> Shard:
        """A shard to fill: no character anywhere yet."""
        return Shard(
            np.zeros((size, HEIGHT, WIDTH), np.uint8),
            np.zeros((size, SLOTS, len(ALPHABET)), np.float16),
            np.full((size, SLOTS), -1, np.float32),
            np.full((size, SLOTS), -1, np.int8),
        )

    def save(self, folder: Path) -> None:
        """Write beside, then rename: a reader never sees half a shard."""
        part = folder.with_suffix(".part")
        part.mkdir(parents=True)
        for name in Shard.__slots__:
            np.save(part / f"{name}.npy", getattr(self, name))
        part.replace(folder)

    @staticmethod
    def load(folder: Path) -> Shard:
        """Read what `save` wrote."""
        return Shard(*(np.load(folder / f"{name}.npy") for name in Shard.__slots__))


def _one_hot(text: str) -> NDArray[np.float16]:
    codes = [ALPHABET.index(c) for c in text] + [PAD] * (SLOTS - len(text))
    return np.eye(len(ALPHABET), dtype=np.float16)[codes]


def _put_drawn(shard: Shard, rows: range, rng: np.random.Generator, strength: float) -> None:
    plate = draw(rng)
    subject = Subject(plate.canvas, PLATE, plate.aspect, plate.centres)
    count = len(plate.text)
    for row in rows:
        spread = 0.06 if rng.random() < 0.1 else 0.03  # a loose or tight box now and then
        shot = Shot(strength=strength * rng.uniform(0.1, 1.0), spread=spread)
        image, points = shoot(rng, subject, shot)
        shard.images[row] = image
        shard.target[row] = _one_hot(plate.text)
        shard.centre[row, :count] = points[:, 0]
        shard.line[row, :count] = plate.line


def _put_real(shard: Shard, row: int, rng: np.random.Generator, real: RealPlate, strength: float) -> None:
    native = (real.plate[2] - real.plate[0]) * 1.16
    shot = Shot(
        strength=strength * 0.7 * rng.random(),
        pose=0.45,
        spread=0.035,
        widths=(min(native, max(48.0, native * 0.5)), native * 1.1),
    )
    shard.images[row], _ = shoot(rng, Subject(real.crop, real.plate, real.aspect, NO_POINTS), shot)
    shard.target[row] = real.target


def share_of(real: list[RealPlate]) -> NDArray[np.float64] | None:
    """How often to take each real crop: a plate seen in many pictures weighs as much as one seen in three."""
    if not real:
        return None
    texts = [bytes(plate.target.argmax(1).astype(np.uint8)) for plate in real]
    count = Counter(texts)
    weight = np.array([min(1.0, 3 / count[text]) for text in texts])
    return weight / weight.sum()


def make_shard(rng: np.random.Generator, real: list[RealPlate], real_share: float, strength: float) -> Shard:
    """Draw one shard; real_share of its rows are real crops."""
    shard = Shard.empty(SHARD)
    real_rows = round(SHARD * real_share) if real else 0
    for row, index in enumerate(rng.choice(max(1, len(real)), real_rows, p=share_of(real))):
        _put_real(shard, row, rng, real[index], strength)
    for start in range(real_rows, SHARD, REUSE):
        _put_drawn(shard, range(start, min(start + REUSE, SHARD)), rng, strength)
    return shard


def consume(folder: Path) -> Iterator[Shard]:
    """Yield shards as they appear and delete each once it is read."""
    while True:
        ready = sorted(folder.glob("*.shard"))
        if not ready:
            time.sleep(0.5)
            continue
        shard = Shard.load(ready[0])
        shutil.rmtree(ready[0])
        yield shard


def main() -> None:
    """Make shards until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--real", type=Path, help="npz of training.ocr.real; without it only drawn plates")
    parser.add_argument("--real-share", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first shard, to go on after a stop"
    )
    parser.add_argument("--ahead", type=int, default=10, help="shards to keep ready")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    real = load_real(options.real) if options.real else []
    options.out.mkdir(parents=True, exist_ok=True)
    number = options.first
    while True:
        while len(list(options.out.glob("*.shard"))) >= options.ahead:
            time.sleep(1)
        strength = min(1.0, 0.4 + 0.03 * number)  # easy pictures first
        rng = np.random.default_rng((options.seed, number))
        make_shard(rng, real, options.real_share, strength).save(options.out / f"{number:06d}.shard")
        number += 1


if __name__ == "__main__":
    main()
