"""What the workbook's list will cost in false hits, for people: before a file is imported, and when they ask."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from hitonly_core.policy import FALSE_HITS_PER_DAY
from hotlist.authoring.changes import Change
from hotlist.authoring.draft import Draft
from hotlist.errors import CostError
from hotlist.matching.cost import Cost, predict
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.misreads import Misreads
from hotlist.matching.plate_index import Codes
from hotlist.plate import decode, encode

MOST_MISREADS: Final = 12
"""Misreads that are named for one plate."""
MOST_HEAVY: Final = 10
"""Plates that are looked at for taking much of the budget; a tenth each is all of it."""


@dataclass(frozen=True, slots=True)
class Costly:
    """A plate that costs much: whose entries, how many false hits a day, and the misreads it accepts."""

    ids: tuple[str, ...]
    plate: str = field(repr=False)
    false_hits_per_day: float
    misreads: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListCost:
    """What a list is predicted to cost at one camera."""

    plates: int
    passes_per_day: float
    budget: float
    false_hits_per_day: float
    worst: tuple[Costly, ...] = field(repr=False)

    def sentence(self) -> str:
        """Return the prediction in words."""
        return (
            f"{self.plates} plates at {self.passes_per_day:g} vehicles a day:"
            f" {self.false_hits_per_day:.2f} false hits a day are predicted; the budget is {self.budget:g}"
        )

    def to_json(self) -> dict[str, object]:
        """Return the prediction as a JSON object."""
        return {
            "plates": self.plates,
            "passes_per_day": self.passes_per_day,
            "budget": self.budget,
            "false_hits_per_day": self.false_hits_per_day,
            "worst": [
                {
                    "ids": each.ids,
                    "plate": each.plate,
                    "false_hits_per_day": each.false_hits_per_day,
                    "misreads": each.misreads,
                }
                for each in self.worst
            ],
        }


def list_cost(draft: Draft, now: datetime, *, passes_per_day: float, budget: float, worst: int) -> ListCost:
    """Predict what the entries in force cost, and name the costliest with the misreads that they accept."""
    codes = _codes(draft.plates(now))
    settings = MatchSettings(max_false_hits_per_day=budget, passes_per_day=passes_per_day)
    predicted = predict(codes, settings, worst=worst)
    return ListCost(
        plates=predicted.plates,
        passes_per_day=passes_per_day,
        budget=budget,
        false_hits_per_day=predicted.false_hits_per_day,
        worst=_worst(draft, codes, predicted, settings),
    )


def check_budget(
    draft: Draft, change: Change | None, now: datetime, *, passes_per_day: float, accepted: float | None
) -> int:
    """Predict what the list costs with a staged change in it; return how many plates take much of the budget.

    Args:
        draft: the workbook.
        change: what was staged; nothing changes without one.
        now: aware UTC.
        passes_per_day: vehicles a day at one camera.
        accepted: the budget that a person accepted in so many words; else the policy's.

    Raises:
        CostError: more are predicted than the budget allows, at the strictest threshold there is.
    """
    budget = FALSE_HITS_PER_DAY if accepted is None else accepted
    codes = _codes(draft.plates(now, with_change=change.number if change else None))
    settings = MatchSettings(max_false_hits_per_day=budget, passes_per_day=passes_per_day)
    predicted = predict(codes, settings, worst=MOST_HEAVY)
    if predicted.false_hits_per_day > budget:
        raise CostError(
            f"{predicted.false_hits_per_day:.2f} false hits a day are predicted"
            f" at {passes_per_day:g} vehicles a day; the budget is {budget:g}"
        )
    return predicted.heavy(budget)


def _codes(plates: Iterable[str]) -> Codes:
    return np.fromiter(map(encode, plates), np.uint64)


def _worst(draft: Draft, codes: Codes, predicted: Cost, settings: MatchSettings) -> tuple[Costly, ...]:
    misreads, found = Misreads(settings.kernel), []
    for each in predicted.worst:
        code = codes[each.place : each.place + 1]
        plate = decode(int(code[0]))
        accepts = misreads.of(plate, float(predicted.thresholds.of(code)[0]))[:MOST_MISREADS]
        readings = tuple(misread.reading for misread in accepts)
        found.append(Costly(draft.ids_of(plate), plate, each.false_hits_per_day, readings))
    return tuple(found)
