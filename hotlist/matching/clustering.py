"""How much closer to each other the plates of a list stand than chance: plates are issued in sequence."""

from typing import Final

import numpy as np

from hotlist.matching.patterns import Codes, choices_of, log_sizes, patterns_of
from hotlist.plate import BASE, MAX_LENGTH

_CHANCE: Final = 10.0
"""Pairs of neighbours taken as seen, and as expected, before any are counted: a short list says little."""


def clustering(codes: Codes) -> float:
    """Return how many times more pairs of plates differ in one character than chance gives, at least 1.

    Chance: every plate of a pattern is as likely as any other. A letter differs from a letter, a digit from a
    digit.

    Args:
        codes: (n,) uint64, each plate once.
    """
    choices = choices_of(codes)
    seen = expected = _CHANCE
    for place in range(MAX_LENGTH):
        value = np.uint64(BASE ** (MAX_LENGTH - 1 - place))
        digit = codes // value % np.uint64(BASE)
        # With the number of choices in the character's place, neighbours in this place are equal.
        alike = codes - digit * value + choices[:, place].astype(np.uint64) * value
        _, groups = np.unique(alike[choices[:, place] > 1], return_counts=True)
        seen += float((groups * (groups - 1.0)).sum() / 2)
    patterns, first, counts = np.unique(patterns_of(codes), return_index=True, return_counts=True)
    neighbours = (choices[first] - 1).sum(axis=1)
    pairs = counts * (counts - 1.0) / 2
    expected += float((pairs * neighbours / (np.exp(log_sizes(patterns)) - 1)).sum())
    return max(1.0, seen / expected)
