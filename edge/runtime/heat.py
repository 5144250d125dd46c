"""How hot the board is, told so that it tells of no vehicle.

A detector at work warms a small board by degrees within seconds, so a temperature told at once would tell when a
vehicle came. Two things are told instead: that it has been too hot, or slowed down, for five minutes without a
break, which no single vehicle brings about; and the highest temperature of whole steps, in coarse degrees, with
the receipts (`edge.runtime.road_figures`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hitonly_core.clock import NS, Clock

HOT_CELSIUS: Final = 80.0
"""A Raspberry Pi slows down from here on."""
SUSTAINED_NS: Final = 300 * NS
EVERY_NS: Final = 10 * NS
_ZONES: Final = Path("/sys/class/thermal")
_BOARD: Final = Path("/sys/devices/platform")
_FIRMWARE: Final = "soc*/soc*:firmware/get_throttled"
"""A Raspberry Pi 5 puts an address after `soc`, and some of its kernels have no such file."""
_NOW: Final = 0b1111
"""The firmware's bits for what is so now: too little voltage, capped, throttled, at its soft limit."""


def temperature(folder: Path = _ZONES) -> float | None:
    """Return the hottest zone in degrees Celsius, or None where the board reports none."""
    found = [_integer(zone / "temp", 10) for zone in folder.glob("thermal_zone*")]
    return max((each / 1000 for each in found if each is not None and each > 0), default=None)


def firmware_slows(board: Path = _BOARD) -> bool | None:
    """Return whether a Raspberry Pi's firmware says that it slows the board down now; None where none says so."""
    words = [_integer(path, 16) for path in board.glob(_FIRMWARE)]
    said = [word for word in words if word is not None]
    return any(word & _NOW for word in said) if said else None


def _integer(path: Path, base: int) -> int | None:
    try:
        return int(path.read_text("ascii"), base)
    except (OSError, ValueError):
        return None


@dataclass(slots=True)
class Heat:
    """Looks at the sensors every ten seconds; use it from one thread.

    Attributes:
        clock: boot time.
        celsius: returns the hottest zone, None where the board reports none.
        slowed: returns whether the board says that it runs slower than it could, None where it does not say.
        highest: since `take`, degrees Celsius; None where the board reports none.
        hot: whether it has been too hot for five minutes.
        throttled: whether it has been slowed down for five minutes.
    """

    clock: Clock
    celsius: Callable[[], float | None] = temperature
    slowed: Callable[[], bool | None] = firmware_slows
    highest: float | None = None
    hot: bool = False
    throttled: bool = False
    _next_ns: int = 0
    _hot_since: int | None = None
    _slow_since: int | None = None

    def turn(self) -> None:
        """Look, when it is time."""
        now = self.clock.boot_ns()
        if now < self._next_ns:
            return
        self._next_ns = now + EVERY_NS
        found = self.celsius()
        if found is not None:
            self.highest = found if self.highest is None else max(self.highest, found)
        self._hot_since = _since(self._hot_since, now, so=found is not None and found >= HOT_CELSIUS)
        self._slow_since = _since(self._slow_since, now, so=bool(self.slowed()))
        self.hot, self.throttled = _long(self._hot_since, now), _long(self._slow_since, now)

    def take(self) -> float | None:
        """Return the highest temperature since the last call, and begin anew."""
        highest, self.highest = self.highest, None
        return highest

    @property
    def worries(self) -> tuple[str, ...]:
        """What a heartbeat says of it."""
        hot = (f"hot: {HOT_CELSIUS:.0f} degrees Celsius or more for five minutes",) if self.hot else ()
        return hot + (("slowed down for five minutes: heat or power",) if self.throttled else ())


def _since(since: int | None, now: int, *, so: bool) -> int | None:
    return (now if since is None else since) if so else None


def _long(since: int | None, now: int) -> bool:
    return since is not None and now - since >= SUSTAINED_NS
