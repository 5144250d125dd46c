"""What the capture process may do: it decodes what strangers send, so it is held closer than the edge itself."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.capture.process import Stillness
from edge.capture.wire import Request
from edge.hardening import landlock
from tests.box_kit import ROOT

# Stands for a decoder that a crafted stream has taken over: it tries what the box's thief would like.
TAKEN_OVER = """
import json, os, socket, sys
from pathlib import Path
import edge.capture.process as capture

def connect(port):
    with socket.socket() as line:
        line.connect(("127.0.0.1", port))

def attempt(act):
    try:
        act()
    except OSError as problem:
        return type(problem).__name__
    return "done"

def taken_over(request):
    spool, camera, department = Path(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
    tried = {
        "write": lambda: (spool / "x.hit").write_bytes(b"frames"),
        "remove": (spool / "old.hit").unlink,
        "department": lambda: connect(department),
        "camera": lambda: connect(camera),
        "read": (spool / "old.hit").read_bytes,
        "null": lambda: Path("/dev/null").write_bytes(b""),
        "edge": lambda: os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR)),
    }
    print(json.dumps({name: attempt(act) for name, act in tried.items()}), flush=True)
    os._exit(0)

capture.open_decoder = taken_over
capture.main()
"""


def _tried(folder: Path, kind: str) -> dict[str, Any]:
    """Run a capture process that was taken over; return what came of each of its tries."""
    (folder / "old.hit").write_bytes(b"sealed")
    with socket.create_server(("127.0.0.1", 0)) as camera, socket.create_server(("127.0.0.1", 0)) as office:
        ports = camera.getsockname()[1], office.getsockname()[1]
        place = f"rtsp://127.0.0.1:{ports[0]}/" if kind == "rtsp" else str(folder / "clip.mp4")
        request = Request(parent=os.getpid(), kind=kind, places=(place,))  # type: ignore[arg-type]
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
        fds = [pairs[0][1].fileno(), pairs[1][1].fileno(), pairs[1][0].fileno()]
        done = subprocess.run(
            [sys.executable, "-c", TAKEN_OVER, *map(str, fds), str(folder), *map(str, ports)],
            input=request.to_bytes(), capture_output=True, pass_fds=fds, cwd=ROOT, timeout=60, check=True,
        )  # fmt: skip
        for ends in pairs:
            for end in ends:
                end.close()
    return dict(json.loads(done.stdout))


@pytest.fixture
def _landlock() -> None:
    """Leave the test out where the kernel has no Landlock that limits TCP."""
    try:
        version = landlock.version()
    except OSError:
        version = 0
    if version < 4:
        pytest.skip("needs Landlock with TCP rules (Linux 6.7)")


@pytest.mark.usefixtures("_landlock")
@pytest.mark.parametrize("kind", ["rtsp", "video"])
def test_a_decoder_that_is_taken_over_writes_nothing_and_reaches_only_its_camera(
    kind: str, tmp_path: Path
) -> None:
    """Promise 3 against a hostile camera: no file is made or removed, the department is out of reach."""
    tried = _tried(tmp_path, kind)
    assert tried["write"] == tried["remove"] == tried["department"] == "PermissionError"
    assert tried["camera"] == ("done" if kind == "rtsp" else "PermissionError")
    assert tried["null"] == "done", "the positive control: what is allowed works"
    assert tried["read"] == "done", "reading stays free, as docs/threat-model.md says"
    assert [each.name for each in tmp_path.iterdir()] == ["old.hit"]


def test_the_picture_that_a_frozen_camera_is_known_by_is_not_kept() -> None:
    """The same picture is told from another one, and the frame itself is left as it is, by a digest alone."""
    rng = np.random.default_rng(1)
    stillness = Stillness()
    for shape in ((40, 30, 3), (720, 1280, 3)):
        first, other = (rng.integers(0, 255, shape, np.uint8) for _ in range(2))
        before = first.copy()
        assert stillness.since(first, 100) == 0
        assert stillness.since(first, 160) == 60
        assert (first == before).all()
        assert stillness.since(other, 200) == 0
        assert stillness.since(first, 300) == 0
    held = [value for value in vars(stillness).values() if isinstance(value, bytes)]
    assert max(len(value) for value in held) <= 64
    assert not any(isinstance(value, np.ndarray) for value in vars(stillness).values())
