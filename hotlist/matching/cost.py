"""What a hot list will cost: how many false hits a day it is expected to make at a traffic volume.

The model, and what it leaves out (docs/matching.md):

1. A vehicle that is not listed carries a plate t with probability share(pattern of t) / plates of that
   pattern. The shares are the list's own: listed vehicles are taken as a sample of the traffic
   (`hotlist.matching.traffic`).
2. It is a false hit for a listed plate when its reading gives that one at least its threshold. Even a reading
   without any doubt does so for the misreads that the listed plate accepts (`hotlist.matching.misreads`).
3. A reading in doubt accepts more plates of its own pattern: on average as many as were measured with the
   kernel (`Kernel.soft`), any of them as likely as any other.
4. Plates are issued in sequence, so a listed plate has more neighbours on the road than chance gives it: by
   the factor by which listed plates are closer to each other than chance (`hotlist.matching.clustering`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hotlist.matching.clustering import clustering
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.misreads import Misreads
from hotlist.matching.patterns import Codes
from hotlist.matching.traffic import LOOSEST, Thresholds, Traffic, Values, clipped

_GRID: Final = np.arange(1.5 * LOOSEST, 4.0, 0.25)
"""Thresholds that are tried for the list's middle plate; those of other patterns follow."""
_LONG: Final = 200_000
"""Of a longer list, this many plates drawn at random stand for it."""
_SAMPLE: Final = 200
"""Plates whose misreads are worked out one by one to estimate a longer list's total."""
HEAVY: Final = 0.1
"""A plate that takes a larger share of the budget than this alone is nothing that traffic bears so rarely."""


@dataclass(frozen=True, slots=True)
class EntryCost:
    """What one listed plate costs: its place in the codes that were handed in, and its false hits a day."""

    place: int
    false_hits_per_day: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a hot list is expected to cost at one camera.

    Attributes:
        plates: different plates listed; of a very long list, estimated.
        passes_per_day: the traffic.
        false_hits_per_day: of the whole list.
        clustering: how much closer than chance the listed plates stand to each other, at least 1.
        thresholds: the least probability of a match that this was worked out for.
        worst: the costliest plates, worst first.
    """

    plates: int
    passes_per_day: float
    false_hits_per_day: float
    clustering: float
    thresholds: Thresholds
    worst: tuple[EntryCost, ...]

    def heavy(self, budget: float) -> int:
        """Return how many of the costliest plates take more than a tenth of a budget, each alone."""
        return sum(each.false_hits_per_day > HEAVY * budget for each in self.worst)


def thresholds_for(codes: Codes, settings: MatchSettings) -> Thresholds:
    """Return the loosest thresholds whose predicted false hits stay within the budget, or the strictest.

    Args:
        codes: (n,) uint64, the listed plates, in any order.
        settings: the budget, the traffic volume, the kernel.
    """
    model = _Model(codes, settings)
    allowed = np.flatnonzero(model.total(model.ratios) <= settings.max_false_hits_per_day)
    ratio = model.ratios[allowed[0]] if len(allowed) else np.inf
    return Thresholds.at(model.traffic, float(ratio), model.codes)


def predict(
    codes: Codes, settings: MatchSettings, *, thresholds: Thresholds | None = None, worst: int = 20
) -> Cost:
    """Return what a list is expected to cost.

    Args:
        codes: (n,) uint64, the listed plates, in any order.
        settings: the budget, the traffic volume, the kernel.
        thresholds: those that the edge matches with; None takes the ones that the budget gives.
        worst: how many of the costliest plates to name.
    """
    thresholds = thresholds or thresholds_for(codes, settings)
    model = _Model(codes, settings)
    return Cost(
        plates=model.plates,
        passes_per_day=settings.passes_per_day,
        false_hits_per_day=float(model.total(np.array([thresholds.log_ratio]))[0]),
        clustering=model.clustering,
        thresholds=thresholds,
        worst=model.worst(thresholds.log_ratio, worst),
    )


class _Model:
    """The list's plates, the traffic they stand for, and the false hits of each at any ratio."""

    def __init__(self, codes: Codes, settings: MatchSettings) -> None:
        self._all = codes
        self.plates = len(codes)
        if len(codes) > _LONG:
            codes = np.random.default_rng(0).choice(codes, _LONG, replace=False)
        self.codes = np.unique(codes)
        self.plates = round(self.plates * len(self.codes) / max(len(codes), 1))
        self.traffic = Traffic.like(self.codes)
        self.clustering = clustering(self.codes)
        self._passes = settings.passes_per_day
        self._soft = settings.kernel.soft
        self._misreads = Misreads(settings.kernel)
        middle = self.traffic.log_probability(self._sample())
        self.ratios: Values = _GRID - (np.median(middle) if len(middle) else 0.0)

    def total(self, ratios: Values) -> Values:
        """Return the list's false hits a day at each ratio."""
        if not len(self.codes):
            return np.zeros(len(ratios))
        sample = self._sample()
        return sum((self._of(code, ratios) for code in sample), np.zeros(len(ratios))) * (
            self.plates / len(sample)
        )

    def worst(self, ratio: float, number: int) -> tuple[EntryCost, ...]:
        """Return the costliest plates at one ratio: chosen by an estimate, then worked out."""
        ratios = np.array([ratio])
        codes, places = np.unique(self._all, return_index=True)
        parts = np.array_split(codes, -(-len(codes) // _LONG) or 1)
        logs = np.concatenate([self.traffic.log_probability(part) for part in parts])
        estimate = logs + np.log(np.interp(clipped(ratio + logs), *self._soft) + 1.0)
        chosen = np.argsort(-estimate, kind="stable")[: 10 * number]
        costs = (EntryCost(int(places[place]), float(self._of(codes[place], ratios)[0])) for place in chosen)
        return tuple(sorted(costs, key=lambda cost: -cost.false_hits_per_day)[:number])

    def _sample(self) -> Codes:
        """Return plates spread evenly over the list."""
        count = len(self.codes)
        return self.codes[np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.intp)]

    def _of(self, code: np.uint64, ratios: Values) -> Values:
        """Return one plate's false hits a day at each ratio."""
        own = self.traffic.log_probability(np.array([code]))
        thresholds = clipped(ratios + own)
        readings, scores = self._misreads.codes(int(code), LOOSEST)
        sharp = np.exp(self.traffic.log_probability(readings)) @ (scores[:, None] >= thresholds)
        soft = np.exp(own) * np.interp(thresholds, *self._soft)
        rates: Values = (sharp + soft) * self._passes * self.clustering
        return rates
