"""Every form in which a plate's picture could be left: rows of frames, planes, inputs, tables; packets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.harness.memory_scan import Pattern
from benchmarks.patterns.canaries import Box
from edge.flow import Pixels

PACKETS: Final = "encoded packet"
DECODERS_Y: Final = "Y plane, the decoder's"
STEPS: Final = (2, 3, 4)
"""Every so many pixels of a thinned picture: a motion gate's 320 columns of 1280, and finer."""
_ROWS: Final = (0.35, 0.5, 0.65)
_SIZE: Final = 48
_LEAST_PACKET: Final = 1000
_LEAST_VALUES: Final = 6

Prepared = tuple[Pixels, npt.NDArray[np.float32], float]
"""The detector's shrunk picture, one channel of its tensor, and the scale."""


def frame_patterns(number: int, picture: Pixels, box: Box) -> Iterator[Pattern]:
    """Yield rows of a plate in a frame: colours in any order, planes, thinned, as bytes and as floats.

    The Y plane stands first in I420 and NV12 alike, so that a row of it is found in a whole frame of either.
    """
    left, top, right, bottom = box
    left, top = left // 2 * 2, top // 2 * 2
    even = np.ascontiguousarray(
        picture[top : top + (bottom - top) // 2 * 2, left : left + (right - left) // 2 * 2]
    )
    brightness = cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420)[: even.shape[0]]
    plate = picture[box[1] : bottom, box[0] : right]
    grey = cv2.cvtColor(np.ascontiguousarray(plate), cv2.COLOR_BGR2GRAY)
    for share in _ROWS:
        row = plate[int(len(plate) * share)]
        yield from _bytes(number, "pixels, BGR", row)
        yield from _bytes(number, "pixels, RGB", row[:, ::-1])
        yield from _bytes(number, "pixels, one colour's plane", row[:, 1])
        yield from _floats(number, "pixels, float32", row[:, 1])
        yield from _bytes(number, "pixels, grey", grey[int(len(grey) * share)])
        yield from _bytes(number, "Y plane, converted", brightness[int(len(brightness) * share)])
    for step in STEPS:
        thin = picture[::step, ::step, 1]
        row = thin[(top + bottom) // 2 // step, -(-left // step) : right // step]
        yield from _bytes(number, f"thinned by {step}", row)
        yield from _floats(number, f"thinned by {step}, float32", row)


def decoder_patterns(number: int, brightness: Pixels, box: Box) -> Iterator[Pattern]:
    """Yield rows of a plate in the decoder's own Y plane, H x W uint8."""
    left, top, right, bottom = box
    for share in _ROWS:
        yield from _bytes(number, DECODERS_Y, brightness[int(top + (bottom - top) * share), left:right])


def packet_patterns(number: int, packet: bytes) -> Iterator[Pattern]:
    """Yield parts of an encoded picture; a small one repeats its predecessor and shows nothing."""
    if len(packet) >= _LEAST_PACKET:
        for share in (0.2, 0.4, 0.6, 0.8):
            start = int(len(packet) * share)
            yield Pattern(packet[start : start + _SIZE], number, PACKETS)


def detector_patterns(number: int, prepared: Prepared, box: Box) -> Iterator[Pattern]:
    """Yield a plate's middle row in the detector's shrunk picture and in its tensor."""
    canvas, tensor, scale = prepared
    left, top, right, bottom = (round(side * scale) for side in box)
    row = (top + bottom) // 2
    yield from _bytes(number, "detector's input, bytes", canvas[row, left:right])
    values = tensor[row, left:right]
    if len(np.unique(values)) > len(values) // 2:
        yield Pattern(values.tobytes(), number, "detector's input, floats")


def reader_patterns(number: int, prepared: Pixels) -> Iterator[Pattern]:
    """Yield rows of the reader's input made of a crop: height x width x channels uint8."""
    for share in _ROWS:
        row = prepared[int(len(prepared) * share)]
        yield from _bytes(number, "reader's input", row)
        yield from _floats(number, "reader's input, float32", row)


def table_patterns(number: int, tables: npt.NDArray[np.float32], form: str) -> Iterator[Pattern]:
    """Yield rows of tables in three widths, where a row is particular enough to be known again."""
    for row in tables.reshape(-1, tables.shape[-1]):
        if len(np.unique(row)) > len(row) // 2:
            for kind in (np.float32, np.float64, np.float16):
                with np.errstate(over="ignore"):
                    values = row.astype(kind)
                if len(np.unique(values)) >= _LEAST_VALUES:
                    yield Pattern(values.tobytes(), number, f"{form}, {np.dtype(kind).name}")


class Recording:
    """The stream that the edge's decoder is given, once as pixels, once as the decoder's Y plane, once as packets.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._pictures = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        self._planes = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_CONVERT_RGB, 0])
        self._packets = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        self._packets.set(cv2.CAP_PROP_FORMAT, -1)
        if not self._pictures.isOpened():
            raise OSError(f"{path} cannot be opened as a video")

    def step(self) -> bool:
        """Go to the next frame."""
        return all(each.grab() for each in (self._pictures, self._planes, self._packets))

    def now(self) -> tuple[Pixels, Pixels, bytes]:
        """Return the frame: H x W x 3 uint8 BGR, its Y plane H x W uint8, its packet."""
        said = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(0)  # the library warns of the plane that is wanted
        picture, plane, packet = (
            each.retrieve()[1] for each in (self._pictures, self._planes, self._packets)
        )
        cv2.utils.logging.setLogLevel(said)
        return np.asarray(picture, np.uint8), np.asarray(plane, np.uint8), packet.tobytes()


def _bytes(number: int, form: str, row: Pixels) -> Iterator[Pattern]:
    if (window := _window(np.ascontiguousarray(row).reshape(-1))) is not None:
        yield Pattern(window.tobytes(), number, form)


def _floats(number: int, form: str, row: Pixels) -> Iterator[Pattern]:
    """Yield a row of bytes as float32, as it is and divided by 255."""
    window = _window(np.ascontiguousarray(row).reshape(-1))
    if window is not None:
        yield Pattern(window.astype(np.float32).tobytes(), number, form)
        scaled: npt.NDArray[Any] = window * np.float32(1 / 255)
        yield Pattern(scaled.astype(np.float32).tobytes(), number, f"{form}, 0 to 1")


def _window(flat: Pixels) -> Pixels | None:
    """Return the most varied 48 bytes of a row, if they are varied enough to be this plate's."""
    size = min(_SIZE, len(flat))
    starts = range(0, len(flat) - size + 1, 6)
    best = max(starts, key=lambda start: len(np.unique(flat[start : start + size])), default=0)
    content = flat[best : best + size]
    return content if size and len(np.unique(content)) >= max(_LEAST_VALUES, size // 3) else None
