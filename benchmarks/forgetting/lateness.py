"""How late is the purge? Ten thousand reads with short lives, while every core is kept busy."""

import os
import subprocess
import sys
import time
from typing import Any, Final

import numpy as np

from benchmarks.harness.results import Better, Part, Plot
from benchmarks.harness.stats import Estimate
from edge.pipeline.passes import READ_DTYPE
from edge.retention.arena import Arena
from edge.retention.purger import Purger
from edge.retention.window import Slot, Window
from hitonly_core.clock import NS, SystemClock

GOAL_MS: Final = 100.0
_MS: Final = 1_000_000


class _TimedWindow(Window):
    """A window that notes how late each read is when it is wiped."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 - Window's own
        super().__init__(*arguments, **keywords)
        self.lateness: list[int] = []

    def _end(self, slot: Slot) -> None:
        super()._end(slot)
        self.lateness.append(self._clock.boot_ns() - slot.deadline_ns)


def measure(reads: int = 10_000, *, seconds: float = 20.0, busy: int | None = None) -> list[float]:
    """Return each read's lateness in milliseconds: wiped after its deadline, by the purge's thread.

    Args:
        reads: how many are admitted, evenly over the time.
        seconds: how long the admitting takes.
        busy: processes that keep a core busy each; as many as there are cores if None.
    """
    clock = SystemClock()
    window = _TimedWindow(Arena(1024, READ_DTYPE), clock, window_ns=NS, late_ns=NS // 2)
    spin = [sys.executable, "-c", "while True: sum(range(100_000))"]
    cores = len(os.sched_getaffinity(0))
    load = [subprocess.Popen(spin) for _ in range(busy or cores)]  # noqa: S603 - this interpreter
    crop = np.zeros(READ_DTYPE["crop"].shape, np.uint8)
    start = time.monotonic()
    with Purger(window, clock):
        for number in range(reads):
            window.admit(clock.boot_ns()).record["crop"][:] = crop
            crop[:] = number % 251
            time.sleep(max(0.0, start + number * seconds / reads - time.monotonic()))
        while window.counts().live:
            time.sleep(0.01)
    for process in load:
        process.kill()
        process.wait()
    return [late / _MS for late in window.lateness]


def report(part: Part, reads: int = 10_000) -> None:
    """Add the purge's lateness to a part."""
    late = np.array(measure(reads))
    p50, p99, worst = (float(np.percentile(late, share)) for share in (50, 99, 100))
    for name, value in (("p50", p50), ("p99", p99), ("max", worst)):
        part.figure(
            f"purge_late_{name}", f"purge lateness, {name}", Estimate(value, value, value, len(late)), "ms",
            Better.LOWER, machine=True,
        )  # fmt: skip
    part.check(
        f"no purge is later than {GOAL_MS:g} ms with every core busy",
        passed=worst < GOAL_MS,
        detail=f"{len(late)} reads: p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {worst:.1f} ms",
        timed=True,
    )
    shares = np.linspace(0, 100, 101)
    curve = {"label": "purge", "x": np.percentile(late, shares).tolist(), "y": shares.tolist()}
    part.plot(
        Plot.LINES, "Lateness of the purge", ("milliseconds after the deadline", "share of reads, %"), [curve]
    )
