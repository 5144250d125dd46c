"""The answer of matching: a listed plate that may be the one in view, how likely, and why."""

from dataclasses import dataclass, field
from enum import StrEnum

from hotlist.entry import Entry, Severity


class MatchKind(StrEnum):
    """How the read and the entry agree.

    ``EXACT``: the likeliest reading is the listed plate and the region agrees. ``CONFUSABLE``: it differs in
    characters that cameras confuse, or in one missing or extra character, and the region agrees.
    ``REGION_NOT_READ``: the characters agree as in one of these, and the region was not read, or the entry names
    none; at most high. ``WEAK``: another region was read; routine (R10).
    """

    EXACT = "exact"
    CONFUSABLE = "confusable"
    REGION_NOT_READ = "region-not-read"
    WEAK = "weak"

    @property
    def words(self) -> str:
        """How a person is told."""
        return "state not read: check it" if self is MatchKind.REGION_NOT_READ else f"{self.value} match"


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
    def lacks_region(self) -> bool:
        """Whether only a region that was not read yet stands between this match and an exact one."""
        return self.kind is MatchKind.REGION_NOT_READ and bool(self.entry.region)

    @property
    def severity(self) -> Severity:
        """How urgent the match is: the entry's severity, as far as the kind of match allows it (R10)."""
        if self.ambiguous or self.kind is MatchKind.WEAK:
            return Severity.ROUTINE
        if self.kind is MatchKind.REGION_NOT_READ and self.entry.severity is Severity.URGENT:
            return Severity.HIGH
        return self.entry.severity

    @property
    def urgent(self) -> bool:
        """Whether a person should be woken: an urgent entry, a sure plate, the right region (R10)."""
        return self.severity is Severity.URGENT
