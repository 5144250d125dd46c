"""How often something is done, by the time of what is watched: at an even pace, whatever the frames' own rate."""


class Pace:
    """Says when a turn is due: the first at once, each other an interval after the one before.

    Where frames are so far apart that waiting for the next one would cost half an interval, a frame is taken that
    comes a quarter early: a camera that sends unevenly, and about as often as it is looked at, must not lose every
    second frame.

    Args:
        every_ns: the interval; 0 makes every moment due.
    """

    __slots__ = ("_every_ns", "_seen_ns", "_turn_ns")

    def __init__(self, every_ns: int) -> None:
        self._every_ns = every_ns
        self._turn_ns: int | None = None
        self._seen_ns = 0

    def due(self, now_ns: int) -> bool:
        """Whether a turn is due now; if so, it is taken.

        Args:
            now_ns: of a time that runs forward; where it jumps back, a turn is due at once.
        """
        gap, self._seen_ns = now_ns - self._seen_ns, now_ns
        if self._turn_ns is not None:
            passed = now_ns - self._turn_ns
            near = 2 * gap >= self._every_ns and 4 * passed >= 3 * self._every_ns
            if 0 <= passed < self._every_ns and not near:
                return False
        self._turn_ns = now_ns
        return True
