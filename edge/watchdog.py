"""A second process that kills the edge when its purge stops, so that a hang cannot extend retention (R1).

The edge writes two numbers into a page that both share: when its purge last ran, and the nearest deadline.
The watchdog looks every 50 ms and kills the edge when

1. the purge has been silent for longer than its bound: a hang, a SIGSTOP, a frozen interpreter; or
2. a deadline was passed by more than the lateness bound.

It ends when the edge ends. It sees no read: only the two numbers. The file is also the second process's
program, run by its path with nothing but the standard library, so it imports nothing of this package.
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
_BEAT, _DEADLINE = range(2)
_LINE: Final = "alpr-edge: the watchdog killed it: {}\n"


class Watchdog:
    """The edge's side: start the second process, and beat.

    Use as a context manager; on leaving, the second process is ended.
    """

    def __init__(self, late_ns: int, silence_ns: int = SILENCE_NS) -> None:
        """Start the second process.

        Args:
            late_ns: how far past a deadline the edge may be alive.
            silence_ns: how long the purge may be silent.

        Raises:
            OSError: the process cannot be started, or the kernel has no pidfd (before 5.3).
        """
        page = os.memfd_create("alpr-edge heartbeat", os.MFD_CLOEXEC)
        itself = os.pidfd_open(os.getpid())
        try:
            os.ftruncate(page, mmap.PAGESIZE)
            self._page = mmap.mmap(page, mmap.PAGESIZE)
            self._numbers = memoryview(self._page).cast("q")
            self.beat(boot_ns(), (1 << 63) - 1)
            arguments = [str(number) for number in (page, itself, late_ns, silence_ns)]
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this file, four numbers
                [sys.executable, "-I", "-S", __file__, *arguments],
                pass_fds=(page, itself),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={},
                cwd="/",
            )
        finally:
            os.close(page)
            os.close(itself)

    def beat(self, now_ns: int, deadline_ns: int) -> None:
        """Say that the purge ran at `now_ns`, and what is due next; two stores of eight bytes."""
        self._numbers[_DEADLINE] = deadline_ns
        self._numbers[_BEAT] = now_ns

    @property
    def alive(self) -> bool:
        """Whether the second process still watches."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The second process's id."""
        return self._process.pid

    def stop(self) -> None:
        """End the second process."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def boot_ns() -> int:
    """Nanoseconds since boot, suspend included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def verdict(now_ns: int, beat_ns: int, deadline_ns: int, late_ns: int, silence_ns: int) -> str:
    """Say why the edge must be killed, or nothing. The next look counts as already late."""
    ahead = now_ns + LOOK_MS * (NS // 1000)
    if ahead - beat_ns > silence_ns:
        return f"its purge has been silent for {(now_ns - beat_ns) / NS:.1f} s"
    if ahead - deadline_ns > late_ns:
        return f"a deadline was passed {(now_ns - deadline_ns) / NS:.1f} s ago"
    return ""


def watch(page: int, edge: int, late_ns: int, silence_ns: int) -> int:
    """Watch until the edge ends; kill it when it must be. Return the exit code: 0, or 1 after a kill."""
    shared = mmap.mmap(page, mmap.PAGESIZE, prot=mmap.PROT_READ)
    numbers = memoryview(shared).cast("q")
    poll = select.poll()
    poll.register(edge, select.POLLIN)
    while not poll.poll(LOOK_MS):
        why = verdict(boot_ns(), numbers[_BEAT], numbers[_DEADLINE], late_ns, silence_ns)
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
