"""Clips and network cameras through PyAV: no picture lost, colours as before, interlaced pictures, odd clips."""

import contextlib
import itertools
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edge.capture import choice, decoders, demuxed, open_source
from edge.capture.codec import Codec
from edge.capture.decoding import CaptureFailed, Decoder
from edge.capture.picture import remove_combs
from edge.capture.settings import FileSettings
from edge.capture.wire import Fault, Request
from edge.errors import SourceError
from edge.flow import Pixels
from tests.clip_kit import SIZE, brightness, scene, write_clip
from tests.test_sources_live import PASSWORD, needs_rtsp_server, serving

QUIET = "log-level=none"
CODERS: dict[str, dict[str, object]] = {
    "closed": {"options": {"bf": "0"}},
    "out of order": {"options": {"bf": "4", "b-pyramid": "normal"}},
    "builds on what was before the key picture": {
        "options": {"x264-params": "open-gop=1:bframes=3:scenecut=0"}
    },
    "refreshed bit by bit": {"options": {"x264-params": "intra-refresh=1:bframes=2"}},
    "H.265": {
        "codec": "libx265",
        "options": {"x265-params": f"{QUIET}:bframes=4:keyint=10:min-keyint=10:open-gop=1:scenecut=0"},
    },
    "fields": {"options": {"flags": "+ildct+ilme", "x264-params": "tff=1:bframes=2:open-gop=1"}},
    "MPEG-2 fields": {"codec": "mpeg2video", "options": {"flags": "+ildct+ilme", "bf": "2"}},
    "MPEG-4": {"codec": "mpeg4", "options": {"bf": "2"}},
    "each picture by itself": {"codec": "mjpeg", "form": "yuvj420p"},
}


def request_for(path: Path) -> Request:
    """Return the request for a clip."""
    return Request(parent=os.getpid(), kind="video", places=(str(path),))


def pictures_of(decoder: Decoder) -> Iterator[Pixels]:
    """Yield what a decoder has, as pixels."""
    while decoder.advance():
        yield decoder.picture(np.zeros((*decoder.shape(), 3), np.uint8)).copy()


def decoded(path: Path, life_ns: int | None) -> tuple[list[tuple[int | None, bytes]], int]:
    """Return each picture's time stamp and brightness, and how many decoders it took."""
    found: list[VideoFrame] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = Codec(stream, life_ns)
        kept = [codec._now]
        for packet in container.demux(stream):
            if packet.size:
                found += codec.decode(packet)
                if codec._now is not kept[-1]:
                    kept.append(codec._now)
        found += codec.rest()
    return [(frame.pts, brightness(frame).tobytes()) for frame in found], len(kept)


@pytest.mark.parametrize("coder", CODERS)
def test_a_decoder_made_anew_loses_no_picture(coder: str, tmp_path: Path) -> None:
    """However a stream is coded: the same pictures, to the bit, in the same order, as from one decoder."""
    clip = write_clip(tmp_path / "clip.mkv", map(scene, range(45)), **CODERS[coder])  # type: ignore[arg-type]
    expected, one = decoded(clip, None)
    found, several = decoded(clip, 0)

    assert one == 1
    assert several > 2
    assert len(expected) == 45
    assert [when for when, _ in found] == sorted(when for when, _ in found if when is not None)
    assert found == expected


def test_a_decoder_lives_as_long_as_it_was_given(tmp_path: Path) -> None:
    """A life that is not over when the next key picture comes lasts until a later one."""
    clip = write_clip(tmp_path / "clip.mkv", map(scene, range(45)))

    assert decoded(clip, 3600 * 1_000_000_000)[1] == 1


@pytest.mark.parametrize(
    ("form", "colours"),
    [
        ("yuv420p", None),
        ("yuv420p", (1, 1)),
        ("yuv420p", (5, 1)),
        ("yuvj420p", (1, 2)),
        ("yuvj420p", (5, 2)),
        ("yuv422p", None),
        ("yuv444p", None),
    ],
    ids=["nothing said", "BT.709", "BT.601", "BT.709 full", "BT.601 full", "4:2:2", "4:4:4"],
)
def test_colours_are_those_of_opencv(form: str, colours: tuple[int, int] | None, tmp_path: Path) -> None:
    """Models were chosen on OpenCV's pixels: matrix and range are used as there, to two levels."""
    clip = write_clip(tmp_path / "clip.mp4", map(scene, range(12)), form=form, colours=colours)
    ours = list(pictures_of(demuxed.StreamDecoder(request_for(clip))))
    theirs = list(pictures_of(decoders.VideoDecoder(request_for(clip))))

    assert len(ours) == len(theirs) == 12
    for mine, other in zip(ours, theirs, strict=True):
        assert np.abs(mine.astype(int) - other).max() <= 2


def test_matrix_and_range_make_a_difference(tmp_path: Path) -> None:
    """The control of the test above: the same bits with another matrix are other colours."""
    clip = write_clip(tmp_path / "clip.mp4", map(scene, range(2)), colours=(1, 1))
    with av.open(str(clip)) as container:
        frame = next(container.decode(video=0))
        told, other = (frame.to_ndarray(format="bgr24", src_colorspace=matrix) for matrix in (1, 5))

    assert np.abs(told.astype(int) - other).max() > 20


@pytest.mark.parametrize(("angle", "rotate"), [(90, cv2.ROTATE_90_CLOCKWISE), (180, cv2.ROTATE_180)])
def test_a_clip_of_a_turned_camera_is_upright(angle: int, rotate: int, tmp_path: Path) -> None:
    """A clip says how it is to be turned; the pixels are as OpenCV turns them, and so is the shape."""
    clip = write_clip(tmp_path / "clip.mp4", map(scene, range(12)))
    upright = next(pictures_of(demuxed.StreamDecoder(request_for(clip))))
    turned = turn(clip, tmp_path / "turned.mp4", angle)
    found = next(pictures_of(demuxed.StreamDecoder(request_for(turned))))
    theirs = next(pictures_of(decoders.VideoDecoder(request_for(turned))))

    assert (found == cv2.rotate(upright, rotate)).all()
    assert np.abs(found.astype(int) - theirs).max() <= 2
    assert not np.array_equal(found, upright)


def turn(clip: Path, to: Path, angle: int) -> Path:
    """Copy an MP4 and write a rotation, in degrees clockwise, into its track's header."""
    one, minus = (1 << 16).to_bytes(4, "big"), (-1 << 16 & 0xFFFFFFFF).to_bytes(4, "big")
    no = bytes(4)
    last = (1 << 30).to_bytes(4, "big")
    straight = one + no * 3 + one + no * 3 + last
    matrices = {
        90: no + one + no + minus + no * 4 + last,
        180: minus + no * 3 + minus + no * 3 + last,
    }
    data = bytearray(clip.read_bytes())
    place = data.find(straight, data.find(b"tkhd"))
    data[place : place + len(straight)] = matrices[angle]
    to.write_bytes(data)
    return to


def woven(number: int) -> Pixels:
    """Return an interlaced picture: a bar that has moved by 8 pixels between the two fields, on an even ground."""
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[20:40] = 200  # it does not move, and has sharp edges
    for field in (0, 1):
        left = 20 + 16 * number % 200 + 8 * field
        picture[100 + field : 200 : 2, left : left + 30] = 220
    return picture


@pytest.mark.parametrize("coder", ["fields", "MPEG-2 fields"])
def test_interlaced_pictures_are_seen_without_combs(coder: str, tmp_path: Path) -> None:
    """Neither black nor combed: what moves has straight edges; what stands still keeps all of its lines."""
    pictures = [woven(number) for number in range(12)]
    clip = write_clip(tmp_path / "clip.mkv", iter(pictures), **CODERS[coder])  # type: ignore[arg-type]
    found = list(pictures_of(demuxed.StreamDecoder(request_for(clip))))

    assert len(found) == 12
    for before, after in zip(pictures, found, strict=True):
        assert combs(before) > 500, "the control: it is combed as it comes"
        assert combs(after) < 0.05 * combs(before)
        assert np.abs(after[10:60].astype(int) - before[10:60]).mean() < 8


def combs(picture: Pixels) -> int:
    """Return how many pixels of the bar's lines stand out from the lines above and below them."""
    part = picture[101:199, :, 1].astype(int)
    above, line, below = part[:-2], part[1:-1], part[2:]
    return int(((line - above > 40) & (line - below > 40) | (above - line > 40) & (below - line > 40)).sum())


def test_a_picture_without_combs_is_left_as_it_is() -> None:
    """Progressive pictures that say they are interlaced lose nothing: edges, slopes and lines of two rows."""
    picture = np.full((64, 64, 3), 50, np.uint8)
    picture[20:40, 10:50] = 200
    picture[50:52] = 240
    picture[:, :, 2] += np.arange(64, dtype=np.uint8)[:, None]
    before = picture.copy()
    remove_combs(picture)

    assert (picture == before).all()


def test_the_largest_of_several_tracks_is_read(tmp_path: Path) -> None:
    """A recorder's file holds a small track beside the one to read."""
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for size in ((160, 120), SIZE):
            stream = container.add_stream("libx264", rate=25)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            streams.append(stream)
        for number in range(10):
            for stream in streams:
                frame = VideoFrame.from_ndarray(scene(number, (stream.width, stream.height)), format="bgr24")
                frame.pts = number
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))

    assert next(pictures_of(demuxed.StreamDecoder(request_for(path)))).shape == (SIZE[1], SIZE[0], 3)


def test_a_clip_may_not_name_an_address_to_read_from(tmp_path: Path) -> None:
    """A playlist in a clip's place is refused, and nobody is called. The control, without our limit, calls."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        port = listener.getsockname()[1]
        path = tmp_path / "list.m3u8"
        path.write_text(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
            f"http://127.0.0.1:{port}/secret.ts\n#EXT-X-ENDLIST\n"
        )
        with pytest.raises(SourceError, match="not a video"):
            open_source(FileSettings(path=path))
        with pytest.raises(TimeoutError):
            listener.accept()

        free = {"protocol_whitelist": "file,http,tcp"}
        with contextlib.suppress(av.FFmpegError):
            av.open(str(path), options=free, timeout=(1.0, 1.0)).close()
        listener.accept()[0].close()


def test_a_clip_that_is_damaged_in_its_middle_is_read_on(tmp_path: Path) -> None:
    """A stretch of nonsense costs the pictures it held, and no others; as with OpenCV, to the picture."""
    clip = write_clip(tmp_path / "clip.mkv", map(scene, range(60)), options={"bf": "0"})
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(3).bytes(3000)
    clip.write_bytes(data)

    ours, theirs = (
        outcome(kind(request_for(clip))) for kind in (demuxed.StreamDecoder, decoders.VideoDecoder)
    )
    assert ours == theirs


def outcome(decoder: Decoder) -> tuple[int, Fault | None, int]:
    """Return how many pictures came, and how it ended."""
    seen = 0
    try:
        for _ in pictures_of(decoder):
            seen += 1
    except CaptureFailed as failure:
        return seen, failure.fault, failure.where
    return seen, None, 0


def test_time_goes_as_the_clip_says_when_its_rate_varies(tmp_path: Path) -> None:
    """Pictures at 0, 40, 80 ms and then one second later: each has its own place, as with OpenCV."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number, when in enumerate((0, 1, 2, 27, 28)):
            frame = VideoFrame.from_ndarray(scene(number), format="bgr24")
            frame.pts = when
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    decoder = demuxed.StreamDecoder(request_for(path))
    places = []
    while decoder.advance():
        places.append(round(decoder.stream_ns() / 1e6))

    assert places == [0, 40, 80, 1080, 1120]


@needs_rtsp_server
def test_a_read_from_a_silent_camera_ends() -> None:
    """A camera that keeps the line open and sends nothing does not hold the decoder for ever."""
    with serving() as server:
        address = server.url().get_secret_value()
        request = Request(parent=os.getpid(), kind="rtsp", places=(address,), read_timeout_ms=1000)
        decoder = demuxed.StreamDecoder(request)
        assert decoder.advance()
        server.signal(signal.SIGSTOP)
        with pytest.raises(CaptureFailed) as caught:
            all(decoder.advance() for _ in itertools.count())

    assert caught.value.fault is Fault.NO_FRAME


def test_a_camera_that_never_answers_is_given_up(capfd: pytest.CaptureFixture[str]) -> None:
    """The wait ends; what is written for the edge to read is the fixed word that it knows, and no address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"rtsp://viewer:{PASSWORD}@127.0.0.1:{listener.getsockname()[1]}/road"
        request = Request(parent=os.getpid(), kind="rtsp", places=(address,), open_timeout_ms=500)
        with pytest.raises(CaptureFailed) as caught:
            demuxed.StreamDecoder(request)

    assert caught.value.fault is Fault.CANNOT_OPEN
    assert PASSWORD not in str(caught.value)
    assert "timeout triggered" in capfd.readouterr().err


@pytest.mark.parametrize("present", [True, False])
def test_opencv_reads_clips_where_pyav_is_not_installed(
    *, present: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same pictures either way; which library it was is decided in one place."""
    clip = write_clip(tmp_path / "clip.mp4", map(scene, range(12)))
    expected = list(pictures_of(demuxed.StreamDecoder(request_for(clip))))
    if not present:
        monkeypatch.setattr(choice, "find_spec", lambda _: None)
    decoder = choice.open_decoder(request_for(clip))

    assert isinstance(decoder, demuxed.StreamDecoder if present else decoders.VideoDecoder)
    assert all((one == other).all() for one, other in zip(pictures_of(decoder), expected, strict=True))
