"""Encoded pictures of plates, whatever the coder and its quality: found by their headers, decoded, and compared."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import cv2
import numpy as np

from benchmarks.harness.memory_scan import Found, Pattern, Scanner
from edge.flow import Pixels

ENCODED: Final = "encoded picture of the plate"
_HEADERS: Final = re.compile(rb"\xff\xd8\xff[\xc0-\xfe]|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)
_MOST: Final = 48 << 10
"""No encoded crop is longer."""
_SIDE: Final = (96, 32)
_ALIKE: Final = 0.75
"""Correlation with a canary's crop from which a picture is a plate's; two plates of one layout reach it too."""
_LEAST: Final = (24, 8)


class Gallery:
    """Crops that are looked for.

    Args:
        crops: each with its canary's number; h x w x 3 uint8.
    """

    def __init__(self, crops: Iterable[tuple[int, Pixels]]) -> None:
        kept = list(crops)
        self._numbers = [number for number, _ in kept]
        self._known = np.array([_signature(crop) for _, crop in kept]) if kept else np.zeros((0, 1))

    def search(self, block: bytes, place: str = "", base: int = 0) -> Iterator[Found]:
        """Yield every picture in a block that decodes and looks like one of the crops."""
        for header in _HEADERS.finditer(block):
            picture = _decoded(block[header.start() : header.start() + _MOST])
            if picture is None or not self._numbers:
                continue
            alike = self._known @ _signature(picture)
            best = int(alike.argmax())
            if alike[best] >= _ALIKE:
                yield Found(self._numbers[best], ENCODED, base + header.start(), place)


class Searcher(Scanner):
    """Looks for byte patterns, and for encoded pictures."""

    def __init__(self, patterns: Iterable[Pattern], gallery: Gallery) -> None:
        super().__init__(list(patterns))
        self._gallery = gallery
        self.longest = max(self.longest, _MOST)

    def search(self, block: bytes | memoryview, place: str = "", base: int = 0) -> Iterator[Found]:
        """Yield every occurrence of either."""
        yield from super().search(block, place, base)
        yield from self._gallery.search(bytes(block), place, base)


def _decoded(content: bytes) -> Pixels | None:
    said = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)  # what only looks like a header is nothing to complain of
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    finally:
        cv2.utils.logging.setLogLevel(said)
    if picture is None or picture.shape[1] < _LEAST[0] or picture.shape[0] < _LEAST[1]:
        return None
    return np.asarray(picture, np.uint8)


def _signature(picture: Pixels) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """Return a picture as one vector of length 1 and mean 0."""
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_BGR2GRAY)
    flat = cv2.resize(grey, _SIDE, interpolation=cv2.INTER_AREA).astype(np.float32).reshape(-1)
    flat -= flat.mean()
    return flat / max(float(np.linalg.norm(flat)), 1e-6)
