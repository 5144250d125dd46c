"""Encoded pictures since the last key picture: kept while a road is quiet, to be decoded if it was not.

They lie in locked memory of our own, never in the library's: at most `MOST_BYTES`. They are wiped when they are
taken out, when the next key picture takes their place, and by `lapse` when they have come to their age.
"""

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from av.packet import Packet

from edge.retention.arena import Arena
from hitonly_core.safeguard import State

if TYPE_CHECKING:
    from av.video.stream import VideoStream

MOST_BYTES: Final = 8 << 20
_PAGE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a packet lies, and what is known of it beside its bytes.

    Attributes:
        start: of its bytes in the ring.
        size: in bytes.
        pts: when it is shown, in the stream's units; None where it is not said.
        dts: when it is decoded, likewise.
        key: whether it needs no other packet.
        came_ns: when it was read, boot-time clock.
    """

    start: int
    size: int
    pts: int | None
    dts: int | None
    key: bool
    came_ns: int


class PacketRing:
    """One interval between two key pictures, first in, first out; `lapse` may come from another thread.

    Attributes:
        locked: whether the kernel keeps it in RAM; without that nothing should be put in.
        lost: whether `lapse` has wiped packets that nobody had taken, since the last `clear`.
    """

    def __init__(self) -> None:
        self._arena = Arena(MOST_BYTES // _PAGE, np.dtype((np.void, _PAGE)))
        self._kept: deque[Kept] = deque()
        self._end = 0
        self._lock = threading.Lock()
        self.locked = self._arena.measures[0].state is State.APPLIED
        self.lost = False

    def put(self, packet: "Packet[VideoStream]", came_ns: int) -> bool:
        """Keep a copy of a packet's bytes; False, and nothing kept, where there is no room or it has gaps.

        A packet with other data beside its bytes (a change of the stream's parameters) is not kept either.
        """
        with self._lock:
            if self.lost or self._end + packet.size > MOST_BYTES or any(packet.iter_sidedata()):
                return False
            self._arena.memory[self._end : self._end + packet.size] = np.frombuffer(
                memoryview(packet), np.uint8
            )
            kept = Kept(self._end, packet.size, packet.pts, packet.dts, packet.is_keyframe, came_ns)
            self._kept.append(kept)
            self._end += packet.size
            return True

    def take(self, stream: "VideoStream") -> "tuple[Packet[VideoStream], Kept] | None":
        """Return the oldest packet, whose bytes here are wiped; None where there is none."""
        with self._lock:
            if not self._kept:
                return None
            kept = self._kept.popleft()
            place = self._arena.memory[kept.start : kept.start + kept.size]
            packet = cast("Packet[VideoStream]", Packet(kept.size))
            np.frombuffer(memoryview(packet), np.uint8)[:] = place
            place[:] = 0
            packet.pts, packet.dts, packet.is_keyframe = kept.pts, kept.dts, kept.key
            packet.stream = stream
            return packet, kept

    @property
    def waiting(self) -> int:
        """How many packets it holds beyond the key picture."""
        return max(0, len(self._kept) - 1)

    def clear(self) -> None:
        """Wipe all of it."""
        with self._lock:
            self._clear()
            self.lost = False

    def lapse(self, now_ns: int, longest_ns: int) -> None:
        """Wipe all of it when its oldest packet was read longer ago than `longest_ns`; from any thread."""
        with self._lock:
            if self._kept and now_ns - self._kept[0].came_ns > longest_ns:
                self._clear()
                self.lost = True

    def _clear(self) -> None:
        for page in range(-(-self._end // _PAGE)):
            self._arena.wipe(page)
        self._kept.clear()
        self._end = 0
