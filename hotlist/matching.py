"""Matching: a reading's probabilities in, the listed plates that may be in view out. Nothing else is kept.

A match needs the probability that the listed plate is the one in view to reach a threshold, and the threshold
comes from a budget of false hits (`hotlist.cost`). Text is made of listed plates only (promise 4).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from hotlist.candidates import Candidates
from hotlist.explain import Explanation, explain
from hotlist.index import Index
from hotlist.kernel import Kernel, Table, default
from hotlist.match import Match, MatchKind
from hotlist.regions import Agreement, agreement

LOOSEST: Final = -9.0
"""The least log probability that can ever be a match, however large the budget."""


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """What makes a match.

    Attributes:
        max_false_hits_per_day: the budget of one camera.
        passes_per_day: how many vehicles pass it, measured or guessed too high rather than too low.
        ambiguous_within: two listed plates are both likely when their probabilities are within this factor.
        doubtful_below: a character is doubtful when the OCR gives it less probability than this.
        kernel: the OCR's known mistakes.
    """

    max_false_hits_per_day: float = 10.0
    passes_per_day: float = 10_000.0
    ambiguous_within: float = 20.0
    doubtful_below: float = 0.9
    kernel: Kernel = field(default_factory=default, repr=False)


class Matcher:
    """Compares readings with one hot list. Keeps nothing of a reading; not for two threads at once.

    Args:
        index: the hot list's plates.
        settings: what makes a match.

    Attributes:
        index: the hot list's plates.
        threshold: the least log probability of a match.
    """

    def __init__(self, index: Index, settings: MatchSettings) -> None:
        self.index = index
        self.threshold = -7.0
        self._settings = settings
        self._candidates = Candidates(settings.kernel)

    def match(self, table: Table, regions: Mapping[str, float], now: datetime) -> tuple[Match, ...]:
        """Return the entries that may be the plate in view, the likeliest first.

        An entry that is not yet effective at `now`, or has expired, never matches. Entries far less likely
        than the likeliest one are left out: one vehicle has one plate.

        Args:
            table: (10 x 37) float32, each row a distribution over ``0-9A-Z`` and padding.
            regions: probability per ISO 3166 code, as far as the OCR tells.
            now: aware UTC.
        """
        try:
            found = self._listed(table)
        finally:
            self._candidates.wipe()
        return self._matches(found, table, regions, now) if found else ()

    def _listed(self, table: Table) -> dict[int, float]:
        """Return the log probability of every listed code that reaches the threshold."""
        codes, scores = self._candidates.generate(table, self.threshold)
        found: dict[int, float] = {}
        for place in self.index.listed(codes, self._candidates.scratch).tolist():
            code, score = int(codes[place]), float(scores[place])
            found[code] = max(score, found.get(code, -math.inf))
        return found

    def _matches(
        self, found: Mapping[int, float], table: Table, regions: Mapping[str, float], now: datetime
    ) -> tuple[Match, ...]:
        current = {
            code: entries
            for code in found
            if (entries := [e for e in self.index.of(code) if e.effective <= now < e.expires])
        }
        if not current:
            return ()
        likely = max(found[code] for code in current) - math.log(self._settings.ambiguous_within)
        codes = sorted((code for code in current if found[code] >= likely), key=lambda c: (-found[c], c))
        matches: list[Match] = []
        for code in codes:
            told = explain(code, table, self._settings.kernel, self._settings.doubtful_below)
            for entry in current[code]:
                agrees = agreement(entry.region, regions)
                matches.append(
                    Match(
                        entry=entry,
                        kind=_kind(told, agrees),
                        probability=min(1.0, math.exp(found[code])),
                        doubtful=told.doubtful,
                        why=_sentence(told, agrees, ambiguous=len(codes) > 1),
                        list_version=self.index.version,
                        ambiguous=len(codes) > 1,
                    )
                )
        return tuple(matches)


def _kind(told: Explanation, agrees: Agreement) -> MatchKind:
    if agrees is not Agreement.SAME:
        return MatchKind.WEAK
    return MatchKind.CONFUSABLE if told.differences else MatchKind.EXACT


def _sentence(told: Explanation, agrees: Agreement, *, ambiguous: bool) -> str:
    parts = [", ".join(told.differences) or "read as listed", f"region {agrees.value}"]
    if ambiguous:
        parts.append("another listed plate is also likely")
    return "; ".join(parts)
