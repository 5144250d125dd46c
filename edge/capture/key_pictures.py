"""Decodes no more than the key pictures of a stream while nothing moves on them, and all of it when something does.

A key picture needs no other, so one is decoded by a decoder of its own, which ends with it. The packets since
then wait in `edge.capture.packet_ring`. When the next key picture differs from what the motion gate remembers,
they are decoded first, from the one before it on: whatever drove into the picture in between is seen from its
beginning, only later. Then every picture is decoded, until nothing has moved on the key pictures for `HOLD_NS`.

What this cannot see is a vehicle that comes and goes between two key pictures. Every picture is decoded as long
as it is not known that key pictures are close enough together (`Watch.apart_ns`), and wherever there is a doubt: a
stream whose pictures are coded in another way, packets that no longer fit, memory that the kernel will not lock.
"""

import time
from typing import TYPE_CHECKING, Final

import numpy as np
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from edge.capture.codec import Codec, one_picture
from edge.capture.packet_ring import PacketRing
from edge.capture.wire import Watch
from edge.flow import Pixels
from edge.vision.motion import MotionGate
from edge.vision.zones import Zones

if TYPE_CHECKING:
    from av.packet import Packet

HOLD_NS: Final = 4_000_000_000
"""Every picture is decoded for so long after the last key picture on which something moved."""
SILENCE_NS: Final = 4_000_000_000
"""Packets that wait for the next key picture are wiped at this age when none comes."""
_LATE_NS: Final = 100_000_000
"""Pictures that are older than this when they are decoded are still being caught up with."""
_CATCH_UP_NS: Final = 8_000_000_000
"""What has not been caught up with by then is passed over, as where a camera sends more than can be looked at."""
_EIGHT_BITS: Final = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"}
)
"""Forms in which the first plane is a byte of brightness for each pixel."""


class KeyPictures:
    """A stream's decoder, which sleeps between key pictures while the road is quiet.

    Args:
        stream: what to decode.
        life_ns: as `Codec`'s, while every picture is decoded; None as 0.
        watch: how the road is watched.

    Attributes:
        skipped: packets that were never decoded.
    """

    def __init__(self, stream: VideoStream, life_ns: int | None, watch: Watch) -> None:
        self._stream, self._life_ns, self._watch = stream, life_ns or 0, watch
        zones = Zones(include=watch.include, exclude=watch.exclude)
        self._gate = MotionGate(zones, detector_width=watch.detector_width, life_ns=watch.life_ns)
        self._ring = PacketRing()
        self._able = self._ring.locked
        self._codec: Codec | None = Codec(stream, self._life_ns)
        self._held: tuple[Packet[VideoStream], int] | None = None
        self._replaying = False
        self._key_ns: int | None = None
        self._close = False
        self._moved_ns: int | None = None
        self._base: tuple[int, int] | None = None
        self._woken_ns = 0
        self._last_pts: int | None = None
        self._longest_ns = 0
        self.skipped = 0

    @property
    def replaying(self) -> bool:
        """Whether packets wait that came before the next one of the stream."""
        return self._replaying

    @property
    def longest_ns(self) -> int:
        """As `Codec`'s, of all decoders so far."""
        return max(self._longest_ns, self._codec.longest_ns if self._codec else 0)

    def came_ns(self, frame: VideoFrame) -> int:
        """Return when a picture just decoded came, boot-time clock; 0 where that is now."""
        if self._base is None:
            return 0
        now_ns, (first_ns, place_ns) = _boot_ns(), self._base
        came_ns = max(first_ns, min(now_ns, first_ns + self._place_ns(frame, now_ns) - place_ns))
        if not self._replaying and (now_ns - came_ns < _LATE_NS or now_ns - self._woken_ns > _CATCH_UP_NS):
            self._base = None
            return 0
        return came_ns

    def decode(self, packet: "Packet[VideoStream]") -> list[VideoFrame]:
        """Return the pictures to be looked at that this packet completes; ask `replay` before the next one."""
        came_ns = _boot_ns()
        place_ns = self._place_ns(packet, came_ns)
        if packet.is_keyframe:
            gap_ns = 0 if self._key_ns is None else place_ns - self._key_ns
            self._close, self._key_ns = 0 < gap_ns <= self._watch.apart_ns, place_ns
            if gap_ns < 0:  # the stream's time has begun anew
                self._moved_ns = place_ns
                self._gate.wipe()
            if self._may_close(place_ns):
                return self._fall_quiet(packet, came_ns, place_ns)
        if self._codec is not None:
            return self._seen(self._codec.decode(packet))
        if self._ring.lost and not packet.is_keyframe:
            self.skipped += 1  # the camera was silent, and what this one builds on is gone
            return []
        if packet.is_keyframe:
            return self._look(packet, came_ns, place_ns)
        assert self._key_ns is not None  # noqa: S101 - it was never quiet before the first one
        if place_ns - self._key_ns > self._watch.apart_ns or not self._ring.put(packet, came_ns):
            self._wake(packet, came_ns)
        return []

    def replay(self) -> list[VideoFrame]:
        """Return the pictures of the oldest packet that waits."""
        assert self._codec is not None  # noqa: S101 - it has been woken
        taken = self._ring.take(self._stream)
        if taken is not None:
            packet, kept = taken
            if self._base is None:
                self._base = kept.came_ns, self._place_ns(packet, kept.came_ns)
            return self._new(self._codec.decode(packet))
        self._replaying, held, self._held = False, self._held, None
        self._ring.clear()
        return self._new(self._codec.decode(held[0])) if held else []

    def wake_at_end(self) -> bool:
        """Have what waits decoded when the stream has ended or broken off; whether anything does."""
        if self._codec is not None:
            return False
        self._woken_ns = _boot_ns()
        self._codec, self._replaying = Codec(self._stream, self._life_ns), True
        return True

    def rest(self) -> list[VideoFrame]:
        """Return the pictures that were waiting for others; nothing can be decoded any more."""
        if self._codec is None:
            return []
        return self._codec.rest()

    def lapse(self, now_ns: int) -> None:
        """Wipe what has waited for too long; called again and again, from another thread."""
        longest_ns = max(SILENCE_NS, self._watch.hang_ns) if self._replaying else SILENCE_NS
        self._ring.lapse(now_ns, longest_ns)
        self._gate.lapse(now_ns)

    def _may_close(self, place_ns: int) -> bool:
        """Whether this key picture may be the first that is decoded alone."""
        if (
            self._codec is None
            or self._codec.between
            or not (self._able and self._close and self._base is None)
        ):
            return False
        return self._moved_ns is not None and place_ns - self._moved_ns >= HOLD_NS

    def _fall_quiet(self, packet: "Packet[VideoStream]", came_ns: int, place_ns: int) -> list[VideoFrame]:
        """Give the decoder up, and look at a key picture alone."""
        assert self._codec is not None  # noqa: S101 - `_may_close` has seen it
        rest = self._codec.rest()
        self._longest_ns, self._codec = self.longest_ns, None
        self._ring.clear()
        return rest + self._look(packet, came_ns, place_ns)

    def _look(self, packet: "Packet[VideoStream]", came_ns: int, place_ns: int) -> list[VideoFrame]:
        """Decode a key picture alone; wake where it differs, where it cannot be judged, or where it came late."""
        frame = one_picture(self._stream, packet)
        self._able = frame is not None and _is_whole(frame)
        lost = self._ring.lost
        if frame is None or not self._able or self._moves(frame, place_ns) or lost or not self._close:
            self._wake(packet, came_ns)
            return []
        self.skipped += self._ring.waiting
        self._ring.clear()
        if not self._ring.put(packet, came_ns):
            self._wake(packet, came_ns)
            return []
        self._last_pts = frame.pts
        return [frame]

    def _wake(self, packet: "Packet[VideoStream]", came_ns: int) -> None:
        """Decode all that waits, then this packet, then everything."""
        self._woken_ns, self._moved_ns = came_ns, self._place_ns(packet, came_ns)
        self._codec, self._held, self._replaying = Codec(self._stream, self._life_ns), (packet, came_ns), True

    def _seen(self, frames: list[VideoFrame]) -> list[VideoFrame]:
        """Look at the key pictures among those that are decoded anyway."""
        for frame in frames:
            if frame.key_frame and self._able:
                self._able = _is_whole(frame)
                place_ns = self._place_ns(frame, _boot_ns())
                moves = self._able and self._moves(frame, place_ns)
                if self._moved_ns is None:  # nothing to compare it with: the second one will tell
                    self._moved_ns = place_ns - HOLD_NS
                elif moves:
                    self._moved_ns = place_ns
        return frames

    def _new(self, frames: list[VideoFrame]) -> list[VideoFrame]:
        """Leave out what has been shown already."""
        if self._last_pts is None:
            return frames
        return [frame for frame in frames if frame.pts is None or frame.pts > self._last_pts]

    def _moves(self, frame: VideoFrame, place_ns: int) -> bool:
        return frame.is_corrupt or self._gate.differs(_brightness(frame), place_ns)

    def _place_ns(self, coded: "Packet[VideoStream] | VideoFrame", else_ns: int) -> int:
        """Return the place of a packet or picture in the stream's time; the clock's where it has none."""
        base = self._stream.time_base
        return else_ns if coded.pts is None or base is None else int(coded.pts * base * 1_000_000_000)


def _is_whole(frame: VideoFrame) -> bool:
    """Whether a picture was coded by itself, in one piece, and has a plane of brightness in bytes.

    A stream that is refreshed bit by bit has key pictures by name only: alone, they show a strip.
    """
    intra = int(frame.pict_type) == int(PictureType.I)
    return intra and frame.format.name in _EIGHT_BITS and not frame.interlaced_frame


def _brightness(frame: VideoFrame) -> Pixels:
    """Return a picture's brightness as H x W x 3 uint8, without a copy: three times the same."""
    plane = frame.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return np.broadcast_to(lines[: frame.height, : frame.width, None], (frame.height, frame.width, 3))


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
