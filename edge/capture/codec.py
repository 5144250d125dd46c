"""A stream's decoder that is closed and made anew, so that it keeps no old picture.

A decoder holds its pictures in a pool of its own and may leave an old one in it for as long as it lives; nothing
but its end gives the pool back to the allocator, which overwrites it. A picture that needs no other (a key
picture) is where a new decoder can take over, without a word to the camera.
"""

import time
from typing import TYPE_CHECKING, Final, cast

import av
from av import CodecContext, VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edge.capture.wire import MAX_PIXELS

if TYPE_CHECKING:  # generic in its type information only
    from av.packet import Packet

OPTIONS: Final = {"max_pixels": str(MAX_PIXELS)}
"""A picture larger than that is refused before memory is taken for it."""
_FIRST: Final = -(1 << 63)
"""Before every time stamp."""
_UNKNOWN: Final = _FIRST + 1
"""Stands for a time stamp that a packet or picture does not have."""


class Codec:
    """Decodes one stream, by a new decoder from each key picture on that comes when the last is old enough.

    The successor is tried first, and the old decoder is given up when it has shown its first picture. Most
    cameras' streams show it at once. Where pictures are coded out of their order, or build on what was before the
    key picture, or the picture is refreshed bit by bit, both decode for a few packets, and no picture is lost.

    Args:
        stream: what to decode.
        life_ns: age at which a decoder is given up at the next key picture; 0 at each, None never.

    Attributes:
        longest_ns: the longest time from one decoder's key picture to the next one's, by the clock or the stream.
    """

    def __init__(self, stream: VideoStream, life_ns: int | None) -> None:
        self._stream = stream
        self._life_ns = life_ns
        self._now = stream.codec_context if life_ns is None else _anew(stream)
        self._now.thread_count, self._now.options = 1, dict(OPTIONS)
        self._born_ns = _boot_ns()
        self._next: VideoCodecContext | None = None
        self._from = self._shown = self._begun = _FIRST
        self.longest_ns = 0

    def decode(self, packet: "Packet[VideoStream]") -> list[VideoFrame]:
        """Return the pictures that this packet completes, in the order in which they are shown.

        What cannot be decoded is passed over, as a player does.
        """
        if self._next is None:
            if not (packet.is_keyframe and self._is_old()):
                return _decoded(self._now, packet)
            self._next, self._from, self._shown = _anew(self._stream), _place(packet), _FIRST
        ahead = [frame for frame in _decoded(self._next, packet) if _place(frame) >= self._from]
        if not ahead:
            behind = _decoded(self._now, packet)
            self._shown = max([self._shown, *map(_place, behind)])
            return behind
        behind = [frame for frame in self._hand_over() if _place(frame) < _place(ahead[0])]
        return behind + [frame for frame in ahead if _place(frame) > self._shown]

    def rest(self) -> list[VideoFrame]:
        """Return the pictures that were waiting for others; nothing can be decoded any more."""
        return _decoded(self._now, None)

    def _is_old(self) -> bool:
        return self._life_ns is not None and _boot_ns() - self._born_ns >= self._life_ns

    def _hand_over(self) -> list[VideoFrame]:
        """Let the successor go on; return what the old decoder still had. Its last reference goes here."""
        rest = _decoded(self._now, None)
        assert self._next is not None  # noqa: S101 - the caller has just used it
        now, base = _boot_ns(), self._stream.time_base or 0
        if (
            min(self._begun, self._from) > _UNKNOWN
        ):  # what piled up while connecting comes faster than it was taken
            played_ns = int((self._from - self._begun) * base * 1_000_000_000)
            self.longest_ns = max(self.longest_ns, now - self._born_ns, played_ns)
        self._now, self._next, self._born_ns, self._begun = self._next, None, now, self._from
        return rest


def _place(coded: "Packet[VideoStream] | VideoFrame") -> int:
    """Return the time stamp of a packet or picture, in the stream's units."""
    return _UNKNOWN if coded.pts is None else coded.pts


def _decoded(context: VideoCodecContext, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
    try:
        return context.decode(packet)
    except MemoryError:
        raise
    except av.FFmpegError:
        return []


def _anew(stream: VideoStream) -> VideoCodecContext:
    """Return a decoder that is ours alone to give up; the stream's own lasts as long as the connection."""
    told = stream.codec_context
    context = cast("VideoCodecContext", CodecContext.create(told.codec, "r"))
    context.extradata = told.extradata
    context.width, context.height = told.width, told.height
    context.bits_per_coded_sample = told.bits_per_coded_sample
    context.color_range, context.colorspace = told.color_range, told.colorspace
    if told.pix_fmt is not None:
        context.pix_fmt = told.pix_fmt
    context.reorder_depth = told.reorder_depth
    context.thread_count = 1
    context.options = dict(OPTIONS)
    return context


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
