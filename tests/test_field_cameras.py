"""Clips and cameras that look well and show nothing, each said by its name."""

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edge.capture import open_source
from edge.capture.settings import FileSettings, PicturesSettings
from edge.errors import Exit, SourceError
from tests.box_kit import Department, alpr_edge

_CODER = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
line = Gst.parse_launch(
    "videotestsrc num-buffers=25 ! video/x-raw,width=320,height=240,framerate=25/1,interlace-mode="
    + ("interleaved" if sys.argv[2] == "yes" else "progressive")
    + " ! x264enc interlaced=" + ("true" if sys.argv[2] == "yes" else "false")
    + " ! h264parse ! mp4mux ! filesink location=" + sys.argv[1]
)
line.set_state(Gst.State.PLAYING)
said = line.get_bus().timed_pop_filtered(20 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
line.set_state(Gst.State.NULL)
sys.exit(said is None or said.type != Gst.MessageType.EOS)
"""


def coded(path: Path, *, interlaced: bool) -> Path:
    """Write a one-second clip with the system's GStreamer; leave the test out where there is none."""
    command = ["/usr/bin/python3", "-c", _CODER, str(path), "yes" if interlaced else "no"]
    if subprocess.run(command, check=False, capture_output=True, timeout=60).returncode:
        pytest.skip("needs GStreamer with x264")
    return path


def pictures_in(folder: Path) -> str:
    """Return the camera's source line for a folder of pictures."""
    return f'source = {{ kind = "pictures", paths = [{json.dumps(str(folder))}] }}'


def camera(path: Path) -> str:
    """Return the camera's source line for a clip."""
    return f'source = {{ kind = "file", path = {json.dumps(str(path))} }}'


@pytest.mark.parametrize("interlaced", [True, False])
def test_an_interlaced_clip_is_read_like_a_progressive_one(*, interlaced: bool, tmp_path: Path) -> None:
    """Neither refused nor black: `run` reads it to its end, `check` finds it good, and it shows a picture."""
    clip = coded(tmp_path / "clip.mp4", interlaced=interlaced)
    department = Department(tmp_path)
    department.publish("AB12CDE")
    config = str(department.configure(camera(clip)))
    done, checked = alpr_edge("run", "--config", config), alpr_edge("check", "--config", config)
    assert done.returncode == Exit.OK, done.stderr
    assert "good   camera" in checked.stdout
    frames = [frame.pixels.copy() for frame in open_source(FileSettings(path=clip)).frames()]
    assert len(frames) == 25
    assert all(np.ptp(pixels) > 200 for pixels in frames)
    with av.open(str(clip)) as container:
        assert next(container.decode(video=0)).interlaced_frame is interlaced, (
            "the clip is what it is taken for"
        )


@pytest.mark.parametrize(("spread", "word"), [(0, "wrong"), (40, "good")])
def test_check_refuses_a_picture_of_one_even_colour(spread: int, word: str, tmp_path: Path) -> None:
    """A lens cap or a dead decoder: one colour from edge to edge is no good camera; a dim scene is."""
    picture = np.full((240, 320, 3), 20, np.uint8)
    picture[100:140, 100:200] += np.uint8(spread)
    cv2.imwrite(str(tmp_path / "scene.png"), picture)
    department = Department(tmp_path)
    department.publish("AB12CDE")
    place = json.dumps(str(tmp_path / "scene.png"))
    config = department.configure(f'source = {{ kind = "pictures", paths = [{place}] }}')
    said = alpr_edge("check", "--config", str(config)).stdout
    (line,) = [each for each in said.splitlines() if "camera north" in each]
    assert line.startswith(word), said
    assert ("one even colour" in line) is (word == "wrong")


def test_what_other_systems_leave_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    """`._a.jpg`, `Thumbs.db` and `.DS_Store` are no pictures; the picture beside them is read."""
    cv2.imwrite(str(tmp_path / "a.jpg"), np.full((48, 64, 3), 90, np.uint8))
    for name in ("._a.jpg", "Thumbs.db", ".DS_Store"):
        (tmp_path / name).write_bytes(b"\x00\x05\x16\x07")
    source = open_source(PicturesSettings(kind="pictures", name="c", paths=(tmp_path,)))
    assert (source.passed_over, source.unread) == (3, ())
    assert len([frame.number for frame in source.frames()]) == 1


def test_pictures_that_are_not_read_are_named_by_their_endings(tmp_path: Path) -> None:
    """A telephone's .HEIC among them was meant to be read: `run` says so, and no file's name."""
    cv2.imwrite(str(tmp_path / "a.jpg"), scene(0))
    for name in ("SECRET1.HEIC", "SECRET2.gif", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"x")
    department = Department(tmp_path)
    department.publish("AB12CDE")
    done = alpr_edge("run", "--config", str(department.configure(pictures_in(tmp_path))), "--json")
    (said,) = [line for line in done.stdout.splitlines() if "passed over" in line]
    assert ".gif .heic" in said
    assert "SECRET" not in done.stdout + done.stderr


def track_clip(path: Path, sizes: list[tuple[int, int]], stamps: list[int]) -> Path:
    """Write a Matroska clip with a track for each size, and pictures at these milliseconds."""
    with av.open(str(path), "w") as container:
        streams = []
        for width, height in sizes:
            stream = container.add_stream("libx264", rate=25)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            streams.append(stream)
        for number, stamp in enumerate(stamps):
            for stream in streams:
                picture = cv2.resize(scene(number), (stream.width, stream.height))
                frame = VideoFrame.from_ndarray(picture, format="bgr24")
                frame.pts, frame.time_base = stamp, Fraction(1, 1000)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("tracks", [1, 2])
def test_of_several_tracks_it_is_said_that_the_largest_is_read(tracks: int, tmp_path: Path) -> None:
    """On the terminal and by `check`; of one track nothing is said."""
    clip = track_clip(tmp_path / "clip.mkv", [(160, 120), (320, 240)][-tracks:], list(range(0, 1600, 40)))
    department = Department(tmp_path)
    department.publish("AB12CDE")
    config = str(department.configure(camera(clip)))
    done, checked = alpr_edge("run", "--config", config, "--json"), alpr_edge("check", "--config", config)
    assert ("2 video tracks; the largest is read" in done.stdout) is (tracks == 2), done.stdout
    assert ("320 x 240 pixels, the largest of 2 video tracks" in checked.stdout) is (tracks == 2)


def test_a_clip_with_gaps_is_whole_and_one_that_is_cut_is_not(tmp_path: Path) -> None:
    """A recorder that waits for motion leaves gaps: fewer pictures than its length and rate come to."""
    stamps = [hour * 3_600_000 + number * 40 for hour in range(3) for number in range(25)]
    clip = track_clip(tmp_path / "gaps.mkv", [(320, 240)], stamps)
    assert len([frame.number for frame in open_source(FileSettings(path=clip)).frames()]) == len(stamps)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with pytest.raises(SourceError, match="breaks off"):
        [frame.number for frame in open_source(FileSettings(path=cut)).frames()]


def clip_of(path: Path, pictures: list[np.ndarray]) -> Path:
    """Write a clip at ten pictures a second."""
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (width, height))  # type: ignore[attr-defined]  # OpenCV's stubs
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path


def scene(step: int) -> np.ndarray:
    """Draw a road with something on it."""
    picture = np.full((240, 320, 3), 70, np.uint8)
    picture[120:] = 120
    picture[150:180, 20 + 4 * step : 60 + 4 * step] = 200
    return picture


def noise(step: int) -> np.ndarray:
    """Draw what a sensor gives under a lens cap."""
    drawn = np.random.default_rng(step).normal(12, 6, (240, 320, 3))
    return np.clip(drawn, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("black", "only one even colour"),
        ("green", "only one even colour"),
        ("noise", "only one even colour"),
        ("same", "one and the same picture"),
        ("late", ""),
        ("moving", ""),
    ],
)
def test_a_clip_that_shows_nothing_ends_with_an_error(kind: str, words: str, tmp_path: Path) -> None:
    """`run` exits 4 and says what the clip showed; `check` says wrong. A black beginning is no fault."""
    drawn = {
        "black": lambda _step: np.zeros((240, 320, 3), np.uint8),
        "green": lambda _step: np.full((240, 320, 3), (0, 135, 0), np.uint8),
        "noise": noise,
        "same": lambda _step: scene(3),
        "late": lambda step: scene(step) if step > 8 else np.zeros((240, 320, 3), np.uint8),
        "moving": scene,
    }[kind]
    clip = clip_of(tmp_path / "clip.mp4", [drawn(step) for step in range(40)])
    department = Department(tmp_path)
    department.publish("AB12CDE")
    config = str(department.configure(camera(clip)))
    done, checked = alpr_edge("run", "--config", config, "--json"), alpr_edge("check", "--config", config)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == (Exit.SOURCE if words else Exit.OK), done.stderr
    assert words in summary["blind"].get("north", "")
    assert words in done.stderr
    assert bool(summary["blind"]) is bool(words)
    (line,) = [each for each in checked.stdout.splitlines() if "camera north" in each]
    assert line.startswith("wrong" if words else "good"), checked.stdout
