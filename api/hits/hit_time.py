"""When a hit was captured, and how far that can be believed.

A device without a battery for its clock starts in 1970, or where it was switched off, until a time service has set
it. Such a device marks its hits. The time since its boot is right all the same; so if the device has told the boot
time of the same boot in a heartbeat, the true time is worked out by the department's own clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hitonly_core.policy import CLOCK_TOLERANCE
from hitonly_core.wall_clock import ClockState
from protocol.hit import Hit


class Basis(StrEnum):
    """What a hit's time rests on; the words are shown."""

    SYNCHRONISED = "the unit's clock was set"
    UNKNOWN = "the unit cannot tell whether its clock was set"
    WORKED_OUT = "the unit's clock was not set; worked out from the time since it was started"
    NOT_CERTAIN = "time not certain: the unit's clock was not set"


@dataclass(frozen=True, slots=True)
class HitTime:
    """A hit's time as the department shows it, and what it rests on."""

    moment: datetime
    basis: Basis


def time_of(
    hit: Hit,
    *,
    enrolled: datetime,
    now: datetime,
    heartbeat: Mapping[str, Any] | None,
    heard: datetime | None,
) -> HitTime:
    """Return the best time there is: worked out, else the claimed one where it is possible, else that of arrival.

    Args:
        hit: as it was opened.
        enrolled: when its device was enrolled; it cannot have made a hit before.
        now: when the hit arrived.
        heartbeat: the device's last one, if any.
        heard: when that came.
    """
    if hit.clock.state is ClockState.SYNCHRONISED:
        return HitTime(hit.captured, Basis.SYNCHRONISED)
    possible = enrolled - CLOCK_TOLERANCE <= hit.captured <= now + CLOCK_TOLERANCE
    if possible and hit.clock.state is ClockState.UNKNOWN:
        return HitTime(hit.captured, Basis.UNKNOWN)
    told = heartbeat or {}
    if hit.clock.boot and told.get("boot") == hit.clock.boot and heard is not None:
        ago = timedelta(milliseconds=int(told["boot_ms"]) - hit.clock.boot_ms)
        if enrolled - CLOCK_TOLERANCE <= heard - ago <= now + CLOCK_TOLERANCE:
            return HitTime(min(heard - ago, now), Basis.WORKED_OUT)
    return HitTime(hit.captured if possible else now, Basis.NOT_CERTAIN)
