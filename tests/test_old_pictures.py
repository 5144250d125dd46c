"""No decoded picture stays in a capture process for longer than about the time between two key pictures."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.harness.memory_scan import regions
from edge.capture.live import LiveCamera
from edge.capture.picture import Converter
from edge.capture.settings import RtspSettings
from edge.errors import SourceError
from edge.flow import Frame, Pixels
from edge.hardening.renewal import ENVIRONMENT
from edge.runtime import checks
from hitonly_core.clock import SystemClock
from tests.box_kit import ROOT
from tests.clip_kit import brightness, noise, write_clip
from tests.test_sources_live import Server, needs_rtsp_server, serving

FIRST, ALL = 40, 300
OLD_S = 2.5
"""The test's camera sends a key picture every 0.4 s; a loaded machine may be late by some of them."""

# Decodes a clip as a capture process decodes a camera, forgets every picture at once, and waits to be searched.
DECODES = """
import sys
import av
from edge.capture.codec import Codec

container = av.open(sys.argv[1])
stream = container.streams.video[0]
codec = Codec(stream, int(sys.argv[3]) if len(sys.argv) > 3 else None)
seen = 0
for packet in container.demux(stream):
    if packet.size:
        seen += len(codec.decode(packet))
    if seen >= int(sys.argv[2]):
        break
del packet
print(seen, flush=True)
sys.stdin.read()
"""


def found_in(pid: int, needles: dict[int, list[bytes]]) -> set[int]:
    """Return the numbers of the needles that the process's writable memory holds; needs root."""
    found = set()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for region in regions(pid):
            if not region.rights.startswith("rw"):
                continue
            try:
                content = os.pread(memory.fileno(), region.end - region.start, region.start)
            except OSError:  # the kernel's own pages
                continue
            found |= {number for number, rows in needles.items() if any(row in content for row in rows)}
    return found


def rows_of(plane: Pixels) -> list[bytes]:
    """Return what a picture is looked for by: parts of two of its rows."""
    height, width = plane.shape[:2]
    rows = [plane[height * part // 4, width // 3 : width // 3 + 64] for part in (1, 3)]
    return [row.tobytes() for row in rows]


def pictures_of(clip: Path) -> list[list[bytes]]:
    """Return what each picture of a clip is looked for by."""
    with av.open(str(clip)) as container:
        return [rows_of(brightness(frame)) for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip that fills a decoder's pool at its beginning, and then needs one picture of it at a time."""
    coder = {"x264-params": "ref=8:bframes=3:scenecut=0:log-level=none", "forced-idr": "1"}
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    return write_clip(path, map(noise, range(ALL)), options=coder, whole_from=FIRST)


@pytest.mark.parametrize("life", [None, "0"], ids=["never made anew", "made anew"])
def test_none_of_the_first_pictures_is_left_in_the_decoder(life: str | None, clip: Path) -> None:
    """Of the first 40 pictures nothing is left 260 pictures later. The control, which stays, keeps some."""
    pictures = pictures_of(clip)
    with subprocess.Popen(
        [sys.executable, "-c", DECODES, str(clip), str(ALL - 2), *([life] if life else [])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        last = int(process.stdout.readline()) - 1
        found = found_in(process.pid, dict(enumerate([*pictures[:FIRST], pictures[last]])))
        process.kill()

    assert FIRST in found, "the picture of now is there: the search finds what the process holds"
    assert (found == {FIRST}) is (life is not None)


def record(url: str, seen: list[tuple[float, list[bytes]]], over: threading.Event) -> None:
    """Watch the same stream, and note when each picture came and what it is looked for by, as Y and as BGR."""
    converter = Converter()
    with av.open(url, options={"rtsp_transport": "tcp"}) as container:
        for frame in container.decode(video=0):
            pixels = np.empty((frame.height, frame.width, 3), np.uint8)
            converter.write(frame, pixels)
            seen.append((time.monotonic(), rows_of(brightness(frame)) + rows_of(pixels)))
            if over.is_set():
                return


@needs_rtsp_server
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_a_live_camera_leaves_no_old_picture_in_its_capture_process(codec: str) -> None:
    """Neither as the decoder holds it nor as pixels: what came before the last few key pictures is gone."""
    with serving(codec) as server:
        source = LiveCamera(RtspSettings(url=server.url()), SystemClock(), renew_after_s=1000.0)
        try:
            frames = source.frames()
            seen, stopped_s = watched(server, source, frames)
            assert source.pid is not None
            now = {number for number, (when, _) in enumerate(seen) if stopped_s - when < OLD_S / 10}
            old = {number for number, (when, _) in enumerate(seen) if stopped_s - when > OLD_S}
            some = now | set(sorted(old)[::3])
            found = found_in(source.pid, {number: seen[number][1] for number in some})
        finally:
            source.close()

    assert len(old) > 20
    assert found & now, "the pictures of now are there: the search finds what the process holds"
    assert not found & old


def watched(
    server: Server, source: LiveCamera, frames: Iterator[Frame]
) -> tuple[list[tuple[float, list[bytes]]], float]:
    """Read a camera of noise, stop its capture process; return what was seen until then, and when that was."""
    seen: list[tuple[float, list[bytes]]] = []
    over = threading.Event()
    next(frames)
    server.say("snow")
    address = server.url().get_secret_value()
    recorder = threading.Thread(target=record, args=(address, seen, over), daemon=True)
    recorder.start()
    while len(seen) < 100:
        next(frames)
    assert source.pid is not None
    os.kill(source.pid, signal.SIGSTOP)
    stopped_s = time.monotonic()
    over.set()
    recorder.join()
    return list(seen), stopped_s


@needs_rtsp_server
@pytest.mark.parametrize(("codec", "window_s"), [("h264", 0.0), ("h264", 180.0), ("h264-rare", 180.0)])
def test_check_says_for_how_long_a_camera_s_pictures_are_kept(codec: str, window_s: float) -> None:
    """The time between key pictures is told; one that cannot be waited for is told too."""
    with serving(codec) as server:
        said = checks._camera(RtspSettings(url=server.url()), window_s)
    (kept,) = re.findall(r"decoded pictures kept for (.*)$", said)

    if codec == "h264-rare":
        assert kept == "over 10 s"
    else:
        assert 0.3 < float(kept.removesuffix(" s")) < 2.5


@needs_rtsp_server
@pytest.mark.parametrize("window_s", [0.0, 5.0])
def test_check_refuses_key_pictures_further_apart_than_the_window(window_s: float) -> None:
    """Such a stream cannot be forgotten in time: the error says so, and what to set on the camera."""
    with (
        serving("h264-rare") as server,
        pytest.raises(SourceError, match="until the next key picture") as caught,
    ):
        checks._camera(RtspSettings(url=server.url()), window_s)

    assert "GOP" in caught.value.hint
