"""What became of the reads, as counts: the four that are published, and what only the box itself looks at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the reads since the edge started: all that a receipt says of them (promise 5).

    Attributes:
        reads: admitted.
        hits: that became hits.
        destroyed: that were destroyed, at the deadline or before.
        live: not ended yet; ``reads == hits + destroyed + live``.
    """

    reads: int
    hits: int
    destroyed: int
    live: int

    @property
    def balanced(self) -> bool:
        """Whether every read is accounted for."""
        return (
            self.reads == self.hits + self.destroyed + self.live
            and min(self.hits, self.destroyed, self.live) >= 0
        )

    @property
    def non_hits(self) -> int:
        """How many reads became no hit."""
        return self.reads - self.hits


NOTHING = Counts(0, 0, 0, 0)
"""The counts of a run that has just begun."""


@dataclass(frozen=True, slots=True)
class LocalCounts(Counts):
    """The counts at this moment, with what the purge is watched by.

    They tell when vehicles passed, so they stay on the box: no receipt, heartbeat or summary of a live camera
    holds them.

    Attributes:
        destroyed_early: of the destroyed, those that made room in a full arena.
        oldest_live_ns: age of the oldest live read since its capture, in nanoseconds; 0 when there is none.
        worst_late_ns: the latest destruction after its deadline, in nanoseconds. The deadline lies one bound
            before the window's end, so no read outlived the window while this is at most the bound.
    """

    destroyed_early: int
    oldest_live_ns: int
    worst_late_ns: int
