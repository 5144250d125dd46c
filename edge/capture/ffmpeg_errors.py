"""What a library's complaint means, as a sentence for the operator.

The video library writes messages that may hold the camera's URL and password, and OpenCV's may hold a path.
They are read here, compared with a few known words, and dropped: no text of theirs is kept or shown.
"""

import os
from typing import Final

_INTERLACED: Final = b"Cannot convert interlaced"
_STRANGER: Final = "the camera's certificate is not the one in authority, nor signed by it"
_KNOWN: Final = (
    (b"failed: 401", "the camera refused the user name or password"),
    (b"failed: 403", "the camera refused access"),
    (b"failed: 404", "the camera has no stream at this address"),
    (b"certificate verify failed", _STRANGER),
    (b"certificate failed verification", _STRANGER),
    (b"owner does not match hostname", "the camera's certificate bears no name that can be compared"),
    (b"Connection refused", "nothing answers at this address and port"),
    (b"No route to host", "there is no route to this address"),
    (b"Network is unreachable", "the network is unreachable"),
    (b"Name or service not known", "the camera's host name is unknown"),
    (b"Failed to resolve hostname", "the camera's host name is unknown"),
    (b"Connection timed out", "the camera did not answer in time"),
    (b"timeout triggered", "the camera did not answer in time"),
    (b"Invalid data found when processing input", "what it sends is not video"),
    (_INTERLACED, "the stream is interlaced, which cannot be decoded: set the camera to progressive"),
    (b"moov atom not found", "the clip is cut short or was never finished"),
    (b"can't open camera by index", "there is no such camera device"),
)
_OVERLAP: Final = 64
"""Kept from one chunk to the next, so that words across the border are found."""


class Reasons:
    """Reads the capture process's error output and remembers the last known complaint.

    Args:
        fd: reading end of the pipe; owned from here on.

    Attributes:
        sentence: the last known complaint, or empty.
        interlaced: whether a picture was not converted because it is interlaced; the library hands out a black
            one and reports success.
    """

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.sentence = ""
        self.interlaced = False
        self._tail = b""

    def collect(self) -> bool:
        """Read what has been written so far; False once the other end is closed."""
        while True:
            try:
                chunk = os.read(self.fd, 65536)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            text = self._tail + chunk
            self.interlaced = self.interlaced or _INTERLACED in text
            places = [(text.rfind(words), sentence) for words, sentence in _KNOWN]
            place, sentence = max(places)
            if place >= 0:
                self.sentence = sentence
            self._tail = text[-_OVERLAP:]

    def close(self) -> None:
        """Give the pipe back."""
        self._tail = b""
        os.close(self.fd)
