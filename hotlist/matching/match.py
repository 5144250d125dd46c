"""The answer of matching: a listed plate that may be the one in view, how likely, and why."""

from dataclasses import dataclass, field
from enum import StrEnum

from hotlist.entry import Entry, Severity


class MatchKind(StrEnum):
    """How the read and the entry agree.

    ``EXACT``: the likeliest reading is the listed plate and the region agrees. ``CONFUSABLE``: it differs in
    characters that cameras confuse, or in one missing or extra character, and the region agrees. ``WEAK``:
    the region is different or unknown; never urgent (R10).
    """

    EXACT = "exact"
    CONFUSABLE = "confusable"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class Match:
    """One entry that may be the plate in view.

    Attributes:
        entry: the listed plate.
        kind: how it agrees.
        probability: that the listed plate is the one in view, 0 to 1.
        doubtful: places (from 0) of the entry's characters that the reader was not sure of.
        why: one sentence for a person.
        list_version: version of the hot list that was matched.
        ambiguous: another listed plate is also likely; then neither is urgent.
    """

    entry: Entry = field(repr=False)
    kind: MatchKind
    probability: float
    doubtful: tuple[int, ...]
    why: str = field(repr=False)
    list_version: int
    ambiguous: bool = False

    @property
    def urgent(self) -> bool:
        """Whether a person should be woken: an urgent entry, a sure plate, the right region (R10)."""
        strong = self.kind is not MatchKind.WEAK and not self.ambiguous
        return strong and self.entry.severity is Severity.URGENT
