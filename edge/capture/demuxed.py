"""A clip or an RTSP stream, through PyAV: the library of FFmpeg's makers, with its parts in our hands.

The packets come from one part and are decoded by another (`edge.capture.codec`), which can be given up and made
anew while the connection stays. Runs in the capture process only.
"""

import contextlib
import os
import time
from collections import deque
from fractions import Fraction
from typing import Final, cast

import av
import av.logging
from av import Packet, VideoCodecContext
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edge.capture.codec import OPTIONS, Codec
from edge.capture.decoding import CaptureFailed
from edge.capture.picture import Converter, upright_shape
from edge.capture.wire import MAX_PIXELS, Fault, Request
from edge.flow import Pixels

SHORT: Final = 0.9
"""A clip that yields less than this share of the frames its header promises was cut short."""
_STEPS: Final = 2
"""A gap is longer than so many frames at the clip's rate."""
_NEAR: Final = 4096
"""Bytes that may lie between two packets with nothing lost: headers, a little sound."""
_STDERR: Final = 2


class StreamDecoder:
    """A clip or an RTSP stream, with one decoding thread.

    A clip's decoder lives as long as it is read: its pictures lie in the file anyway.

    Args:
        request: what to open.
        life_ns: age at which an RTSP stream's decoder is given up at the next key picture; None never.
        shown_name: the name in the certificate of an encrypted camera; the library insists on one.

    Raises:
        CaptureFailed: it cannot be opened, or its pictures are too large.
    """

    def __init__(self, request: Request, *, life_ns: int | None = 0, shown_name: str = "") -> None:
        av.logging.restore_default_callback()  # complaints go to the pipe that the edge reads
        av.logging.set_libav_level(av.logging.ERROR)
        self._live = request.kind == "rtsp"
        self._container = _open(request, shown_name)
        self._stream = _largest(self._container)
        told = self._stream.codec_context
        if told.width * told.height > MAX_PIXELS:
            raise CaptureFailed(Fault.TOO_LARGE)
        self._codec = Codec(self._stream, life_ns if self._live else None)
        self._packets = self._container.demux(self._stream)
        self._waiting: deque[VideoFrame] = deque()
        self._frame: VideoFrame | None = None
        self._converter = Converter()
        self._shape: tuple[int, int] | None = None
        self._number = -1
        self._gaps_s = Fraction()
        self._before: tuple[int, int] | None = None
        self._ended = False

    def advance(self) -> bool:
        """Step to the next frame; may block as long as the camera is silent.

        Raises:
            CaptureFailed: a live stream broke off, or a clip holds clearly fewer frames than it says.
        """
        self._frame = None  # before the wait for the next packet, which may be long
        while not self._waiting and not self._ended:
            self._read()
        if self._waiting:
            self._frame = self._waiting.popleft()
            self._number += 1
            return True
        seen = self._number + 1
        if self._live:
            raise CaptureFailed(Fault.NO_FRAME, seen)
        if seen == 0:
            raise CaptureFailed(Fault.NOT_A_PICTURE)
        if seen < SHORT * self._promised():
            raise CaptureFailed(Fault.CUT_SHORT, seen)
        return False

    def shape(self) -> tuple[int, int]:
        """Height and width of the first picture: a stream goes on in the size that it began with."""
        if self._shape is None:
            self._shape = upright_shape(self._current())
        return self._shape

    def picture(self, into: Pixels) -> Pixels:
        """Write the current picture into `into`."""
        frame = self._current()
        if frame.width * frame.height > MAX_PIXELS:
            raise CaptureFailed(Fault.TOO_LARGE, self._number)
        try:
            self._converter.write(frame, into)
        except (av.FFmpegError, ValueError):
            raise CaptureFailed(Fault.NO_FRAME, self._number) from None
        return into

    def stream_ns(self) -> int:
        """The frame's time stamp; where a clip has none, its number over the frame rate."""
        frame, base = self._current(), self._stream.time_base
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is not None and base is not None:
            since = stamp - (self._stream.start_time or 0)
            if since > 0:
                return int(since * base * 1_000_000_000)
        rate = self._stream.average_rate
        return int(self._number * 1_000_000_000 / rate) if rate else 0

    def is_whole(self) -> bool:
        """Whether it is an I frame."""
        return int(self._current().pict_type) == int(av.video.frame.PictureType.I)

    def tracks(self) -> int:
        """How many tracks could have been read."""
        return len(_tracks(self._container))

    def kept_ns(self) -> int:
        """The greatest age that a decoder of the stream has reached."""
        return self._codec.longest_ns

    def _current(self) -> VideoFrame:
        if self._frame is None:
            raise ValueError("no picture before the first step and after the last one")
        return self._frame

    def _read(self) -> None:
        """Take one packet from the stream and decode it."""
        try:
            packet = next(self._packets, None)
        except av.FFmpegError as problem:
            _complain(problem)
            packet = None
        if packet is None or packet.size == 0:
            self._ended = True
            self._waiting.extend(self._codec.rest())
        else:
            self._note_gap(packet)
            self._waiting.extend(self._codec.decode(packet))

    def _note_gap(self, packet: "Packet[VideoStream]") -> None:
        """Add up the time in which a clip has no frames, as of a recorder that waits for motion, or a slow screen.

        Only where nothing lies between the packets either: what is damaged has lost bytes.
        """
        base, rate, before = packet.time_base, self._stream.average_rate, self._before
        if packet.dts is None or packet.pos is None or not base or not rate:
            return
        if before is not None:
            step_s = (packet.dts - before[0]) * base
            if step_s * rate > _STEPS and 0 <= packet.pos - before[1] <= _NEAR:
                self._gaps_s += step_s
        self._before = packet.dts, packet.pos + packet.size

    def _promised(self) -> int:
        """How many frames the clip says it has, without its gaps; 0 where it says nothing."""
        stream, rate = self._stream, self._stream.average_rate
        if stream.frames or not rate:
            return stream.frames
        if stream.duration is not None and stream.time_base is not None:
            return round((stream.duration * stream.time_base - self._gaps_s) * rate)
        return round((Fraction(self._container.duration or 0, 1_000_000) - self._gaps_s) * rate)


def _open(request: Request, shown: str) -> InputContainer:
    """Open what a request names.

    A clip may not name other files or addresses to read from, as some formats can.

    Raises:
        CaptureFailed: it cannot be opened.
    """
    options = {**OPTIONS, "protocol_whitelist": "file"}
    timeout = request.open_timeout_ms / 1000, request.read_timeout_ms / 1000
    if request.kind == "rtsp":
        options = {**OPTIONS, "rtsp_transport": request.transport, "fpsprobesize": "0"}
    if request.authority:  # the library checks no certificate unless it is told to
        options |= {"tls_verify": "1", "ca_file": request.authority, "verifyhost": shown}
    begun_s = time.monotonic()
    try:
        return av.open(request.places[0], options=options, timeout=timeout)
    except (av.FFmpegError, UnicodeError, ValueError) as problem:
        _complain(problem, late=time.monotonic() - begun_s >= timeout[0])
        raise CaptureFailed(Fault.CANNOT_OPEN) from None


def _tracks(container: InputContainer) -> list[VideoStream]:
    """Return the video streams that can be decoded, without pictures that are attached to a clip."""
    return [
        stream
        for stream in container.streams.video
        if cast("VideoCodecContext | None", stream.codec_context)
        is not None  # as for a codec it does not know
        and not stream.disposition & Disposition.attached_pic
    ]


def _largest(container: InputContainer) -> VideoStream:
    """Return the video stream with the largest picture, the first of equal ones.

    Raises:
        CaptureFailed: there is none that can be decoded.
    """
    found = _tracks(container)
    if not found:
        raise CaptureFailed(Fault.CANNOT_OPEN)
    return max(found, key=lambda stream: stream.codec_context.width * stream.codec_context.height)


def _complain(problem: Exception, *, late: bool = False) -> None:
    """Tell the edge what the library says of an error that it does not write itself; the address is not in it.

    Args:
        problem: the error.
        late: whether a time limit had passed: what was interrupted may then give any error.
    """
    said = problem.strerror if isinstance(problem, av.FFmpegError) else None
    words = "timeout triggered" if late or isinstance(problem, av.error.ExitError) else said or ""
    with contextlib.suppress(OSError):
        os.write(_STDERR, words.encode() + b"\n")
