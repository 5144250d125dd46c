"""How a scene reaches the edge: as a file at its own pace, or over RTSP from a real server; and the box's home.

    with (
        fed(Feed.CAMERA, scene, folder) as (source, recording),
        home(folder / "edge", listed, linked=True) as tables,
    ): ...

`source` stands in the edge's configuration; `recording` is the very stream that the edge's decoder is given, frame
for frame the scene's, for whoever must know the decoded pixels or the encoded packets.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import cv2

from benchmarks.canaries import FPS, HEIGHT, WIDTH
from benchmarks.department import Reading, found
from benchmarks.looped_road import PYTHON
from benchmarks.office import enrol, publish, start_office
from benchmarks.roads import Scene
from benchmarks.runner import BenchError

BOX: Final = "bench-box"
_SERVER: Final = Path(__file__).with_name("rtsp_loop.py")
_OWN_TABLES: Final = """\
[device]
id = "bench-box"
demo = true

[keys]
signing = "signing.key"
sealing = "sealing.key"
department = "department.pub"

[hotlist]
file = "hotlist.sealed"
trust = "trust"
"""


class Feed(StrEnum):
    """How a scene reaches the edge."""

    FILE = "file"
    CAMERA = "RTSP camera"


@contextmanager
def fed(feed: Feed, scene: Scene, folder: Path) -> Iterator[tuple[str, Path]]:
    """Offer a scene while the block runs; yield the source as TOML, and the recording.

    Raises:
        OSError: the recording cannot be written.
        BenchError: there is no GStreamer RTSP server.
    """
    if feed is Feed.FILE:
        clip = folder / "road.mp4"
        _write(scene, clip)
        yield file_source(clip), clip
        return
    recording = folder / "road.h264"
    size = [str(number) for number in (WIDTH, HEIGHT, FPS)]
    server = subprocess.Popen(  # noqa: S603 - our own program
        [PYTHON, str(_SERVER), *size, str(recording)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f'{{ kind = "rtsp", url = "rtsp://127.0.0.1:{_port(server, scene)}/road" }}', recording
    finally:
        server.kill()
        server.wait()


def file_source(clip: Path) -> str:
    """Return a file at its own pace, as the TOML of a source."""
    return f'{{ kind = "file", path = "{clip}", realtime = true }}'


@contextmanager
def home(folder: Path, listed: Sequence[str], *, linked: bool) -> Iterator[str]:
    """Make a box's folder, its keys and its hot list; yield the configuration's tables of them.

    Args:
        folder: of the box; made here.
        listed: plates on its hot list.
        linked: enrolled with a real service, which runs while the block does and takes its hits.

    Raises:
        BenchError: the service did not start, or refused the box.
    """
    if not linked:
        folder.mkdir(mode=0o700)
        found(folder, listed)
        yield _OWN_TABLES
        return
    with start_office(folder.parent / "office") as office:
        tables = enrol(office, folder, BOX)
        publish(office, folder, BOX, listed)
        yield tables


def settings(
    reading: Reading, tables: str, source: str, *, window: float = 180, slots: int = 1024
) -> dict[str, Any]:
    """Return what `benchmarks.edge_process.running` needs to know."""
    return {
        "tables": tables,
        "source": source,
        "window": window,
        "slots": slots,
        "detector": reading.detector,
        "reader": reading.reader,
        "folder": f'folder = "{reading.folder}"\n' if reading.folder else "",
    }


def _write(scene: Scene, path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise OSError(f"{path} cannot be written as a video")
    for picture, _ in scene.frames():
        writer.write(picture)
    writer.release()


def _port(server: "subprocess.Popen[bytes]", scene: Scene) -> int:
    """Hand the server all pictures, and return where it serves them."""
    if server.stdin is None or server.stdout is None:
        raise BenchError("the camera has no pipes")
    try:
        with server.stdin as pipe:
            for picture, _ in scene.frames():
                pipe.write(picture.tobytes())
    except BrokenPipeError:
        raise BenchError("the camera ended at once: it takes GStreamer's RTSP server") from None
    with server.stdout as said:
        port = said.readline().decode().strip()
    if not port:
        raise BenchError("the camera ended at once: it takes GStreamer's RTSP server")
    return int(port)
