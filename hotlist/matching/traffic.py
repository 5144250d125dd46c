"""How likely a passing vehicle is to carry just one plate, and what a reading must show for a match.

Authorities issue plates in patterns. Three letters and three digits make ten times fewer plates than three
letters and four digits, so any one of them is ten times likelier on a passing vehicle, and a misread ten
times likelier to be somebody else's plate. A match therefore needs the reading to make the plate so many
times likelier than it was before: one ratio for the whole list (the likelihood-ratio test, which finds the
most true hits for a given number of false ones), and so a threshold that depends on the plate's pattern.
"""

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from hotlist.matching.patterns import Codes, log_sizes, patterns_of

Values = npt.NDArray[np.float64]

LOOSEST: Final = -8.0
"""The least log probability that can be a match; below it, any one character might as well be another."""
STRICTEST: Final = -0.5
"""The most that is ever asked: the listed plate is likelier than not."""


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """The shares of the plates' patterns in traffic.

    Attributes:
        patterns: (k,) uint32, ascending.
        shares: (k,) float64, each pattern's share of the vehicles.
        unseen: the share of any one other pattern.
    """

    patterns: npt.NDArray[np.uint32] = field(repr=False)
    shares: Values = field(repr=False)
    unseen: float

    @classmethod
    def like(cls, codes: Codes) -> Self:
        """Take a list's plates as a sample of the traffic; one unseen vehicle of any other pattern."""
        patterns, counts = np.unique(patterns_of(codes), return_counts=True)
        return cls(patterns, (counts + 1) / (len(codes) + 1), 1 / (len(codes) + 1))

    def log_probability(self, codes: Codes) -> Values:
        """Return the log probability that a passing vehicle carries just this plate, for each code."""
        patterns = patterns_of(codes)
        shares = np.full(len(codes), self.unseen)
        if len(self.patterns):
            place = np.minimum(self.patterns.searchsorted(patterns), len(self.patterns) - 1)
            shares = np.where(self.patterns[place] == patterns, self.shares[place], self.unseen)
        logs: Values = np.log(shares) - log_sizes(patterns)
        return logs


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """The least log probability of a match, per plate.

    Attributes:
        traffic: how likely each plate is before it is read.
        log_ratio: how many times likelier the reading must make it, as a logarithm.
        loosest: the least threshold of any plate of the list it was made for.
    """

    traffic: Traffic = field(repr=False)
    log_ratio: float
    loosest: float

    @classmethod
    def at(cls, traffic: Traffic, log_ratio: float, codes: Codes) -> Self:
        """Return the thresholds for a list's plates at one ratio."""
        _, first = np.unique(patterns_of(codes), return_index=True)
        least = clipped(log_ratio + traffic.log_probability(codes[first]))
        return cls(traffic, log_ratio, float(least.min(initial=STRICTEST)))

    def of(self, codes: Codes) -> Values:
        """Return the least log probability of a match, for each plate."""
        return clipped(self.log_ratio + self.traffic.log_probability(codes))


def clipped(thresholds: Values) -> Values:
    """Return thresholds within the bounds."""
    return np.clip(thresholds, LOOSEST, STRICTEST)
