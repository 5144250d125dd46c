"""What the OCR makes of labelled pictures, and what a matching method makes of that."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fixtures.pictures import open_detector, open_reader, pictures, read
from benchmarks.fixtures.plausible import Plausible
from benchmarks.harness.stats import Estimate, share
from benchmarks.matching.matchers import Method
from edge.flow import Table
from hotlist.matching.patterns import Codes
from hotlist.plate import encode

MARGIN = 0.08
FRAMES = 16
PER_THOUSAND = 1_000


@dataclass(frozen=True, slots=True)
class Readings:
    """What the OCR made of a set of pictures.

    Attributes:
        codes: (n,) uint64, the labels.
        single: (n x 10 x 37), the pictures as they are.
        mild: (n x k x 10 x 37), copies with the box moved a little, in other light.
        harsh: the same, also small, blurred and noisy.
    """

    codes: Codes
    single: Table
    mild: Table
    harsh: Table


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method made of a set of readings: the hits, and the expected false hits of each reading."""

    hits: int
    total: int
    false_per_thousand: float

    @property
    def recall(self) -> Estimate:
        """Share of the listed plates that were found."""
        return share(self.hits, self.total)


def read_sets(data: Path, models: Path, reader: str, detector: str) -> dict[str, Readings]:
    """Return what the OCR makes of the pictures of each set."""
    ocr, boxes = open_reader(models, reader), open_detector(models, detector)
    found = {}
    for folder in ("us", "eu"):
        harsh, mild = (
            read(pictures(data / folder), ocr, detector=boxes, margin=MARGIN, frames=FRAMES, harsh=kind)
            for kind in (True, False)
        )
        codes = np.array([encode(plate) for plate in harsh.plates], np.uint64)
        found[folder] = Readings(codes, harsh.single, mild.frames, harsh.frames)
    return found


def joined(several: list[Readings]) -> Readings:
    """Return several sets as one."""
    return Readings(
        np.concatenate([each.codes for each in several]),
        np.concatenate([each.single for each in several]),
        np.concatenate([each.mild for each in several]),
        np.concatenate([each.harsh for each in several]),
    )


def outcome(method: Method, readings: Readings, plausible: Plausible, listed: int) -> Outcome:
    """Return a method's hits, and its false hits on lists of `listed` plausible plates."""
    hits, false = 0, 0.0
    for code, table in zip(readings.codes, readings.single, strict=True):
        accepted = method(table)
        hits += int(code in accepted)
        chances = plausible.probability(accepted[accepted != code]) * listed
        false += 1.0 - float(np.exp(-chances.sum()))
    return Outcome(hits, len(readings.codes), PER_THOUSAND * false / len(readings.codes))
