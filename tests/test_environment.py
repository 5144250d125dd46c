"""What of a hostile environment reaches the edge and its processes: nothing that is not on the list."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.capture.wire import Request
from edge.capture.worker import _environment
from edge.hardening.environment import KEPT, cleaned
from edge.hardening.renewal import ENVIRONMENT
from tests.box_kit import ROOT, Department

HOSTILE = {
    "OPENCV_TRACE": "1",
    "OPENCV_TRACE_LOCATION": "{folder}/OpenCVTrace",
    "OPENCV_LOG_LEVEL": "VERBOSE",
    "OPENCV_VIDEOIO_DEBUG": "1",
    "OPENCV_FFMPEG_DEBUG": "1",
    "OPENCV_FFMPEG_LOGLEVEL": "56",
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": "protocol_whitelist;file,http",
    "OPENCV_DUMP_CONFIG": "1",
    "FFREPORT": "file={folder}/ffreport.log:level=56",
    "ORT_LOG_LEVEL": "0",
    "MALLOC_PERTURB_": "0",
    "MALLOC_TOP_PAD_": "1000",
    "SSLKEYLOGFILE": "{folder}/keys",
    "PYTHONSTARTUP": "{folder}/start.py",
    "PYTHONINSPECT": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONTRACEMALLOC": "5",
    "PYTHONVERBOSE": "1",
    "PYTHONPROFILEIMPORTTIME": "1",
    "PYTHONDUMPREFS": "1",
    "PYTHONPYCACHEPREFIX": "{folder}/cache",
    "PYTHONWARNINGS": "always",
    "PYTHONPATH": "{folder}",
    "HITONLY_CAMERA_PASSWORD": "QX77ZZT",
}
UNSEEN = {"PYTHONVERBOSE", "PYTHONPROFILEIMPORTTIME", "PYTHONPYCACHEPREFIX", "PYTHONDUMPREFS"}
"""What Python itself does with these when it begins is over before any of our code runs."""


def _hostile(folder: Path, leave_out: set[str] = UNSEEN) -> dict[str, str]:
    return {name: value.format(folder=folder) for name, value in HOSTILE.items() if name not in leave_out}


def test_only_what_is_listed_is_kept() -> None:
    """Every name is dropped that the list has no reason for; ours are set whatever was there."""
    kept = {"PATH": "/bin", "LC_ALL": "C", "TZ": "UTC", "NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1"}
    dropped = {**_hostile(Path("/x"), set()), "LD_PRELOAD": "x.so", "LD_LIBRARY_PATH": "/x", "GCONV_PATH": "/x",
               "LC_all": "x", "PATHS": "x", "GLIBC_TUNABLES": "glibc.malloc.perturb=0"}  # fmt: skip
    found = cleaned({**kept, **dropped}, ENVIRONMENT)
    assert found == {**kept, **ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    assert cleaned(found, ENVIRONMENT) == found, "or it would start anew for ever"


def test_the_page_lists_what_is_kept() -> None:
    """docs/configuration.md has each name with its reason."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert all(f"| `{name}` | {reason} |" in page for name, reason in KEPT.items())


def test_the_capture_process_gets_less_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is made anew, of a few names; a camera's address is not among them."""
    for name, value in _hostile(Path("/x"), set()).items():
        monkeypatch.setenv(name, value)
    secret = "QX77ZZT"
    request = Request(parent=1, kind="rtsp", places=(f"rtsp://user:{secret}@h/x",))
    found = _environment(request)
    allowed = {"PATH", "TZ", "PYTHONPATH", "OPENCV_IO_MAX_IMAGE_PIXELS", "OPENCV_FFMPEG_CAPTURE_OPTIONS"}
    assert set(found) <= allowed | set(ENVIRONMENT)
    assert secret not in repr(found)
    assert "http" not in found["OPENCV_FFMPEG_CAPTURE_OPTIONS"]


def _run(config: Path, environment: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Run the edge until it reads; return all that it said, and the environment of each of its processes."""
    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config)]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = ""
        while "reading" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        pids = [process.pid, *Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        found = {str(pid): Path(f"/proc/{pid}/environ").read_text() for pid in pids}
        process.send_signal(signal.SIGTERM)
        said += process.communicate(timeout=60)[0]
    assert process.returncode == 0, said
    return said, found


def test_a_hostile_environment_makes_no_file_and_says_nothing_more(tmp_path: Path) -> None:
    """The real box reads a clip: the same lines as without, no file, and no process has a name of it."""
    made, box = tmp_path / "made", tmp_path / "box"
    made.mkdir()
    box.mkdir()
    (made / "start.py").write_text("raise SystemExit('startup ran')")
    (made / "cv2.py").write_text("raise SystemExit('another cv2 was loaded')")
    department = Department(box)
    department.publish("ZZ99QQQ")
    code = (
        "import sys; from benchmarks.fixtures.render import RenderSpec, render; from pathlib import Path;"
        "render(RenderSpec(seed=7, seconds=20, width=640, height=360), Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(box / "road.mp4")], cwd=ROOT, check=True, timeout=120)
    config = department.configure('source = { kind = "file", path = "road.mp4", realtime = true }')
    said, found = _run(config, _hostile(made))
    assert sorted(each.name for each in made.iterdir()) == ["cv2.py", "start.py"]
    assert len(found) == 3, "the edge, its capture process and its watchdog"
    for environ in found.values():
        names = {entry.split("=")[0] for entry in environ.split("\0") if entry}
        assert not (names & set(HOSTILE)) - {"PYTHONPATH", "OPENCV_FFMPEG_CAPTURE_OPTIONS"}
        assert str(made) not in environ
        assert "QX77ZZT" not in environ
    plain, _ = _run(config, {})
    first = [[line for line in text.splitlines() if "reading" not in line][:3] for text in (said, plain)]
    assert first[0] == first[1]


def test_the_libraries_would_have_obeyed(tmp_path: Path) -> None:
    """The positive control: the same environment makes OpenCV write its traces, when it gets that far."""
    (tmp_path / "made").mkdir()
    hostile = {**os.environ, **_hostile(tmp_path / "made"), "PYTHONPATH": str(ROOT), "PYTHONINSPECT": ""}
    code = "import cv2, numpy; cv2.GaussianBlur(numpy.zeros((9, 9), numpy.uint8), (3, 3), 1)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=hostile, capture_output=True, text=True, timeout=60, check=False
    )
    assert list((tmp_path / "made").iterdir()) or "VERBOSE" in done.stdout + done.stderr or done.stderr
    assert [each.name for each in (tmp_path / "made").glob("OpenCVTrace*")]
