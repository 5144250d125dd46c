"""What every decoder of a capture process is; `edge.capture.choice` says which one reads what."""

from typing import Protocol

from edge.capture.wire import Fault
from edge.flow import Pixels


class CaptureFailed(Exception):  # noqa: N818 - says what happened
    """The capture cannot go on; carries a code, never a path, a URL or a library's message."""

    def __init__(self, fault: Fault, where: int = 0) -> None:
        super().__init__(fault.name)
        self.fault = fault
        self.where = where


class Decoder(Protocol):
    """A series of pictures."""

    def advance(self) -> bool:
        """Step to the next picture; False after the last one."""

    def shape(self) -> tuple[int, int]:
        """Height and width that the current picture is expected to have."""

    def picture(self, into: Pixels) -> Pixels:
        """Return the current picture: `into` itself where it fits, else an array of its own."""

    def stream_ns(self) -> int:
        """Place of the current picture in the stream's own time, ns; 0 where it has none."""

    def is_whole(self) -> bool:
        """Whether the current picture needs no other to be decoded."""

    def tracks(self) -> int:
        """How many video tracks the stream has, one of which is read; 1 where the library does not tell."""

    def kept_ns(self) -> int:
        """For how long decoded pictures have been kept at most, ns; 0 where the library does not let them go."""
