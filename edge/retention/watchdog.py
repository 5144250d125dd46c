"""A second process that kills the edge when its purge stops, so that a hang cannot extend retention (R1).

The two watch each other. The edge writes two numbers into a page of its own: when its purge last ran, and the
nearest deadline. The watchdog writes one number into another page: when it last looked. Each can only read the
other's page.

The watchdog looks every 50 ms, beats, and kills the edge when

1. the purge has been silent for longer than its bound: a hang, a SIGSTOP, a frozen interpreter; or
2. a deadline was passed by more than the lateness bound.

The edge destroys everything and ends when the watchdog has been silent for longer than the bound, or is gone.

Silence is counted only while the one who listens was running (`Silence`). Both may be stopped together, by a
cgroup freezer, `docker pause` or a suspended machine; neither was silent then, and when they go on neither
takes the pause for a fault. A deadline that was passed meanwhile is one: the edge overwrites what is overdue
and ends. The watchdog leaves it one look (50 ms) to do so, because a kill frees memory without overwriting it.

The watchdog ends when the edge ends. It sees no read: only the two numbers. This file is also the second
process's program, run by its path with nothing but the standard library, so it imports nothing of this package.
"""

import contextlib
import mmap
import os
import select
import signal
import subprocess
import sys
import time
from typing import Final, Self

NS: Final = 1_000_000_000
LOOK_MS: Final = 50
SILENCE_NS: Final = 2 * NS
STEP_NS: Final = NS // 4
"""A longer time between two looks means that the one who looks did not run; no more than this is counted."""
END_S: Final = 1.0
"""A process in a frozen cgroup does not end when it is killed, only once it is thawed: waited for so long."""
START_S: Final = 10.0
"""Longest wait for the second process to begin: an interpreter on a busy machine."""
_BEAT, _DEADLINE = range(2)
_LINE: Final = "alpr-edge: the watchdog killed it: {}\n"


class Silence:
    """For how long another process has given no sign of life while this one was running."""

    def __init__(self, now_ns: int) -> None:
        """Begin to listen at `now_ns`, boot-time clock."""
        self._looked, self._beat, self._silent = now_ns, -1, 0

    def look(self, now_ns: int, beat_ns: int) -> int:
        """Take note of the other's last beat; return its silence in ns, as far as it could be heard."""
        if beat_ns != self._beat:
            self._beat, self._silent = beat_ns, 0
        else:
            self._silent += min(now_ns - self._looked, STEP_NS)
        self._looked = now_ns
        return self._silent

    def paused(self, now_ns: int) -> bool:
        """Whether this process itself has not run since its last look."""
        return now_ns - self._looked > STEP_NS


class Watchdog:
    """The edge's side: start the second process, beat, and hear whether it beats too.

    Use as a context manager; on leaving, the second process is ended.
    """

    def __init__(self, late_ns: int, silence_ns: int = SILENCE_NS) -> None:
        """Start the second process, and wait until it watches.

        Args:
            late_ns: how far past a deadline the edge may be alive.
            silence_ns: how long the purge, or the second process, may be silent.

        Raises:
            OSError: the process cannot be started, or the kernel has no pidfd (before 5.3).
            TimeoutError: it was started and does not beat.
        """
        ours, theirs = _page("edge"), _page("watchdog")
        ours_to_read, theirs_to_read = _read_only(ours), _read_only(theirs)
        itself = os.pidfd_open(os.getpid())
        try:
            self._numbers = memoryview(mmap.mmap(ours, mmap.PAGESIZE)).cast("q")
            self._answers = memoryview(
                mmap.mmap(theirs_to_read, mmap.PAGESIZE, access=mmap.ACCESS_READ)
            ).cast("q")
            self.beat(boot_ns(), (1 << 63) - 1)
            passed = (ours_to_read, theirs, itself)
            arguments = [str(number) for number in (*passed, late_ns, silence_ns)]
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this file, five numbers
                [sys.executable, "-I", "-S", __file__, *arguments],
                pass_fds=passed,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={},
                cwd="/",
            )
        finally:
            for descriptor in (ours, theirs, ours_to_read, theirs_to_read, itself):
                os.close(descriptor)
        self._silence_ns = silence_ns
        self._wait()
        self._silence = Silence(boot_ns())

    def _wait(self) -> None:
        """Return after the second process's first beat."""
        latest = boot_ns() + round(START_S * NS)
        while not self._answers[_BEAT]:
            if self._process.poll() is not None or boot_ns() > latest:
                self.stop()
                raise TimeoutError("the watchdog's process did not begin to watch")
            time.sleep(0.005)
            self.beat(boot_ns(), (1 << 63) - 1)

    def beat(self, now_ns: int, deadline_ns: int) -> None:
        """Say that the purge ran at `now_ns`, and what is due next; two stores of eight bytes."""
        self._numbers[_DEADLINE] = deadline_ns
        self._numbers[_BEAT] = now_ns

    def trouble(self, now_ns: int) -> str:
        """Say why nobody watches the purge any more, or nothing; asked at every purge.

        Args:
            now_ns: the time, boot-time clock.
        """
        if self._process.poll() is not None:
            return "the watchdog's process is gone"
        silent = self._silence.look(now_ns, self._answers[_BEAT])
        if silent > self._silence_ns:
            return f"the watchdog has been silent for {silent / NS:.1f} s"
        return ""

    @property
    def pid(self) -> int:
        """The second process's id."""
        return self._process.pid

    def stop(self) -> None:
        """End the second process; one that is frozen ends when it is thawed."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _page(whose: str) -> int:
    """Return the descriptor of a new page of zeros."""
    page = os.memfd_create(f"alpr-edge {whose}", os.MFD_CLOEXEC)
    os.ftruncate(page, mmap.PAGESIZE)
    return page


def _read_only(page: int) -> int:
    """Return a descriptor of the same page through which it cannot be written."""
    return os.open(f"/proc/self/fd/{page}", os.O_RDONLY | os.O_CLOEXEC)


def boot_ns() -> int:
    """Nanoseconds since boot, suspend included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def verdict(now_ns: int, silent_ns: int, deadline_ns: int, late_ns: int, silence_ns: int) -> str:
    """Say why the edge must be killed, or nothing. The next look counts as already late.

    Args:
        now_ns: the time, boot-time clock.
        silent_ns: for how long the purge has been silent.
        deadline_ns: when the next read is due.
        late_ns: how far past that the edge may be alive.
        silence_ns: how long the purge may be silent.
    """
    look_ns = LOOK_MS * (NS // 1000)
    if silent_ns + look_ns > silence_ns:
        return f"its purge has been silent for {silent_ns / NS:.1f} s"
    if now_ns + look_ns - deadline_ns > late_ns:
        return f"a deadline was passed {(now_ns - deadline_ns) / NS:.1f} s ago"
    return ""


def watch(page: int, answer: int, edge: int, late_ns: int, silence_ns: int) -> int:
    """Watch until the edge ends; kill it when it must be. Return the exit code: 0, or 1 after a kill."""
    numbers = memoryview(mmap.mmap(page, mmap.PAGESIZE, access=mmap.ACCESS_READ)).cast("q")
    answers = memoryview(mmap.mmap(answer, mmap.PAGESIZE)).cast("q")
    poll = select.poll()
    poll.register(edge, select.POLLIN)
    silence = Silence(boot_ns())
    answers[_BEAT] = boot_ns()
    while not poll.poll(LOOK_MS):
        now = boot_ns()
        answers[_BEAT] = now
        paused = silence.paused(now)
        silent = silence.look(now, numbers[_BEAT])
        why = "" if paused else verdict(now, silent, numbers[_DEADLINE], late_ns, silence_ns)
        if why:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(edge, signal.SIGKILL)
            os.write(sys.stderr.fileno(), _LINE.format(why).encode())
            return 1
    return 0


if __name__ == "__main__":
    # A terminal's Ctrl-C goes to both: the edge ends by itself, and the watchdog after it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(watch(*(int(argument) for argument in sys.argv[1:])))
