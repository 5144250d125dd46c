"""Medians, shares and their intervals. Every figure of a report says how far it can be trusted."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

_Z: Final = 1.959963984540054
"""Of a normal distribution's middle 95 %."""
_FEW: Final = 6
"""Below so many runs the interval is simply their range."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval, and how many observations it rests on."""

    value: float
    low: float
    high: float
    n: int


def share(hits: int, total: int) -> Estimate:
    """Return a share with Wilson's interval, which holds for few observations and near 0 and 1.

    With none observed the interval is the whole of 0 to 1.
    """
    if total == 0:
        return Estimate(math.nan, 0.0, 1.0, 0)
    p = hits / total
    spread = _Z * math.sqrt(p * (1 - p) / total + _Z * _Z / (4 * total * total))
    centre, scale = p + _Z * _Z / (2 * total), 1 + _Z * _Z / total
    return Estimate(p, max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale), total)


def median(values: Sequence[float], *, seed: int = 0) -> Estimate:
    """Return the median of repeated runs with its interval.

    Few runs give their whole range; more give a bootstrapped interval.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("the median of no values")
    middle = float(np.median(values))
    if len(values) < _FEW:
        return Estimate(middle, float(min(values)), float(max(values)), len(values))
    return bootstrap(values, lambda sample: float(np.median(sample)), seed=seed)


def bootstrap(
    values: Sequence[float],
    statistic: Callable[[Sequence[float]], float],
    *,
    seed: int = 0,
    rounds: int = 1000,
) -> Estimate:
    """Return a statistic with the middle 95 % of what it is on resampled values."""
    rng = np.random.default_rng(seed)
    data = np.asarray(values, np.float64)
    drawn = [statistic(data[rng.integers(len(data), size=len(data))].tolist()) for _ in range(rounds)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(statistic(data.tolist()), float(low), float(high), len(data))
