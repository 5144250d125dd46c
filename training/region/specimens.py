"""The states' published specimens: as they are, or with another serial over the specimen's."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.region.classes import CLASSES
from training.region.drawn import ink_of, lay, pick, serial

if TYPE_CHECKING:
    from pathlib import Path

    from training.region.photograph import Picture

BAND = slice(30, 82)
"""The rows of a specimen, of 112, where its serial stands."""


@dataclass(frozen=True, slots=True)
class Specimens:
    """All specimens, by class."""

    pictures: dict[int, list[Picture]]

    @staticmethod
    def load(folder: Path) -> Specimens:
        """Read the folder of labels.csv (image, region) and its pictures, 112 x 224 each."""
        pictures: dict[int, list[Picture]] = defaultdict(list)
        with (folder / "labels.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                image = cv2.imread(str(folder / row["image"]))
                pictures[CLASSES.index(row["region"])].append(np.asarray(image, np.uint8))
        return Specimens(dict(pictures))

    def one(self, rng: np.random.Generator, label: int) -> Picture:
        """A specimen of a class, half of the time with another serial."""
        choice = self.pictures[label]
        picture = choice[int(rng.integers(len(choice)))]
        return renumbered(rng, picture) if rng.random() < 0.5 else picture


def renumbered(rng: np.random.Generator, specimen: Picture) -> Picture:
    """Paint the specimen's serial out with what surrounds it, and another over it in its ink."""
    picture = specimen.copy()
    middle = picture[BAND]
    ground = cv2.medianBlur(middle, 31)
    away = np.abs(middle.astype(np.int16) - ground).max(2) > 45
    farthest = middle[away][
        np.argsort(np.abs(middle[away].astype(np.float32) - ground[away]).sum(1))[-away.sum() // 3 :]
    ]
    ink = np.median(farthest, 0) if away.sum() > 80 else np.array((40, 30, 30))
    cover = cv2.dilate(away.astype(np.uint8), np.ones((3, 3), np.uint8))[:, :, None] > 0
    picture[BAND] = np.where(cover, ground, middle)
    wide, high = rng.uniform(0.6, 0.95), rng.uniform(0.36, 0.48)
    left = rng.uniform(0.02, 0.98 - wide)
    blue, green, red = (float(v) for v in ink)
    box = (left, 0.5 - high / 2, wide, high)
    lay(picture, ink_of(pick(rng, "dies"), serial(rng)), box, (blue, green, red))
    return picture
