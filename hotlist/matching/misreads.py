"""The exact misreads that a listed plate accepts: texts that, read without a doubt, would still be a hit.

This turns matching round. Matching asks, of a reading, which plates may stand there; this asks, of a listed
plate, which readings would be taken for it. For people who write the list; the edge never calls it.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from hotlist.matching.candidates import Candidates, Places
from hotlist.matching.confusion import COLUMNS, SLOTS, Kernel, Table
from hotlist.matching.plate_index import Codes
from hotlist.plate import ALPHABET, BASE, MIN_LENGTH, PAD, decode, encode

_VALUES: Final = np.array([BASE ** (SLOTS - 1 - place) for place in range(SLOTS)], np.uint64)


@dataclass(frozen=True, slots=True)
class Misread:
    """A reading that is taken for a listed plate, and the probability that the hit would show."""

    reading: str = field(repr=False)
    probability: float


class Misreads:
    """Lists the readings that a plate accepts.

    Args:
        kernel: the OCR's known mistakes.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._logs = np.log(np.maximum(kernel.confusion, np.float32(1e-30)))
        never = np.full_like(kernel.missing, -np.inf)
        turned = Kernel(
            confusion=np.ascontiguousarray(kernel.confusion.T),
            spurious=np.full_like(kernel.spurious, -np.inf),
            missing=never,
            soft=kernel.soft,
            provenance=kernel.provenance,
        )
        self._candidates = Candidates(turned)

    def of(self, plate: str, threshold: float) -> list[Misread]:
        """Return the misreads that a normalised plate accepts, the likeliest first.

        Args:
            plate: the listed plate.
            threshold: the least log probability of a match.
        """
        codes, scores = self.codes(encode(plate), threshold)
        order = np.argsort(-scores, kind="stable")
        return [Misread(decode(int(codes[place])), float(np.exp(scores[place]))) for place in order]

    def codes(self, code: int, threshold: float) -> tuple[Codes, Table]:
        """Return the codes of the misreads, each once, and their log probability; not the plate itself.

        Any number of confused characters, or one character too many or missing in the reading; both together
        are left out: their probability is a product of rare mistakes.
        """
        columns = np.array([ALPHABET.index(character) for character in decode(code)])
        table = np.zeros((SLOTS, COLUMNS), np.float32)
        table[np.arange(SLOTS), PAD] = 1.0
        table[: len(columns), PAD] = 0.0
        table[np.arange(len(columns)), columns] = 1.0
        confused, scores = self._candidates.generate(table, threshold)
        sure = float(self._logs[columns, columns].sum())
        parts = [(confused, scores), self._longer(columns, sure), self._shorter(columns, sure)]
        codes = np.concatenate([part[0] for part in parts])
        likely = np.concatenate([part[1] for part in parts])
        order = np.lexsort((-likely, codes))
        codes, likely = codes[order], likely[order]
        kept = (likely >= threshold) & (codes != code)
        kept[1:] &= codes[1:] != codes[:-1]
        return codes[kept], likely[kept]

    def _longer(self, columns: Places, sure: float) -> tuple[Codes, Table]:
        """Return the readings with one character too many."""
        length = len(columns) + 1
        if length > SLOTS:
            return np.empty(0, np.uint64), np.empty(0, np.float32)
        codes = [
            _code(np.insert(columns, slot, 0)) + np.arange(PAD, dtype=np.uint64) * _VALUES[slot]
            for slot in range(length)
        ]
        scores = np.repeat(self._kernel.spurious_at(length) + np.float32(sure), PAD)
        return np.concatenate(codes), scores

    def _shorter(self, columns: Places, sure: float) -> tuple[Codes, Table]:
        """Return the readings with one character missing."""
        if len(columns) <= MIN_LENGTH:
            return np.empty(0, np.uint64), np.empty(0, np.float32)
        codes = [_code(np.delete(columns, place)) for place in range(len(columns))]
        scores = sure - self._logs[columns, columns] + self._kernel.missing[columns]
        return np.concatenate(codes), scores.astype(np.float32)


def _code(columns: Places) -> Codes:
    """Return one code, as an array, of a plate's columns."""
    digits = columns.astype(np.uint64) + np.uint64(1)
    code: Codes = (digits * _VALUES[: len(digits)]).sum(keepdims=True, dtype=np.uint64)
    return code
