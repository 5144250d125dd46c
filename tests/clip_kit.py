"""Clips for tests, written as cameras write them: any codec, key pictures, colours, fields, and rotation."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from edge.flow import Pixels

SIZE = (320, 240)
GOP = 10


def scene(number: int, size: tuple[int, int] = SIZE) -> Pixels:
    """Return a picture whose background moves to the right, with a square that tells its number by its shade."""
    rng = np.random.default_rng(1)
    base = cv2.resize(rng.integers(0, 255, (12, 16, 3), np.uint8), size, interpolation=cv2.INTER_CUBIC)
    picture = np.roll(base, number * 3, axis=1)
    picture[:40, :40] = number * 4 % 256
    return np.asarray(picture, np.uint8)


def noise(number: int, size: tuple[int, int] = SIZE) -> Pixels:
    """Return a picture that is like no other."""
    small = np.random.default_rng(1000 + number).integers(0, 255, (size[1] // 4, size[0] // 4, 3), np.uint8)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def brightness(frame: VideoFrame) -> Pixels:
    """Return the decoder's own Y plane."""
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:, : frame.width]


def write_clip(
    path: Path,
    pictures: Iterator[Pixels],
    *,
    codec: str = "libx264",
    form: str = "yuv420p",
    options: dict[str, str] | None = None,
    colours: tuple[int, int] | None = None,
    whole_from: int | None = None,
) -> Path:
    """Write a clip of 25 pictures a second.

    Args:
        path: where to; its suffix is the container.
        pictures: BGR.
        codec: its encoder.
        form: how the encoder takes pixels.
        options: the encoder's.
        colours: FFmpeg's numbers of the matrix and the range that are written into the stream; none if None.
        whole_from: from this picture on each one needs no other.
    """
    with av.open(str(path), "w") as container:
        stream: VideoStream | None = None
        for number, picture in enumerate(pictures):
            frame = VideoFrame.from_ndarray(picture, format="bgr24")
            if stream is None:
                added = container.add_stream(codec, rate=25, options=options or {})
                assert isinstance(added, VideoStream)
                stream = added
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, form
                stream.codec_context.gop_size = GOP
                if colours:
                    stream.codec_context.colorspace, stream.codec_context.color_range = colours
            if colours:
                frame = frame.reformat(format=form, dst_colorspace=colours[0], dst_color_range=colours[1])
            frame.pts = number
            if whole_from is not None and number >= whole_from:
                frame.pict_type = PictureType.I
            container.mux(stream.encode(frame))
        assert stream is not None
        container.mux(stream.encode(None))
    return path
