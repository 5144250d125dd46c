"""Does a series rise? A slope with its interval, for samples that hang together in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.stats import Estimate

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
    """Return the Theil-Sen slope, with an interval from a circular block bootstrap of the residuals.

    The median of the slopes of all pairs: a minute in which one process takes over from another and both are there
    is no growth, and does not tip it; 29 % of the values would have to be off for that (P. K. Sen, Journal of the
    American Statistical Association 63, 1968). So it says nothing of the last minutes alone.
    Neighbouring samples hang together (a cache fills, a process is renewed), so they are resampled in blocks.

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
    slope = float(_of_pairs(x, y[None])[0])
    rest = y - slope * x
    rng = np.random.default_rng(seed)
    blocks = -(-len(x) // together)
    starts = rng.integers(len(x), size=(_ROUNDS, blocks))
    places = (starts[:, :, None] + np.arange(together)) % len(x)
    slopes = slope + _of_pairs(x, rest[places.reshape(_ROUNDS, -1)[:, : len(x)]])
    low, high = (float(end) for end in np.percentile(slopes, [2.5, 97.5]))
    return Trend(Estimate(slope, low, high, len(x)))


def _of_pairs(x: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each row's median slope: `x` of shape (n,), `rows` of shape (rounds, n)."""
    first, second = np.triu_indices(len(x), 1)
    apart = x[second] - x[first]
    first, second, apart = first[apart != 0], second[apart != 0], apart[apart != 0]
    return np.array([np.median((row[second] - row[first]) / apart) for row in rows])
