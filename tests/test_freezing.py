"""The edge and its watchdog stopped and continued, each alone and both, by signals and by the kernel's freezers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from benchmarks.fixtures.render import RenderSpec, render
from edge.errors import Exit
from tests.box_kit import ROOT, Department

PATIENCE_S = 30.0
V1, V2 = Path("/sys/fs/cgroup/freezer"), Path("/sys/fs/cgroup/unified")

# An edge without cameras: a window with one read, its purge and its watchdog; it ends as the edge does.
CHILD = """
import os, sys, threading, time
import numpy as np
from edge.retention.arena import Arena
from hitonly_core.clock import NS, SystemClock
from edge.errors import EdgeError, Exit, Forgotten, RetentionError
from edge.retention.window import Window
from edge.retention.purger import Purger
from edge.retention.watchdog import Watchdog
window_s, admitted = float(sys.argv[1]), sys.argv[2] == "live"
clock, arena = SystemClock(), Arena(1, np.dtype([("mark", np.uint64)]))
window = Window(arena, clock, int(window_s * NS), NS // 5)
def say(*words):
    os.write(1, " ".join(map(str, (*words, chr(10)))).encode())
def failed(problem):
    say("clear" if arena.is_clear(0) else "NOT CLEAR", problem)
    os._exit(Exit.RETENTION)
with Watchdog(window.late_ns) as watchdog, Purger(window, clock, watchdog=watchdog, on_failure=failed) as purger:
    if admitted:
        slot = window.admit(clock.boot_ns())
        slot.record["mark"] = 7
    say(watchdog.pid)
    said = False
    while not said:
        said = bool(sys.stdin.readline())
say("ended")
"""


class Freezer(Protocol):
    """What stops processes without asking them."""

    def freeze(self, *pids: int) -> None:
        """Stop them all."""

    def thaw(self, *pids: int) -> None:
        """Let them go on, in this order."""


class Signals:
    """SIGSTOP and SIGCONT."""

    def freeze(self, *pids: int) -> None:
        """Stop them one after the other."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self, *pids: int) -> None:
        """Let them go on one after the other."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


class Cgroup:
    """A cgroup's freezer, which is what `docker pause` and `systemctl freeze` use; both versions of it."""

    def __init__(self, root: Path, version: int) -> None:
        self.folder = root / f"hitonly-test-{os.getpid()}"
        self.root, self.version = root, version
        self.folder.mkdir()

    def freeze(self, *pids: int) -> None:
        """Move them in and stop the whole group."""
        for pid in pids:
            (self.folder / "cgroup.procs").write_text(str(pid))
        self._write("FROZEN", "1")

    def thaw(self, *_: int) -> None:
        """Let the whole group go on."""
        self._write("THAWED", "0")

    def remove(self) -> None:
        """Take the empty group away."""
        self.thaw()
        for pid in (self.folder / "cgroup.procs").read_text().split():
            (self.root / "cgroup.procs").write_text(pid)
        self.folder.rmdir()

    def _write(self, first: str, second: str) -> None:
        name, value = ("freezer.state", first) if self.version == 1 else ("cgroup.freeze", second)
        (self.folder / name).write_text(value)


@pytest.fixture(params=["signals", "cgroup 1", "cgroup 2"])
def freezer(request: pytest.FixtureRequest) -> Iterator[Freezer]:
    """Return each way of stopping processes that this machine has."""
    if request.param == "signals":
        yield Signals()
        return
    root, version = (V1, 1) if request.param == "cgroup 1" else (V2, 2)
    if version == 2 and not root.exists():
        root = Path("/sys/fs/cgroup")
    try:
        group = Cgroup(root, version)
    except OSError:
        pytest.skip("no cgroup can be made here")
    try:
        if not (group.folder / ("freezer.state" if version == 1 else "cgroup.freeze")).exists():
            pytest.skip("the cgroups here have no freezer")
        yield group
    finally:
        group.remove()


class Edge:
    """The child, its watchdog's process id, and what it says."""

    def __init__(self, window_s: float, what: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(window_s), what],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.watchdog = int(self.process.stdout.readline())
        self.pid = self.process.pid

    def end(self) -> tuple[str, str]:
        """Ask it to end, if it still can; return what it said on both outputs."""
        with contextlib.suppress(BrokenPipeError):
            return self.process.communicate("end\n", timeout=PATIENCE_S)
        return self.process.communicate(timeout=PATIENCE_S)

    def said(self) -> tuple[str, str]:
        """Return what it said, after its end; a stopped watchdog would hold the line open."""
        for go in (signal.SIGKILL, signal.SIGCONT):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.watchdog, go)
        return self.process.communicate(timeout=PATIENCE_S)

    def ended_within(self, seconds: float) -> bool:
        """Whether it ends by itself in this time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is not None


@contextlib.contextmanager
def edge(window_s: float, what: str) -> Iterator[Edge]:
    """Run one, and leave no process behind."""
    child = Edge(window_s, what)
    try:
        yield child
    finally:
        child.process.kill()
        if not child.process.stdin or not child.process.stdin.closed:
            child.said()


def test_a_frozen_watchdog_ends_the_edge(freezer: Freezer) -> None:
    """Nobody watches: the edge destroys what is live and ends with its code, although nothing was overdue."""
    with edge(180, "live") as child:
        freezer.freeze(child.watchdog)
        assert child.ended_within(PATIENCE_S)
        freezer.thaw(child.watchdog)
        said, _ = child.said()
        assert child.process.returncode == Exit.RETENTION
        assert "clear the window is closed: the watchdog has been silent" in said


def test_a_frozen_edge_is_killed(freezer: Freezer) -> None:
    """The edge is stopped: its watchdog kills it; in the first cgroups it ends on being thawed."""
    with edge(180, "live") as child:
        freezer.freeze(child.pid)
        if not child.ended_within(5):
            assert isinstance(freezer, Cgroup)
            assert freezer.version == 1, "only there a frozen process cannot end"
            freezer.thaw(child.pid)
            assert child.ended_within(PATIENCE_S)
        said, complaint = child.said()
        assert child.process.returncode == -signal.SIGKILL
        assert said == ""
        assert "purge has been silent" in complaint


@pytest.mark.parametrize("first", ["edge", "watchdog"])
@pytest.mark.parametrize("what", ["live", "empty"])
def test_both_frozen_and_thawed_with_nothing_overdue_go_on(freezer: Freezer, what: str, first: str) -> None:
    """A pause of the whole box is nobody's silence: with nothing overdue neither takes it for a fault."""
    with edge(180, what) as child:
        pids = (child.pid, child.watchdog) if first == "edge" else (child.watchdog, child.pid)
        for _ in range(2):
            freezer.freeze(*pids)
            time.sleep(2.5)
            freezer.thaw(*pids)
            assert not child.ended_within(1)
        said, complaint = child.end()
        assert child.process.returncode == 0, said + complaint
        assert said == "ended \n"


@pytest.mark.parametrize("first", ["edge", "watchdog"])
def test_both_frozen_beyond_a_deadline_destroy_first(freezer: Freezer, first: str) -> None:
    """What came due meanwhile is overwritten before anything else is done, and the edge fails closed."""
    with edge(1.5, "live") as child:
        pids = (child.pid, child.watchdog) if first == "edge" else (child.watchdog, child.pid)
        freezer.freeze(*pids)
        time.sleep(3)
        freezer.thaw(*pids)
        assert child.ended_within(PATIENCE_S)
        said, complaint = child.said()
        if (
            child.process.returncode == -signal.SIGKILL
        ):  # a busy machine: the edge did not run in its one look
            assert "a deadline was passed" in complaint
        else:
            assert child.process.returncode == Exit.RETENTION
            assert "clear the window is closed: a read was destroyed" in said


@pytest.mark.parametrize("thawed", ["edge", "watchdog"])
def test_both_frozen_and_one_thawed_is_one_frozen(thawed: str) -> None:
    """After a pause of both, the one that goes on alone gives the other its bound, and no more."""
    freezer = Signals()
    with edge(180, "live") as child:
        freezer.freeze(child.pid, child.watchdog)
        time.sleep(1)
        freezer.thaw(child.pid if thawed == "edge" else child.watchdog)
        assert child.ended_within(PATIENCE_S)
        assert child.process.returncode == (Exit.RETENTION if thawed == "edge" else -signal.SIGKILL)


def _children(pid: int) -> dict[str, int]:
    """Return the processes of a running edge by what they are."""
    names = {}
    for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        line = Path(f"/proc/{number}/cmdline").read_text()
        names["watchdog" if "watchdog.py" in line else "capture"] = int(number)
    return names


def test_the_installed_edge_ends_with_its_code_when_its_watchdog_is_frozen(
    tmp_path: Path,
) -> None:
    """The real command line: exit 9, a clear line, nothing live in the last receipt."""
    render(RenderSpec(seed=7, seconds=20, traffic=30, width=640, height=360), tmp_path / "road.mp4")
    box = Department(tmp_path)
    box.publish("ZZ99QQQ")
    config = box.configure('source = { kind = "file", path = "road.mp4", realtime = true }')
    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config), "--json"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert any('"reading"' in line for line in process.stdout)
        os.kill(_children(process.pid)["watchdog"], signal.SIGSTOP)
        _, complaint = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == Exit.RETENTION
    assert "the watchdog has been silent" in complaint
    last = (tmp_path / "state" / "receipts.jsonl").read_text().splitlines()[-1]
    assert '"retention"' in last
