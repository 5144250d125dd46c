"""How a capture process gets pictures through OpenCV: picture files, a USB camera, and what has no better way.

Runs in the capture process only, whose environment holds the library's settings (`edge.capture.worker`). A
decoder writes into memory it is given where it can, so that handing a frame to the edge costs no copy beyond
the one the library makes anyway.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.capture.decoding import CaptureFailed, Decoder
from edge.capture.wire import MAX_FILE_BYTES, MAX_PIXELS, Fault, Request
from edge.flow import Pixels

PICTURE_GAP_NS: Final = 60_000_000_000
"""Pictures of a folder lie this far apart in stream time: each is a scene of its own."""
_SHORT: Final = 0.9
"""A clip that yields less than this share of the frames its header promises was cut short."""


class VideoDecoder:
    """A clip, an RTSP stream or a USB camera, through OpenCV with one decoding thread.

    Args:
        request: what to open.

    Raises:
        CaptureFailed: it cannot be opened, or its pictures are too large.
    """

    def __init__(self, request: Request) -> None:
        self._live = request.kind in {"rtsp", "usb"}
        self._capture = _open(request)
        if not self._capture.isOpened():
            raise CaptureFailed(Fault.CANNOT_OPEN)
        self._count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._number = -1
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        if height * width > MAX_PIXELS:
            raise CaptureFailed(Fault.TOO_LARGE)
        self._shape = (max(height, 1), max(width, 1))

    def advance(self) -> bool:
        """Step to the next frame; may block as long as the camera is silent.

        Raises:
            CaptureFailed: a live stream broke off, or a clip holds clearly fewer frames than it says.
        """
        if self._capture.grab():
            self._number += 1
            return True
        seen = self._number + 1
        if self._live:
            raise CaptureFailed(Fault.NO_FRAME, seen)
        if seen == 0:
            raise CaptureFailed(Fault.NOT_A_PICTURE)
        if seen < _SHORT * self._count:
            raise CaptureFailed(Fault.CUT_SHORT, seen)
        return False

    def shape(self) -> tuple[int, int]:
        """Height and width of the last frame."""
        return self._shape

    def picture(self, into: Pixels) -> Pixels:
        """Decode into `into` where the frame has its shape."""
        done, image = self._capture.retrieve(into)
        if not done or image.ndim != 3 or image.shape[2] != 3:  # noqa: PLR2004 - height x width x BGR
            raise CaptureFailed(Fault.NO_FRAME, self._number)
        self._shape = image.shape[:2]
        if self._shape[0] * self._shape[1] > MAX_PIXELS:
            raise CaptureFailed(Fault.TOO_LARGE, self._number)
        return np.asarray(image, np.uint8)

    def stream_ns(self) -> int:
        """The frame's time stamp; where a clip has none, its number over the frame rate."""
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        if stamp <= 0 and self._rate > 0:
            stamp = self._number * 1000 / self._rate
        return int(stamp * 1_000_000)

    def is_whole(self) -> bool:
        """Whether it is an I frame."""
        return int(self._capture.get(cv2.CAP_PROP_FRAME_TYPE)) == ord("I")

    def tracks(self) -> int:
        """Not told."""
        return 1

    def kept_ns(self) -> int:
        """Not known: a picture may stay in the library's pool until the process ends."""
        return 0


class PictureDecoder:
    """Picture files, one after the other; each is checked before its pixels are decoded.

    Args:
        paths: the files, in order.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._number = -1
        self._image: Pixels = np.zeros((1, 1, 3), np.uint8)

    def advance(self) -> bool:
        """Read and decode the next file.

        Raises:
            CaptureFailed: the file is absent, empty, too large, or not a whole picture.
        """
        self._number += 1
        self._image.fill(0)
        if self._number == len(self._paths):
            return False
        data = self._read(Path(self._paths[self._number]))
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error as error:
            too_large = "CV_IO_MAX_IMAGE" in str(error)  # told from the header, before any pixel is decoded
            fault = Fault.TOO_LARGE if too_large else Fault.NOT_A_PICTURE
            raise CaptureFailed(fault, self._number) from error
        if image is None:
            raise CaptureFailed(Fault.NOT_A_PICTURE, self._number)
        self._image = np.asarray(image, np.uint8)
        return True

    def shape(self) -> tuple[int, int]:
        """Height and width of the current picture."""
        height, width = self._image.shape[:2]
        return height, width

    def picture(self, into: Pixels) -> Pixels:
        """Copy the current picture."""
        into[:] = self._image
        return into

    def stream_ns(self) -> int:
        """Pictures are a minute apart."""
        return self._number * PICTURE_GAP_NS

    def is_whole(self) -> bool:
        """Pictures are."""
        return True

    def tracks(self) -> int:
        """Not told."""
        return 1

    def kept_ns(self) -> int:
        """Not known."""
        return 0

    def _read(self, path: Path) -> bytes:
        try:
            size = path.stat().st_size
            if size > MAX_FILE_BYTES:
                raise CaptureFailed(Fault.TOO_LARGE, self._number)
            data = path.read_bytes()
        except OSError as error:
            raise CaptureFailed(Fault.UNREADABLE, self._number) from error
        if not data:
            raise CaptureFailed(Fault.EMPTY, self._number)
        return data


def open_decoder(request: Request) -> Decoder:
    """Open what the request names.

    Raises:
        CaptureFailed: it cannot be opened.
    """
    return PictureDecoder(request.places) if request.kind == "pictures" else VideoDecoder(request)


def _open(request: Request) -> "cv2.VideoCapture":
    if request.kind == "usb":
        sizes = zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), request.size, strict=True)
        settings = [number for pair in sizes if pair[1] for number in pair]
        return cv2.VideoCapture(int(request.places[0]), cv2.CAP_V4L2, settings)
    settings = [cv2.CAP_PROP_N_THREADS, 1]
    if request.kind == "rtsp":
        settings += [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, request.open_timeout_ms]
        settings += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, request.read_timeout_ms]
    return cv2.VideoCapture(request.places[0], cv2.CAP_FFMPEG, settings)
