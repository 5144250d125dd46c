"""How often an OCR reads one character for another: measured once for each OCR, kept in `kernels/`.

A file names what it was measured on. It is written by `benchmarks.matching.fit_confusion` from labelled crops;
nothing in it can be traced to a plate.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from hotlist.plate import ALPHABET, MAX_LENGTH, PAD

Table = npt.NDArray[np.float32]

SLOTS: Final = MAX_LENGTH
COLUMNS: Final = PAD + 1
_FIRST, _INNER, _LAST = range(3)
DEFAULT_READER: Final = "hitonly-ocr"
_TINY: Final = np.float32(1e-30)


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """The OCR's known mistakes, as probabilities of what stands there given what is read.

    Attributes:
        confusion: (37 x 37) float32; row: character read, column: character that stands there. Rows sum to 1.
            Padding stands for itself only: a plate's end moves by a missing or extra character.
        spurious: (3,) float32; log probability that the first, an inner or the last character read is none of
            the plate's.
        missing: (36,) float32; log probability that just this character was left out at one given place.
        soft: (2 x k) float64; log thresholds, ascending, and how many further plates of its own pattern a
            reading accepts on average because its probabilities are spread (for `hotlist.matching.cost`).
        provenance: what it was measured on and with.
    """

    confusion: Table = field(repr=False)
    spurious: Table
    missing: Table = field(repr=False)
    soft: npt.NDArray[np.float64] = field(repr=False)
    provenance: Mapping[str, str]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the file's form: rare confusions share one floor, the others are named ``"O>0"``."""
        raw = json.loads(text)
        confusion = np.full((PAD, PAD), float(raw["floor"]), np.float64)
        for pair, probability in raw["confusion"].items():
            confusion[ALPHABET.index(pair[0]), ALPHABET.index(pair[2])] = probability
        np.fill_diagonal(confusion, 0.0)
        np.fill_diagonal(confusion, 1.0 - confusion.sum(axis=1))
        whole = np.eye(COLUMNS)
        whole[:PAD, :PAD] = confusion
        spurious = np.log([raw["spurious"][name] for name in ("first", "inner", "last")])
        missing = np.log([raw["missing"][symbol] for symbol in ALPHABET])
        return cls(
            whole.astype(np.float32),
            spurious.astype(np.float32),
            missing.astype(np.float32),
            np.array([raw["soft"]["threshold"], raw["soft"]["plates"]], np.float64),
            raw["provenance"],
        )

    def log_likelihood(self, table: Table, out: Table) -> Table:
        """Write to `out`, and return, the log probability that a character stands in a slot: (10 x 37)."""
        np.matmul(table, self.confusion, out=out)
        np.maximum(out, _TINY, out=out)
        return np.log(out, out=out)

    def spurious_at(self, length: int) -> Table:
        """Return the log probability that each of a reading's characters is none of the plate's."""
        logs = np.full(length, self.spurious[_INNER])
        logs[:1] = self.spurious[_FIRST]
        logs[1:][-1:] = self.spurious[_LAST]
        return logs


@cache
def named(reader: str) -> Kernel:
    """Return the kernel measured with an OCR, by its name in the edge's manifest.

    An OCR that none was measured with gets the default one: better than none, but its budget of false hits is
    then a guess (docs/matching.md says how to measure your own).
    """
    kernels = files("hotlist.matching").joinpath("kernels")
    file = kernels.joinpath(f"{reader}.json")
    if "/" in reader or not file.is_file():
        file = kernels.joinpath(f"{DEFAULT_READER}.json")
    return Kernel.from_json(file.read_text("utf-8"))


def default() -> Kernel:
    """Return the kernel of the OCR that comes with the package."""
    return named(DEFAULT_READER)
