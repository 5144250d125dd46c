"""Key pictures of a real RTSP camera: fewer pictures while nothing moves, all of them as soon as something does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import av
import pytest

from edge.capture.live import LiveCamera
from edge.capture.settings import RtspSettings
from edge.capture.wire import Watch
from edge.flow import Frame
from edge.hardening.renewal import ENVIRONMENT
from hitonly_core.clock import NS, SystemClock
from tests.box_kit import ROOT
from tests.test_key_pictures import FPS, clip_of
from tests.test_old_pictures import found_in
from tests.test_sources_live import needs_rtsp_server, serving

WATCH = Watch(apart_ns=2_200_000_000, life_ns=60 * NS, hang_ns=60 * NS, detector_width=448)
_MOST = 60

# Watches a clip by its key pictures until its last packet, and waits to be searched.
WATCHES = """
import sys
import av
from edge.capture.key_pictures import KeyPictures
from edge.capture.wire import Watch

container = av.open(sys.argv[1])
stream = container.streams.video[0]
keys = KeyPictures(stream, 0, Watch(2_200_000_000, 60_000_000_000, 60_000_000_000, 448))
for number, packet in enumerate(container.demux(stream)):
    if packet.size:
        keys.decode(packet)
    while keys.replaying:
        keys.replay()
    if number == int(sys.argv[2]):
        break
del packet
print(keys.skipped, flush=True)
sys.stdin.read()
"""


def apart_ns(frames: Iterator[Frame], number: int) -> float:
    """Return the usual time between the next pictures."""
    times = [next(frames).boot_ns for _ in range(number)]
    return median(later - earlier for earlier, later in pairwise(times))


@needs_rtsp_server
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_a_still_camera_gives_key_pictures_and_a_moving_one_every_picture(codec: str) -> None:
    """The server sends 25 pictures a second, and a key picture every 0.4 s."""
    with serving(codec) as server:
        source = LiveCamera(RtspSettings(url=server.url()), SystemClock(), watch=WATCH, renew_after_s=1000.0)
        frames = source.frames()
        try:
            next(frames)
            assert apart_ns(frames, 30) < NS // 5, "a ball moves: every picture"
            server.say("still")
            for _ in range(_MOST):
                if apart_ns(frames, 5) > NS // 4:
                    break
            assert apart_ns(frames, 7) > NS // 4, "nothing moves: key pictures only"
            server.say("snow")
            for _ in range(_MOST):
                if apart_ns(frames, 5) < NS // 5:
                    break
            before = next(frames)
            assert apart_ns(frames, 30) < NS // 5, "every picture again"
            assert next(frames).boot_ns > before.boot_ns
            assert source.restarts == 0
        finally:
            source.close()


def test_the_process_holds_one_interval_of_packets_and_nothing_older(tmp_path: Path) -> None:
    """Searched from outside: what waits is found, what the last key pictures replaced is not."""
    last = 690
    clip = clip_of(tmp_path / "clip.mkv", FPS, "H.264", {})
    with av.open(str(clip)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    needles = {
        number: [packet[len(packet) // 3 :][:64]]
        for number, packet in enumerate(packets)
        if len(packet) > 300
    }
    with subprocess.Popen(
        [sys.executable, "-c", WATCHES, str(clip), str(last)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 100, "it fell quiet"
        found = found_in(process.pid, needles)
        process.kill()

    key = last // FPS * FPS
    assert {number for number in needles if key <= number <= last} <= found, "what waits is found"
    assert not {number for number in found if number < key - 2 * FPS}
