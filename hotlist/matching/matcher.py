"""Matching: a reading's probabilities in, the listed plates that may be in view out. Nothing else is kept.

A match needs the probability that the listed plate is the one in view to reach a threshold, and the threshold
comes from a budget of false hits (`hotlist.matching.cost`). Text is made of listed plates only (promise 4).
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from hotlist.matching.candidates import Candidates
from hotlist.matching.confusion import COLUMNS, SLOTS, Table
from hotlist.matching.cost import thresholds_for
from hotlist.matching.explain import Explanation, explain
from hotlist.matching.match import Match, MatchKind
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.patterns import digits_of
from hotlist.matching.plate_index import Codes, Index
from hotlist.matching.region_agreement import Agreement, agreement
from hotlist.matching.traffic import STRICTEST

_PLAIN: Final = -6.0
"""Log probability above which the kernel puts every plate that is plainly read (`_plainly_read`)."""


class Matcher:
    """Compares readings with one hot list. Keeps nothing of a reading; not for two threads at once.

    Args:
        index: the hot list's plates.
        settings: what makes a match.

    Attributes:
        index: the hot list's plates.
        thresholds: the least probability of a match, from the settings' budget.
    """

    def __init__(self, index: Index, settings: MatchSettings) -> None:
        self.index = index
        self.thresholds = thresholds_for(index.codes, settings)
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
        """Return the log probability of every listed code that reaches its threshold, or is plainly read."""
        codes, scores = self._candidates.generate(table, min(self.thresholds.loosest, _PLAIN))
        listed = self.index.listed(codes, self._candidates.scratch)
        if not len(listed):
            return {}
        hits, likely = codes[listed], scores[listed]
        enough = (likely >= self.thresholds.of(hits)) | _plainly_read(hits, table)
        order = likely[enough].argsort()
        return dict(zip(hits[enough][order].tolist(), likely[enough][order].tolist(), strict=True))

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


def _plainly_read(codes: Codes, table: Table) -> npt.NDArray[np.bool_]:
    """Return which listed plates the OCR itself is sure of: these match under any budget.

    The kernel alone would refuse some: half of what is read as O is a 0, so it is never sure of
    three of them.
    """
    columns = (digits_of(codes).astype(np.intp) - 1) % COLUMNS
    sure: npt.NDArray[np.bool_] = table[np.arange(SLOTS), columns].prod(axis=1) >= math.exp(STRICTEST)
    return sure


def _kind(told: Explanation, agrees: Agreement) -> MatchKind:
    if agrees is Agreement.DIFFERENT:
        return MatchKind.WEAK
    if agrees is not Agreement.SAME:
        return MatchKind.REGION_NOT_READ
    return MatchKind.CONFUSABLE if told.differences else MatchKind.EXACT


def _sentence(told: Explanation, agrees: Agreement, *, ambiguous: bool) -> str:
    region = "the entry names no region" if agrees is Agreement.NOT_NAMED else f"region {agrees.value}"
    parts = [", ".join(told.differences) or "read as listed", region]
    if ambiguous:
        parts.append("another listed plate is also likely")
    return "; ".join(parts)
