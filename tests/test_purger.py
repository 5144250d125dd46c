import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import Exit, Forgotten, RetentionError
from edge.retention.arena import Arena
from edge.retention.purger import Purger
from edge.retention.watchdog import LOOK_MS, STEP_NS, Silence, Watchdog, boot_ns, verdict
from edge.retention.window import NEVER, Window
from edge.runtime.systemd import Notifier
from hitonly_core.clock import NS, SystemClock
from tests.child import in_a_child

RECORD = np.dtype([("mark", np.uint64), ("crop", np.uint8, (6000,))])
ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 15.0


def _wait(ready: threading.Event) -> None:
    assert ready.wait(PATIENCE_S)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_thread_destroys_without_being_asked() -> None:
    """A read is wiped at its deadline although nobody calls the window (R1)."""
    clock, arena = SystemClock(), Arena(2, RECORD)
    window = Window(arena, clock, NS, NS // 2)
    with Purger(window, clock):
        window.admit(clock.boot_ns()).record["mark"] = 7
        assert not arena.is_clear(0)
        _until(lambda: arena.is_clear(0))
        counts = window.counts()
    assert (counts.reads, counts.destroyed, counts.live) == (1, 1, 0)


def test_stopping_destroys_what_is_live() -> None:
    """After an orderly stop no read is left, and the count still holds."""
    clock, arena = SystemClock(), Arena(2, RECORD)
    window = Window(arena, clock, 180 * NS)
    with Purger(window, clock):
        window.admit(clock.boot_ns()).record["mark"] = 7
    assert arena.is_clear(0)
    assert window.counts().destroyed == 1


def test_a_purge_that_is_held_up_closes_the_window() -> None:
    """Somebody keeps the lock beyond the bound: all is destroyed, the pipeline is told and stops (R1)."""
    clock, arena = SystemClock(), Arena(2, RECORD)
    window = Window(arena, clock, NS // 5, NS // 20)
    told = threading.Event()
    with Purger(window, clock, on_failure=lambda _: told.set()) as purger:
        purger.check()
        with window.lock:
            window.admit(clock.boot_ns()).record["mark"] = 7
            time.sleep(0.5)
        _wait(told)
        with pytest.raises(RetentionError) as caught:
            purger.check()
        assert caught.value.exit_code is Exit.RETENTION
        with pytest.raises(RetentionError):
            window.admit(clock.boot_ns())
    assert arena.is_clear(0)


class _BrokenClock(SystemClock):
    """Tells the time until it is broken."""

    broken = False

    def boot_ns(self) -> int:
        """Return the time, or fail as a bug would."""
        if self.broken and threading.current_thread().name == "purge":
            raise ZeroDivisionError
        return super().boot_ns()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_in_the_thread_itself_fails_closed() -> None:
    """A bug in the purge must not leave reads behind: the window is closed and everything destroyed."""
    clock, arena = _BrokenClock(), Arena(1, RECORD)
    window = Window(arena, clock, 180 * NS)
    told = threading.Event()
    purger = Purger(window, clock, on_failure=lambda _: told.set())
    purger.start()
    window.admit(clock.boot_ns()).record["mark"] = 7
    clock.broken = True
    _wait(told)
    clock.broken = False
    assert arena.is_clear(0)
    with pytest.raises(RetentionError, match="fault"):
        window.admit(clock.boot_ns())
    purger.stop()


def the_watchdog_is_killed() -> None:
    """Kill the watchdog under a live read."""
    clock, arena = SystemClock(), Arena(1, RECORD)
    window = Window(arena, clock, 180 * NS)
    told = threading.Event()
    with (
        Watchdog(window.late_ns) as watchdog,
        Purger(window, clock, watchdog=watchdog, on_failure=lambda _: told.set()),
    ):
        window.admit(clock.boot_ns()).record["mark"] = 7
        os.kill(watchdog.pid, signal.SIGKILL)
        _wait(told)
        assert arena.is_clear(0)


def test_the_edge_stops_when_its_watchdog_is_gone() -> None:
    """Without a watchdog a hang could extend retention, so its death closes the window."""
    in_a_child(the_watchdog_is_killed)


def the_watchdog_is_frozen() -> None:
    """Stop the watchdog under a live read."""
    clock, arena = SystemClock(), Arena(1, RECORD)
    window = Window(arena, clock, 180 * NS)
    told = threading.Event()
    with (
        Watchdog(window.late_ns, silence_ns=NS // 2) as watchdog,
        Purger(window, clock, watchdog=watchdog, on_failure=lambda _: told.set()) as purger,
    ):
        window.admit(clock.boot_ns()).record["mark"] = 7
        time.sleep(0.6)
        purger.check()
        os.kill(watchdog.pid, signal.SIGSTOP)
        _wait(told)
        assert arena.is_clear(0)
        with pytest.raises(RetentionError, match="watchdog has been silent"):
            purger.check()


def test_the_edge_stops_when_its_watchdog_is_frozen() -> None:
    """A watchdog that is stopped watches nothing: noticed within its bound, and the window is closed (R1)."""
    in_a_child(the_watchdog_is_frozen)


def the_pages_are_looked_at() -> None:
    """Look at what each of the two has of the shared pages."""
    with Watchdog(NS) as watchdog:
        maps = Path(f"/proc/{watchdog.pid}/maps").read_text().splitlines()
        theirs = {line.split("memfd:")[1].split(" (")[0]: line.split()[1] for line in maps if "memfd" in line}
        assert theirs == {"alpr-edge edge": "r--s", "alpr-edge watchdog": "rw-s"}
        with pytest.raises(TypeError):
            watchdog._answers[0] = 1
        opened = Path(f"/proc/{watchdog.pid}/fd").iterdir()
        edges = next(each for each in opened if "alpr-edge edge" in str(each.readlink()))
        flags = Path(f"/proc/{watchdog.pid}/fdinfo/{edges.name}").read_text().split("flags:")[1].split()[0]
        assert int(flags, 8) & os.O_ACCMODE == os.O_RDONLY


def test_neither_can_write_the_others_page() -> None:
    """A fault in one of the two cannot forge the other's beat: it has that page to read only."""
    in_a_child(the_pages_are_looked_at)


def test_silence_is_counted_only_while_one_listens() -> None:
    """A pause of the listener is not the other's silence; it counts as one step, a short one whole."""
    silence = Silence(0)
    assert silence.look(50, beat_ns=7) == 0
    assert silence.look(100, beat_ns=7) == 50
    assert silence.look(150, beat_ns=8) == 0
    assert not silence.paused(150 + STEP_NS)
    assert silence.paused(151 + STEP_NS)
    hour = 3600 * NS
    assert silence.look(150 + hour, beat_ns=8) == STEP_NS
    assert silence.look(200 + hour, beat_ns=8) == STEP_NS + 50
    assert silence.look(250 + hour, beat_ns=9) == 0


def test_a_process_that_does_not_end_is_ended() -> None:
    """After a failure the edge has its grace; then it is ended, whether or not a watchdog is there to do so."""
    clock, arena = SystemClock(), Arena(1, RECORD)
    window = Window(arena, clock, 180 * NS)
    over = threading.Event()
    purger = Purger(window, clock, last_resort=over.set)
    window.close("a test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge.retention.purger.GRACE_BEATS", 3)
        purger.start()
        _wait(over)
    purger.stop()


@pytest.mark.parametrize(
    ("silent_ms", "deadline_ms_ago", "kills"),
    [
        (0, None, False),
        (1900, None, False),
        (1950, None, False),
        (1951, None, True),
        (1960, None, True),
        (0, 440, False),
        (0, 450, False),
        (0, 451, True),
        (0, 460, True),
        (9999, 0, True),
    ],
)
def test_the_watchdog_kills_for_silence_or_a_missed_deadline(
    silent_ms: int, deadline_ms_ago: int | None, *, kills: bool
) -> None:
    """Silent for 2 s or late by 0.5 s at the next look: killed; otherwise left alone."""
    now = 1000 * NS
    deadline = NEVER if deadline_ms_ago is None else now - deadline_ms_ago * 1_000_000
    why = verdict(now, silent_ms * 1_000_000, deadline, NS // 2, 2 * NS)
    assert bool(why) is kills
    if kills:
        ago = silent_ms if silent_ms > 1900 else deadline_ms_ago or 0
        assert f"{ago / 1000:.1f} s" in why, "what it says is how long ago"
    assert LOOK_MS == 50


CHILD = """
import sys, threading, time
import numpy as np
from edge.retention.arena import Arena
from hitonly_core.clock import NS, SystemClock
from edge.retention.window import Window
from edge.retention.purger import Purger
from edge.retention.watchdog import Watchdog
clock = SystemClock()
window = Window(Arena(1, np.dtype([("mark", np.uint64)])), clock, int(sys.argv[1]) * NS)
with Watchdog(window.late_ns) as watchdog, Purger(window, clock, watchdog=watchdog):
    window.admit(clock.boot_ns())
    print(watchdog.pid, flush=True)
    if sys.argv[2] == "hang":
        with window.lock:
            time.sleep(60)
    sys.stdin.read()
"""


def _edge(window_s: int, then: str) -> tuple["subprocess.Popen[str]", int]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(window_s), then],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def _gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has taken note of its end yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_a_stopped_edge_is_killed() -> None:
    """SIGSTOP cannot keep reads: the second process kills the first, and then ends itself (R1)."""
    process, watchdog = _edge(180, "wait")
    process.send_signal(signal.SIGSTOP)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGKILL
    assert "purge has been silent" in said
    _until(lambda: _gone(watchdog))


def test_a_hanging_edge_is_killed() -> None:
    """Somebody holds the lock for ever: the purge cannot run, so the process ends."""
    process, watchdog = _edge(180, "hang")
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGKILL
    _until(lambda: _gone(watchdog))


def test_the_watchdog_dies_with_the_edge() -> None:
    """An edge that is killed leaves no process behind."""
    process, watchdog = _edge(180, "wait")
    assert not _gone(watchdog)
    process.kill()
    _, said = process.communicate(timeout=PATIENCE_S)
    assert "killed" not in said, "it ends because the edge has, not by finding it silent"
    _until(lambda: _gone(watchdog))


def test_a_terminals_signals_end_the_edge_and_not_its_watchdog() -> None:
    """Ctrl-C goes to both: as long as the edge is there, somebody watches it."""
    process, watchdog = _edge(180, "wait")
    _until(lambda: int(_ignored(watchdog), 16) >> (signal.SIGTERM - 1) & 1 == 1)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(watchdog, number)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, "an edge whose watchdog has gone ends with a fault"
    _until(lambda: _gone(watchdog))


def _ignored(pid: int) -> str:
    return str(re.findall(r"SigIgn:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())[0])


def test_an_orderly_end_is_not_a_kill() -> None:
    """An edge that is told to stop ends with 0 and takes its watchdog with it."""
    process, watchdog = _edge(180, "wait")
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert _gone(watchdog)


def test_continued_after_a_stop_beyond_the_window_the_read_is_gone_before_it_can_be_used() -> None:
    """Stopped beyond the window with no watchdog, and continued: the first use finds nothing (R19)."""
    code = """
import os, signal, sys
import numpy as np
from edge.retention.arena import Arena
from hitonly_core.clock import NS, SystemClock
from edge.errors import EdgeError
from edge.retention.window import Window
arena, clock = Arena(1, np.dtype([("mark", np.uint64)])), SystemClock()
window = Window(arena, clock, NS)
slot = window.admit(clock.boot_ns())
slot.record["mark"] = 7
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
try:
    slot.record
except EdgeError as error:
    sys.exit(40 + arena.is_clear(0))
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED)
    time.sleep(1.2)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 41


def test_systemd_hears_ready_and_the_beats(tmp_path: Path) -> None:
    """One datagram a message to the named socket; a beat at half of systemd's interval; else silence."""
    assert not Notifier({}).send("READY=1")
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(address))
        listener.settimeout(PATIENCE_S)
        notifier = Notifier({"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "2000000"})
        assert notifier.send("READY=1")
        assert listener.recv(99) == b"READY=1"
        now = boot_ns()
        for step_s in (0.0, 0.5, 0.99, 1.0, 1.5, 2.0):
            notifier.beat(now + int(step_s * NS))
        listener.settimeout(0)
        beats = 0
        while True:
            try:
                assert listener.recv(99) == b"WATCHDOG=1"
            except BlockingIOError:
                break
            beats += 1
        assert beats == 3
    assert not notifier.send("STOPPING=1")
    notifier.close()


def test_a_handle_taken_before_the_deadline_is_void_after_it() -> None:
    """The pipeline's handle raises `Forgotten` once the thread has destroyed the read."""
    clock, arena = SystemClock(), Arena(1, RECORD)
    window = Window(arena, clock, NS // 2, NS // 4)
    with Purger(window, clock):
        slot = window.admit(clock.boot_ns())
        _until(lambda: arena.is_clear(0) and not slot.alive)
        with pytest.raises(Forgotten):
            _ = slot.record
