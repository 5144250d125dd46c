"""What became of the reads: counts only, so that they may be published (promise 5)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the reads since the edge started.

    Attributes:
        reads: admitted.
        hits: that became hits.
        destroyed: that were destroyed, at the deadline or before.
        live: in the arena now; ``reads == hits + destroyed + live``.
        destroyed_early: of the destroyed, those that made room in a full arena.
        oldest_live_ns: age of the oldest live read since its capture, in nanoseconds; 0 when there is none.
        worst_late_ns: the latest destruction after its deadline, in nanoseconds. The deadline lies one bound
            before the window's end, so no read outlived the window while this is at most the bound.
    """

    reads: int
    hits: int
    destroyed: int
    live: int
    destroyed_early: int
    oldest_live_ns: int
    worst_late_ns: int

    @property
    def balanced(self) -> bool:
        """Whether every read is accounted for."""
        return (
            self.reads == self.hits + self.destroyed + self.live
            and 0 <= self.destroyed_early <= self.destroyed
            and min(self.hits, self.live, self.oldest_live_ns, self.worst_late_ns) >= 0
        )
