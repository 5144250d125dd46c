"""Clips and pictures as sources: every frame in order, at any pace; a clear error where it cannot be read."""

import array
import os
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture import Source, open_source
from edge.capture.base import State
from edge.capture.memory import SLOTS, FrameMemory
from edge.capture.process import Post, stream
from edge.capture.settings import FileSettings, PicturesSettings
from edge.capture.wire import Message, Request, Say, Token
from edge.errors import Exit, SourceError
from edge.flow import Pixels
from hitonly_core.clock import NS

FRAMES = 60
WIDTH, HEIGHT, RATE = 320, 240, 30
STEP = 4
"""Grey levels between one drawn frame and the next: more than compression can blur."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip whose every frame's brightness tells its number."""
    return draw_clip(tmp_path_factory.mktemp("clip") / "clip.avi")


def draw_clip(path: Path, *, frames: int = FRAMES, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """Write a clip in which frame n is a flat grey of n x `STEP`."""
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v")), RATE, size
    )
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), number * STEP, np.uint8))
    writer.release()
    return path


def numbers_in(source: Source) -> Iterator[tuple[int, int]]:
    """Yield each frame's number, as given and as drawn."""
    for frame in source.frames():
        yield frame.number, round(float(frame.pixels.mean()) / STEP)


def test_every_frame_of_a_clip_comes_once_in_order(clip: Path) -> None:
    """A file is never hurried: frame n holds picture n, to the last one, and then it ends."""
    source = open_source(FileSettings(path=clip))

    assert list(numbers_in(source)) == [(number, number) for number in range(FRAMES)]
    assert source.state is State.ENDED
    assert source.drops == 0


def test_every_nth_frame(clip: Path) -> None:
    """`every = 7` gives frames 0, 7, 14 ..., with their true numbers."""
    source = open_source(FileSettings(path=clip, every=7))

    assert list(numbers_in(source)) == [(number, number) for number in range(0, FRAMES, 7)]


def test_frames_are_given_as_often_as_they_are_wanted_and_all_are_counted(clip: Path) -> None:
    """Ten a second of thirty are wanted: every third comes, with its true number; all were decoded."""
    source = open_source(FileSettings(path=clip), every_ns=100_000_000)

    assert list(numbers_in(source)) == [(number, number) for number in range(0, FRAMES, 3)]
    assert source.seen == FRAMES
    assert source.drops == 0


def test_a_frame_that_is_not_wanted_is_never_converted() -> None:
    """The capture process decodes every picture, and makes pixels of those only that it hands over."""
    decoder = CountingDecoder(FRAMES)
    control, edge_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ready, edge_ready = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    memory = FrameMemory.create(WIDTH * HEIGHT * 3)
    handle = array.array("i", [os.dup(memory.fd)]).tobytes()
    told = Message(Say.MEMORY, memory.slot_bytes).to_bytes()
    edge_control.sendmsg([told], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handle)])
    post = Post(control, ready, edge_ready, newest_wins=True)
    request = Request(parent=os.getpid(), kind="video", places=("x",), every_ns=100_000_000, newest_wins=True)

    assert stream(request, decoder, post) == FRAMES

    assert decoder.converted == list(range(0, FRAMES, 3))
    assert Token.from_bytes(edge_ready.recv(Token.SIZE)).number == decoder.converted[-1]
    assert post.dropped == len(decoder.converted) - 1
    for line in (control, edge_control, ready, edge_ready):
        line.close()
    memory.close()


class CountingDecoder:
    """A clip of grey pictures that notes which were made into pixels."""

    def __init__(self, frames: int) -> None:
        self._frames, self._number = frames, -1
        self.converted: list[int] = []

    def advance(self) -> bool:
        """Step on."""
        self._number += 1
        return self._number < self._frames

    def shape(self) -> tuple[int, int]:
        """Return the size."""
        return HEIGHT, WIDTH

    def picture(self, into: Pixels) -> Pixels:
        """Note it."""
        self.converted.append(self._number)
        into.fill(self._number)
        return into

    def stream_ns(self) -> int:
        """Return the clip's own time."""
        return self._number * 1_000_000_000 // RATE

    def is_whole(self) -> bool:
        """Return true."""
        return True

    def tracks(self) -> int:
        """Return one."""
        return 1

    def kept_ns(self) -> int:
        """Return nothing."""
        return 0


def test_stream_time_is_the_clips_own_and_capture_time_is_real(clip: Path) -> None:
    """Stream time follows the frame rate; the capture stamp never runs ahead of the clock, nor back."""
    frames = [(frame.stream_ns, frame.boot_ns) for frame in open_source(FileSettings(path=clip)).frames()]

    assert [stream for stream, _ in frames] == pytest.approx(
        [number * 1e9 / RATE for number in range(FRAMES)], abs=2e6
    )
    assert [boot for _, boot in frames] == sorted(boot for _, boot in frames)


def test_at_its_own_pace_a_slow_reader_gets_the_newest_frame(tmp_path: Path) -> None:
    """With `realtime` a clip is a camera: what nobody took is dropped and counted, and none comes twice."""
    source = open_source(FileSettings(path=draw_clip(tmp_path / "c.avi", frames=30), realtime=True))
    seen = []
    for frame in source.frames():
        seen.append(frame.number)
        time.sleep(0.1)

    assert seen == sorted(set(seen))
    assert source.drops > 0
    assert len(seen) + source.drops == 30
    assert seen[-1] == 29


def test_pictures_come_in_order_of_name_whatever_their_size(tmp_path: Path) -> None:
    """A folder is read by name; each picture keeps its own size, and is a minute from the next."""
    for name, shade, size in (("b.PNG", 20, (40, 30)), ("a.jpg", 10, (400, 300)), ("c.bmp", 30, (600, 500))):
        cv2.imwrite(str(tmp_path / name), np.full((size[1], size[0], 3), shade, np.uint8))
    (tmp_path / "notes.txt").write_text("not a picture")

    frames = [
        (frame.pixels.shape, round(float(frame.pixels.mean())), frame.stream_ns)
        for frame in open_source(PicturesSettings(paths=(tmp_path,))).frames()
    ]

    minute = 60_000_000_000
    assert frames == [((300, 400, 3), 10, 0), ((30, 40, 3), 20, minute), ((500, 600, 3), 30, 2 * minute)]


def test_a_frame_is_a_view_and_its_memory_is_wiped_at_the_end(clip: Path) -> None:
    """Closing a source overwrites every frame, also one that somebody still holds."""
    source = open_source(FileSettings(path=clip))
    frames = source.frames()
    next(frames)
    kept = next(frames).pixels
    assert kept.any()

    source.close()

    assert not kept.any()
    assert next(frames, None) is None


def test_a_frame_whose_turn_hangs_is_destroyed(clip: Path) -> None:
    """However long whoever took it hangs; the reading ends with an error, and not in silence."""
    source = open_source(FileSettings(path=clip))
    frames = source.frames()
    next(frames)
    kept = next(frames).pixels
    source.lapse(NS * 60)
    assert kept.any()
    source.lapse(0)
    assert not kept.any()
    with pytest.raises(SourceError, match="took too long"):
        list(frames)


def test_every_place_for_a_frame_is_used_again_and_again(clip: Path) -> None:
    """No frame is left lying in a place that is not wanted for now."""
    source = open_source(FileSettings(path=clip))
    places = [frame.pixels.ctypes.data for frame in source.frames()]
    for first in range(len(places) - SLOTS + 1):
        assert len(set(places[first : first + SLOTS])) == SLOTS


def bad_clip(kind: str, folder: Path) -> Path:
    """Return a path that is no good clip."""
    path = folder / "bad.mp4"
    if kind == "empty":
        path.touch()
    elif kind == "garbage":
        path.write_bytes(np.random.default_rng(1).bytes(50_000))
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "without its index":
        whole = draw_clip(folder / "whole.mp4").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("absent", "No such file"),
        ("empty", "0 bytes"),
        ("garbage", "not a video"),
        ("a folder", "not a file"),
        ("a pipe", "not a file"),
        ("without its index", "not a video"),
    ],
)
def test_a_bad_clip_is_refused_when_opened(kind: str, words: str, tmp_path: Path) -> None:
    """One error that says what, where, and what to do; with the source's exit code."""
    path = bad_clip(kind, tmp_path)

    with pytest.raises(SourceError) as caught:
        open_source(FileSettings(path=path))

    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code is Exit.SOURCE


def test_a_clip_that_breaks_off_gives_its_frames_and_then_an_error(tmp_path: Path) -> None:
    """A cut-short clip is read as far as it goes, and does not pass for whole."""
    whole = draw_clip(tmp_path / "whole.avi", size=(640, 480))
    data = whole.read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(data[: len(data) // 2])
    seen: list[tuple[int, int]] = []

    with pytest.raises(SourceError, match="breaks off after"):
        seen.extend(numbers_in(open_source(FileSettings(path=cut))))

    assert 0 < len(seen) < FRAMES


def huge_png(path: Path, side: int) -> None:
    """Write a whole, valid PNG of side x side black pixels, small on disk."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(side * (side // 8 + 1)), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def bad_picture(kind: str, path: Path) -> None:
    """Write something that is no good picture."""
    pixels = np.random.default_rng(2).integers(0, 255, (200, 300, 3), np.uint8)
    encoded = cv2.imencode(path.suffix, pixels)[1].tobytes()
    if kind == "empty":
        path.touch()
    elif kind == "cut short":
        path.write_bytes(encoded[: len(encoded) * 2 // 3])
    elif kind == "its end missing":
        path.write_bytes(encoded[:-40])
    elif kind == "garbage":
        path.write_bytes(b"\x00" * 5000)
    elif kind == "100 megapixels":
        huge_png(path, 10_000)


@pytest.mark.parametrize(
    ("kind", "suffix", "words"),
    [
        ("empty", ".jpg", "0 bytes"),
        *(
            ("cut short", suffix, "cut short or not a picture")
            for suffix in (".jpg", ".png", ".bmp", ".webp")
        ),
        *(("its end missing", suffix, "cut short or not a picture") for suffix in (".jpg", ".png", ".bmp")),
        ("garbage", ".png", "cut short or not a picture"),
        ("100 megapixels", ".png", "over 33 megapixels"),
    ],
)
def test_a_bad_picture_is_named_and_the_good_ones_before_it_are_read(
    kind: str, suffix: str, words: str, tmp_path: Path
) -> None:
    """The error names the one bad picture of a folder; its pixels are never decoded when it is too large."""
    cv2.imwrite(str(tmp_path / "a.png"), np.full((30, 40, 3), 7, np.uint8))
    bad = tmp_path / f"b{suffix}"
    bad_picture(kind, bad)
    frames = open_source(PicturesSettings(paths=(tmp_path,))).frames()
    assert next(frames).number == 0

    with pytest.raises(SourceError, match=words) as caught:
        next(frames)

    assert str(bad) in str(caught.value)
    assert caught.value.hint


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    """An empty folder is not silently a source of nothing."""
    with pytest.raises(SourceError, match="holds no picture") as caught:
        open_source(PicturesSettings(paths=(tmp_path,)))

    assert ".jpg" in caught.value.hint


def test_a_picture_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """An absent picture is named."""
    with pytest.raises(SourceError, match="No such file"):
        open_source(PicturesSettings(paths=(tmp_path / "gone.jpg",)))


def test_frames_are_held_in_memory_without_a_name(clip: Path) -> None:
    """The shared memory has no path in any file system: nothing of a frame can be left on one."""
    source = open_source(FileSettings(path=clip))
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    finally:
        source.close()

    assert "/memfd:frames (deleted)" in maps
