"""Does a series rise? A slope with its interval, for samples that hang together in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.stats import Estimate

_ROUNDS: Final = 2000
_FEWEST: Final = 8


@dataclass(frozen=True, slots=True)
class Trend:
    """The slope of a series, a unit of its values per hour, and its interval."""

    slope: Estimate

    def flat(self, bound: float) -> bool:
        """Whether a rise of `bound` an hour or more is ruled out."""
        return self.slope.high < bound

    def rises(self) -> bool:
        """Whether it rises for certain."""
        return self.slope.low > 0


def trend(hours: Sequence[float], values: Sequence[float], *, together: int = 5, seed: int = 0) -> Trend:
    """Return the least-squares slope, with an interval from a circular block bootstrap of the residuals.

    Neighbouring samples hang together (a caches fills, a process is renewed), so they are resampled in blocks.

    Args:
        hours: when each value was taken.
        values: for example, MiB.
        together: samples to a block.
        seed: of the resampling.

    Raises:
        ValueError: fewer than eight values, or times that do not differ.
    """
    x, y = np.asarray(hours, np.float64), np.asarray(values, np.float64)
    if len(x) < _FEWEST or np.ptp(x) == 0:
        raise ValueError(f"a trend takes {_FEWEST} values or more, over time: {len(x)} given")
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    rng = np.random.default_rng(seed)
    blocks = -(-len(x) // together)
    starts = rng.integers(len(x), size=(_ROUNDS, blocks))
    places = (starts[:, :, None] + np.arange(together)) % len(x)
    drawn = rest[places.reshape(_ROUNDS, -1)[:, : len(x)]]
    slopes = slope + drawn @ x / (x @ x)
    low, high = (float(end) for end in np.percentile(slopes, [2.5, 97.5]))
    return Trend(Estimate(slope, low, high, len(x)))
