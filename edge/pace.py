"""How often something is done, by the time of what is watched: at an even pace, whatever the frames' own rate."""

from typing import Final

_EARLY: Final = 0.1
"""A turn may come this share of its interval early: frames arrive unevenly, and a camera that sends exactly
as often as it is looked at must not lose every second one."""


class Pace:
    """Says when a turn is due: the first at once, each other about an interval after the one before.

    Args:
        every_ns: the interval; 0 makes every moment due.
    """

    __slots__ = ("_every_ns", "_last_ns")

    def __init__(self, every_ns: int) -> None:
        self._every_ns = every_ns
        self._last_ns: int | None = None

    def due(self, now_ns: int, *, times: int = 1) -> bool:
        """Whether a turn is due now; if so, it is taken.

        Args:
            now_ns: of a time that runs forward; where it jumps back, a turn is due at once.
            times: wait for so many intervals instead of one.
        """
        if self._last_ns is not None:
            passed = now_ns - self._last_ns
            if 0 <= passed < times * self._every_ns * (1 - _EARLY):
                return False
        self._last_ns = now_ns
        return True
