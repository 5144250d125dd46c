"""A drawn road as a network camera that never ends, for measurements over hours."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.render import RenderSpec, Scene
from benchmarks.runner import BenchError
from benchmarks.truth import TruePass

PYTHON: Final = "/usr/bin/python3"
"""The system's own: GStreamer's bindings are a system package (scripts/system-packages.txt)."""
_SERVER: Final = Path(__file__).with_name("rtsp_loop.py")


@contextmanager
def looped_road(spec: RenderSpec) -> Iterator[tuple[str, Sequence[TruePass]]]:
    """Serve a drawn road over RTSP, round and round; yield its address and what passes in one round.

    Raises:
        BenchError: there is no GStreamer RTSP server.
    """
    scene = Scene(spec)
    size = [str(number) for number in (spec.width, spec.height, spec.fps)]
    server = subprocess.Popen(  # noqa: S603 - our own program
        [PYTHON, str(_SERVER), *size],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if server.stdin is None or server.stdout is None:
        raise BenchError("the camera has no pipes")
    try:
        with server.stdin as pipe:
            for frame in scene.frames():
                pipe.write(frame.tobytes())
        port = server.stdout.readline().decode().strip()
        if not port:
            raise BenchError("the camera ended at once: it takes GStreamer's RTSP server")
        yield f"rtsp://127.0.0.1:{port}/road", scene.truth.passes
    except BrokenPipeError:
        raise BenchError("the camera ended at once: it takes GStreamer's RTSP server") from None
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
