"""A camera's password, given in each way, against a camera that asks for it by digest: it works and is nowhere."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.box_kit import ROOT, Department
from tests.test_sources_live import SERVER, needs_rtsp_server

USER = "viewer"
PASSWORDS = ["plain-QX77ZZT", "p#a/s?s[Q]X@7:7%Z&T=+ü✓", "100%23 QX77 'ZZT\"\\"]
PATIENCE_S = 30.0


@contextlib.contextmanager
def camera(password: str) -> Iterator[int]:
    """Serve with this password, by digest only; yield the port."""
    command = ["/usr/bin/python3", str(SERVER), "0", USER, "-", "h264", "digest"]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        server.stdin.write(password + "\n")
        server.stdin.flush()
        yield int(server.stdout.readline())
    finally:
        server.kill()
        server.communicate()


def _forms(password: str) -> set[str]:
    return {password, quote(password, safe=""), quote(password), json.dumps(password)[1:-1]}


def _visible(pid: int) -> str:
    """Return what any user can list of a process and its children, and what its own user can of its environment."""
    pids = [str(pid), *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    texts = []
    for each in pids:
        with contextlib.suppress(OSError):
            texts += [
                (Path("/proc") / each / name).read_text(errors="replace") for name in ("cmdline", "environ")
            ]
    assert len(texts) >= 2, "the edge, and its children when it has any"
    return "\n".join(texts)


def _has_frames(pid: int) -> bool:
    """Whether the edge has mapped memory for frames: it does with the first (only root can see it)."""
    with contextlib.suppress(OSError):
        return "memfd:frames" in Path(f"/proc/{pid}/maps").read_text()
    return False


def _watch(process: "subprocess.Popen[str]", box: Department) -> tuple[str, str]:
    """Wait until the edge reads the camera, look at its processes, and end it; return what was seen and said."""
    assert process.stdout is not None
    said = seen = ""
    latest = time.monotonic() + PATIENCE_S
    for line in process.stdout:
        said += line
        if "reading" in line:
            break
    read = False
    while time.monotonic() < latest and not (read := _has_frames(process.pid)):
        seen += _visible(process.pid)
        time.sleep(0.3)
    time.sleep(1)
    seen += _visible(process.pid)
    process.send_signal(signal.SIGTERM)
    said += process.communicate(timeout=PATIENCE_S)[0]
    assert process.returncode == 0, said
    assert read, (
        "no frame came: the camera did not take the password; a live camera's frames are told nowhere"
    )
    kept = b"".join(each.read_bytes() for each in (box.folder / "state").rglob("*") if each.is_file())
    return seen, said + kept.decode(errors="replace")


def _start(config: Path, *words: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config), "--json", *words]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=stdin != subprocess.DEVNULL,
    )  # fmt: skip


@needs_rtsp_server
@pytest.mark.parametrize(
    ("way", "password"),
    [
        ("address", PASSWORDS[0]),
        ("address", PASSWORDS[1]),
        ("file", PASSWORDS[1]),
        ("file", PASSWORDS[2]),
        ("option", PASSWORDS[1]),
        ("terminal", PASSWORDS[1]),
    ],
)
def test_a_password_works_and_is_in_no_argument_environment_or_output(
    way: str, password: str, tmp_path: Path
) -> None:
    """However it was given and whatever it holds: frames come, and no process or line shows it in any form."""
    box = Department(tmp_path)
    box.publish("ZZ99QQQ")
    file = tmp_path / "camera.password"
    file.write_text(password + "\n")
    file.chmod(0o600)
    with camera(password) as port:
        place = f"127.0.0.1:{port}/road"
        url = f"rtsp://{USER}@{place}"
        clip = 'source = { kind = "file", path = "absent.mp4" }'
        if way == "address":
            coded = f"rtsp://{USER}:{quote(password, safe='')}@{place}"
            process = _start(box.configure(f'source = {{ kind = "rtsp", url = "{coded}" }}'))
        elif way == "file":
            table = f'source = {{ kind = "rtsp", url = "{url}", password_file = "{file.name}" }}'
            process = _start(box.configure(table))
        elif way == "option":
            process = _start(box.configure(clip), "--source", url, "--source-password-file", str(file))
        else:
            ours, theirs = pty.openpty()
            process = _start(box.configure(clip), "--source", url, stdin=theirs)
            os.close(theirs)
            assert process.stdout is not None
            asked = ""
            while "Password for camera north: " not in asked:
                asked += process.stdout.read(1)
            os.write(ours, password.encode() + b"\n")
        with process:
            seen, said = _watch(process, box)
    assert "edge.capture.process" in seen, "the positive control: the processes were looked at"
    assert not [form for form in _forms(password) if form in seen + said]
