"""What the edge and its capture process say to each other: the request, frames, and how it ended.

The request travels over a pipe, because it may hold a camera's password. Frames travel as tokens, one packet
each, over a socket pair: a token gives its receiver the slot it names. `ready` carries tokens of pictures to
the edge; the capture process may take one back that nobody has taken yet, which is how the newest frame wins.
`control` carries everything else, and the free slots back.
"""

import json
import struct
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Final, Literal

MAX_PIXELS: Final = 7680 * 4320
"""The largest frame or picture that is decoded: 8K UHD, 33 megapixels, 100 MB of memory a slot."""
MAX_FILE_BYTES: Final = 4 * MAX_PIXELS
"""The largest picture file that is read; an uncompressed picture of `MAX_PIXELS` fits."""

Kind = Literal["video", "pictures", "rtsp", "usb"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to capture, and how.

    Attributes:
        parent: process id of the edge.
        kind: what `places` names.
        places: a file, picture files in order, a URL, or a device number. Hidden: a URL holds a password.
        every: hand over every N-th frame of a file.
        every_ns: hand over a frame about this often, in the stream's time; 0 for all.
        newest_wins: drop frames that nobody took in time, as a live camera must; else wait.
        own_pace: do not run faster than the file's own time.
        transport: how RTSP carries its media.
        authority: file of the certificate that a camera must show or be signed by; empty without TLS.
        open_timeout_ms: longest wait for a connection.
        read_timeout_ms: longest wait for a frame, where the library honours it.
        size: width and height asked of a USB camera; 0 leaves its own.
    """

    parent: int
    kind: Kind
    places: tuple[str, ...] = field(repr=False)
    every: int = 1
    every_ns: int = 0
    newest_wins: bool = False
    own_pace: bool = False
    transport: Literal["tcp", "udp"] = "tcp"
    authority: str = ""
    open_timeout_ms: int = 10_000
    read_timeout_ms: int = 10_000
    size: tuple[int, int] = (0, 0)

    def to_bytes(self) -> bytes:
        """Return it as JSON, for the pipe."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Request":
        """Read what `to_bytes` wrote."""
        told = json.loads(data)
        return cls(**{**told, "places": tuple(told["places"]), "size": tuple(told["size"])})


@dataclass(frozen=True, slots=True)
class Token:
    """One frame's slot and what is known of it; who holds the token owns the slot.

    Attributes:
        slot: the place in the shared memory.
        width: of the frame, in pixels.
        height: of the frame, in pixels.
        number: of the frame since the source was opened.
        boot_ns: when it was read, boot-time clock.
        stream_ns: its place in the stream's own time.
        still_ns: for how long the picture has not changed in a single sampled pixel.
        dropped: frames dropped so far because nobody took them.
        shows: what it shows, an `edge.capture.blank.Shows`.
    """

    slot: int
    width: int
    height: int
    number: int
    boot_ns: int
    stream_ns: int
    still_ns: int
    dropped: int
    shows: int

    _FORM = struct.Struct("<9q")
    SIZE = _FORM.size

    def to_bytes(self) -> bytes:
        """Return it as one packet."""
        return self._FORM.pack(
            self.slot,
            self.width,
            self.height,
            self.number,
            self.boot_ns,
            self.stream_ns,
            self.still_ns,
            self.dropped,
            self.shows,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Token":
        """Read one packet.

        Raises:
            struct.error: not a token.
        """
        return cls(*cls._FORM.unpack(data))


class Say(IntEnum):
    """Kinds of a `control` packet; the number beside it is in brackets."""

    STARTED = 1
    """Capture process: running [1 if all of its memory is locked]."""
    NEED = 2
    """Capture process: new memory, please, of this slot size [bytes]."""
    MEMORY = 3
    """Edge: here it is, with its descriptor [bytes]. All slots are the capture process's."""
    FREE = 4
    """Edge: this slot is yours again [slot]."""
    ENDED = 5
    """Capture process: the last frame has been handed over [frames in all]."""
    FAILED = 6
    """Capture process: cannot go on [a `Fault`], at this picture or frame [its number]."""
    KEPT = 7
    """Capture process: its decoder has kept pictures for so long, and no longer [ns]."""
    TRACKS = 8
    """Capture process: the stream has so many video tracks, of which the largest is read [tracks]."""


class Fault(IntEnum):
    """Why a capture ended before its end."""

    CANNOT_OPEN = 1
    NOT_A_PICTURE = 2
    EMPTY = 3
    TOO_LARGE = 4
    UNREADABLE = 5
    CUT_SHORT = 6
    NO_FRAME = 7
    DIED = 8
    SILENT = 9
    INTERLACED = 10
    """The library said so in its complaints only: it reports success, and hands out black pictures."""


@dataclass(frozen=True, slots=True)
class Message:
    """One `control` packet."""

    say: Say
    value: int = 0
    where: int = 0

    _FORM = struct.Struct("<3q")
    SIZE = _FORM.size

    def to_bytes(self) -> bytes:
        """Return it as one packet."""
        return self._FORM.pack(self.say, self.value, self.where)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Message":
        """Read one packet.

        Raises:
            struct.error: not a message.
            ValueError: an unknown kind.
        """
        say, value, where = cls._FORM.unpack(data)
        return cls(Say(say), value, where)
