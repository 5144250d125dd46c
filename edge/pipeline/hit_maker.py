"""From a match to a sealed hit on the spool: the one place where text is made of what was read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import uuid4

import numpy as np

from edge.department.spool import Spool
from edge.flow import Table
from edge.pipeline.passes import Best, regions_of, table_of
from edge.retention.window import Slot
from edge.vision.crop import encode
from hitonly_core.clock import Clock
from hitonly_core.keys import SealPublic, SigningKey
from hitonly_core.wall_clock import ClockState, boot_id, clock_state
from hotlist.matching.match import Match
from hotlist.matching.region_agreement import region_told
from hotlist.plate import ALPHABET, PAD
from protocol.hit import Alternative, Hit, HitClock, seal_hit

_ALTERNATIVES: Final = 3
_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Device:
    """Who makes the hits: what each of them says, and the keys that seal and sign it."""

    id: str
    software: str
    models: tuple[str, ...]
    department: SealPublic = field(repr=False)
    signing: SigningKey = field(repr=False)


class HitMaker:
    """Composes hits of live reads, seals them and puts them on the spool.

    Args:
        device: who makes them.
        spool: where they lie until they are delivered.
        clock: boot time, by which reads are captured, and the wall clock.
        state: says whether the wall clock can be believed.
    """

    def __init__(
        self,
        device: Device,
        spool: Spool,
        clock: Clock,
        state: Callable[[], ClockState] = clock_state,
    ) -> None:
        self._device = device
        self._clock = clock
        self._state = state
        self._boot = boot_id()
        self.spool = spool

    def compose(self, slot: Slot, matches: Sequence[Match], *, camera: str, place: str) -> Hit:
        """Make a hit of a live read and its matches; the caller holds the window's lock. No I/O.

        Raises:
            Forgotten: the read has been destroyed meanwhile; no hit is made.
        """
        best, table = Best.of(slot), table_of(slot)
        regions = regions_of(slot)
        age = timedelta(microseconds=(self._clock.boot_ns() - best.captured_ns) // 1000)
        captured = self._clock.utc() - age  # right after the other clock: both tell one moment
        readings = likeliest(table, _ALTERNATIVES + 1)
        hit = Hit(
            id=uuid4(),
            device=self._device.id,
            camera=camera,
            place=place,
            captured=captured,
            clock=HitClock(self._state(), self._boot, best.captured_ns // 1_000_000),
            plate_read=readings[0].text,
            alternatives=tuple(other for other in readings[1:] if other.probability >= _SHARE),
            region_read=region_told(regions),
            matches=tuple(matches),
            crop_jpeg=encode(best.crop),
            software=self._device.software,
            models=self._device.models,
        )
        table[:] = 0.0
        best.crop[:] = 0
        return hit

    def spool_sealed(self, hit: Hit) -> None:
        """Seal a hit to the department, sign it, and put it on the spool.

        Raises:
            StorageError: the envelope can be kept neither on disk nor in memory.
        """
        envelope = seal_hit(hit, department=self._device.department, device_key=self._device.signing)
        self.spool.put(hit.id, envelope)


def likeliest(table: Table, count: int) -> list[Alternative]:
    """Return the likeliest readings of a hit's table with their probabilities: the best, then one swap each.

    For hits only: it makes text.

    Args:
        table: (10 x 37) float32.
        count: how many, the best included.
    """
    best = table.argmax(axis=1)
    peak = float(np.prod(table.max(axis=1)))
    swaps = []
    for place in range(len(table)):
        second = int(np.argsort(table[place])[-2])
        swaps.append((peak * float(table[place, second] / table[place, best[place]]), place, second))
    found = [Alternative(_text(best), peak)]
    for probability, place, second in sorted(swaps, reverse=True)[: count - 1]:
        columns = best.copy()
        columns[place] = second
        found.append(Alternative(_text(columns), probability))
    return found


def _text(columns: Sequence[int] | np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> str:
    return "".join(ALPHABET[int(column)] for column in columns if column != PAD)
