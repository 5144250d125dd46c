"""An hour on a road: does the edge's memory stay flat, and under its bound, with 100,000 entries listed?

1. A drawn road is served by a real RTSP server, round and round, at its own pace.
2. The real ``alpr-edge run`` watches it: its own process, its capture processes, its watchdog. The list holds
   100,000 plates, some of which pass in every round; a new version of the list arrives now and then.
3. Every few seconds each process is looked at from outside: memory, descriptors, threads; and the spool.
4. After a warm-up the slope of the memory is taken, minute by minute, with its interval. Memory counts as flat
   when a rise of the bound or more is ruled out; a run too short to rule it out has not shown anything.

`benchmarks.leaky_edge` is the control: the same edge with a planted leak must not pass.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.department import Reading, found
from benchmarks.footprint import Footprint, look
from benchmarks.looped_road import looped_road
from benchmarks.plausible import Plausible
from benchmarks.render import RenderSpec
from benchmarks.results import Better, Part, Plot
from benchmarks.runner import Advance, BenchError
from benchmarks.stats import Estimate
from benchmarks.trend import Trend, trend
from edge.errors import Exit
from edge.ledger import read_lines
from hotlist.plate import decode

ROOT: Final = Path(__file__).resolve().parents[1]
FLAT_MIB_PER_HOUR: Final = 4.0
"""A rise of this much an hour must be ruled out; an hour cannot rule out much less."""
MOST_MB: Final = 350.0
"""The edge's own process is to stay under this."""
LISTED_EVERY: Final = 4
ROAD: Final = RenderSpec(seed=11, seconds=60, traffic=18, fps=15)
SAMPLE_S: Final = 5.0
_ABOUT: Final = (
    "The edge's own command line watches a drawn road from a real RTSP server for as long as asked, with a "
    "signed list of many plates that is replaced now and then. Each of its processes is looked at from outside. "
    "Memory is what the processes have made themselves (anonymous and shared-frame pages); its trend is taken over "
    "the medians of whole minutes after a warm-up, and the interval comes from a block bootstrap."
)
_CONFIG: Final = """\
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

[storage]
spool = "spool"
state = "state"

[models]
detector = "{detector}"
reader = "{reader}"
{folder}
[[cameras]]
name = "bench"
place = "a drawn road, round and round"
source = {{ kind = "rtsp", url = "{url}" }}
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One soak.

    Attributes:
        minutes: how long it is watched.
        warm_up: minutes of it that do not count for the trend.
        entries: plates listed.
        lists: versions of the list over the time.
        road: what passes.
        reading: the models.
        module: the program; the edge's own, or the control's.
    """

    minutes: float
    warm_up: float
    entries: int = 100_000
    lists: int = 1
    road: RenderSpec = ROAD
    reading: Reading = field(default_factory=Reading)
    module: str = "edge.cli"


@dataclass(slots=True)
class Outcome:
    """What one soak showed.

    Attributes:
        samples: seconds since the start and each process's footprint.
        spool: seconds, files and bytes on the spool.
        summary: the edge's own summary at its end; empty when it gave none.
        exit_code: of the edge.
        passing: vehicles with a legible plate in a round.
        listed: of those, on the list.
        receipts: how many were written.
        rounds: how often the road went round.
        early: how the edge ended before its time; empty when it did not.
    """

    samples: list[tuple[float, list[Footprint]]] = field(default_factory=list)
    spool: list[tuple[float, int, int]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int = -1
    passing: int = 0
    listed: int = 0
    receipts: int = 0
    rounds: float = 0.0
    early: str = ""

    def minutes(self, take: Callable[[list[Footprint]], float]) -> tuple[list[float], list[float]]:
        """Return the middle of each whole minute (in minutes), and the median of what is taken of its samples."""
        by_minute: dict[int, list[float]] = {}
        for seconds, prints in self.samples:
            by_minute.setdefault(int(seconds // 60), []).append(take(prints))
        whole = [
            minute for minute in sorted(by_minute) if (minute + 1) * 60 <= self.samples[-1][0] + SAMPLE_S
        ]
        return [minute + 0.5 for minute in whole], [float(np.median(by_minute[minute])) for minute in whole]


def total(prints: list[Footprint]) -> float:
    """Return what all processes have made themselves, MiB."""
    return sum(each.own_mib for each in prints)


def edge_own(prints: list[Footprint]) -> float:
    """Return what the edge's own process has made itself, MiB."""
    return sum(each.own_mib for each in prints if each.role == "edge")


def edge_rss(prints: list[Footprint]) -> float:
    """Return the resident memory of the edge's own process, MiB, shared libraries in full."""
    return sum(each.rss_mib for each in prints if each.role == "edge")


def run(trial: Trial, advance: Advance = lambda _doing: None) -> dict[str, Any]:
    """Soak, and return the part of the report.

    Raises:
        BenchError: there is no RTSP server, or there were too few minutes to tell a trend.
    """
    outcome = soak(trial, advance)
    part = Part("soak", "Memory over time", _ABOUT)
    _figures(part, trial, outcome)
    _checks(part, trial, outcome)
    _plots(part, outcome)
    return part.to_json()


def soak(trial: Trial, advance: Advance = lambda _doing: None) -> Outcome:
    """Watch the edge for as long as the trial says, or until it ends.

    Raises:
        BenchError: there is no RTSP server.
    """
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="alpr-bench-soak-") as name:
        folder = Path(name)
        advance("drawing the road")
        with looped_road(trial.road) as (url, passes):
            plates = [one.plate for one in passes]
            listed = plates[::LISTED_EVERY]
            outcome.passing, outcome.listed = len(plates), len(listed)
            advance(f"signing {trial.lists} list(s) of {trial.entries} plates")
            found(folder, _list(trial.entries, plates, listed), versions=trial.lists)
            with _edge(trial, folder, url) as process:
                _watch(trial, outcome, folder, process, advance)
                if outcome.samples:
                    outcome.rounds = outcome.samples[-1][0] / trial.road.seconds
                process.send_signal(signal.SIGTERM)
                outcome.exit_code = process.wait(timeout=60)
        outcome.summary = _summary(folder / "out.txt")
        outcome.receipts = sum(1 for _ in read_lines(folder / "state"))
    return outcome


def _list(entries: int, passing: Sequence[str], listed: Sequence[str]) -> list[str]:
    """Return plates that could be real, none of which passes but the listed ones."""
    like = Plausible(passing)
    codes = {int(code) for code in like.draw(entries + entries // 10 + 100, seed=1).tolist()}
    others = sorted({decode(code) for code in codes} - set(passing))
    return [*listed, *others[: entries - len(listed)]]


@contextmanager
def _edge(trial: Trial, folder: Path, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    chosen = trial.reading
    own = f'folder = "{chosen.folder.absolute()}"' if chosen.folder else ""
    config = folder / "edge.toml"
    config.write_text(_CONFIG.format(detector=chosen.detector, reader=chosen.reader, folder=own, url=url))
    command = [sys.executable, "-m", trial.module, "run", "--config", str(config), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "out.txt").open("wb") as out, (folder / "err.txt").open("wb") as err:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _watch(
    trial: Trial, outcome: Outcome, folder: Path, process: "subprocess.Popen[bytes]", advance: Advance
) -> None:
    """Look every few seconds; hand out the next list when its time has come."""
    spool, handed_out = folder / "spool", 1
    while not spool.is_dir() and process.poll() is None:
        time.sleep(0.2)
    start, length = time.monotonic(), trial.minutes * 60
    while (now := time.monotonic() - start) < length:
        if process.poll() is not None:
            said = " ".join((folder / "err.txt").read_text(errors="replace").split())[-200:]
            outcome.early = f"the edge ended with {process.returncode} after {now:.0f} s: {said}"
            return
        if handed_out < trial.lists and now > _handed_out_at(trial, handed_out) * 60:
            handed_out += 1
            new = folder / f"hotlist.sealed.{handed_out}"
            shutil.move(new, folder / "hotlist.sealed")
        outcome.samples.append((now, look(process.pid)))
        sizes = [entry.stat().st_size for entry in spool.glob("*.hit")]
        outcome.spool.append((now, len(sizes), sum(sizes)))
        advance(f"soaking: {now / 60:.0f} of {trial.minutes:g} minutes")
        time.sleep(max(0.0, start + now + SAMPLE_S - time.monotonic()))


def _handed_out_at(trial: Trial, number: int) -> float:
    """Return the minute at which a later list comes: evenly, the first ones inside the warm-up."""
    return trial.minutes * number / trial.lists


def _summary(out: Path) -> dict[str, Any]:
    lines = [json.loads(line) for line in out.read_text().splitlines() if line.startswith("{")]
    return next((line for line in reversed(lines) if line.get("event") == "summary"), {})


def of_memory(trial: Trial, outcome: Outcome) -> Trend:
    """Return the trend of all processes' memory after the warm-up, MiB an hour.

    Raises:
        BenchError: too few whole minutes are left.
    """
    minutes, values = outcome.minutes(total)
    kept = [(at / 60, value) for at, value in zip(minutes, values, strict=True) if at > trial.warm_up]
    try:
        return trend([at for at, _ in kept], [value for _, value in kept])
    except ValueError as problem:
        raise BenchError(outcome.early or f"{trial.minutes:g} minutes are too few: {problem}") from None


def _figures(part: Part, trial: Trial, outcome: Outcome) -> None:
    slope = of_memory(trial, outcome).slope
    part.figure("slope", "slope of all processes' memory", slope, "MiB per hour", Better.LOWER, machine=True)
    settled = [prints for seconds, prints in outcome.samples if seconds >= trial.warm_up * 60]
    for key, label, take, statistic in (
        ("edge_rss", "the edge's own resident memory, median", edge_rss, np.median),
        ("edge_rss_max", "the edge's own resident memory, at most", edge_rss, np.max),
        ("edge_own", "the edge's own memory, median", edge_own, np.median),
        ("total_own", "all processes' memory, median", total, np.median),
        (
            "total_own_max",
            "all processes' memory, at most (two captures while one is renewed)",
            total,
            np.max,
        ),
    ):
        value = float(statistic([take(prints) for prints in settled])) * 2**20
        part.figure(
            key, label, Estimate(value, value, value, len(settled)), "bytes", Better.LOWER, machine=True
        )
    counts = outcome.summary.get("counts", {})
    rows = [
        ["minutes watched, warm-up included", f"{trial.minutes:g}, {trial.warm_up:g}"],
        ["plates listed; lists in the time", f"{trial.entries}; {trial.lists}"],
        ["rounds of the road; legible plates in each; listed of them",
         f"{outcome.rounds:.1f}; {outcome.passing}; {outcome.listed}"],
        *([name, counts.get(name, "")] for name in ("reads", "hits", "destroyed", "live", "destroyed_early")),
        ["frames; dropped", f"{_frames(outcome)}; {outcome.summary.get('drops', '')}"],
        ["receipts", outcome.receipts],
        ["spool at the end: files; bytes", f"{outcome.spool[-1][1]}; {outcome.spool[-1][2]}"],
        ["descriptors of the edge, first and last quarter", "{:g}; {:g}".format(*_ends(settled, "files"))],
        ["threads of the edge, first and last quarter", "{:g}; {:g}".format(*_ends(settled, "threads"))],
        ["worst purge lateness, ms", f"{counts.get('worst_late_ns', 0) / 1e6:.1f}"],
    ]  # fmt: skip
    part.table("What it did", ("", "value"), rows)
    part.findings.append(
        f"Over {trial.minutes - trial.warm_up:g} minutes after the warm-up the memory of all processes changed by "
        f"{slope.value:+.2f} MiB an hour ({slope.low:+.2f} to {slope.high:+.2f})."
    )


def _checks(part: Part, trial: Trial, outcome: Outcome) -> None:
    found_trend = of_memory(trial, outcome)
    slope = found_trend.slope
    part.check(
        "memory flat",
        found_trend.flat(FLAT_MIB_PER_HOUR),
        f"a rise of {FLAT_MIB_PER_HOUR:g} MiB an hour must be ruled out; the interval reaches {slope.high:.2f}"
        + ("; it rises for certain" if found_trend.rises() else ""),
    )
    most = max(edge_rss(prints) for _, prints in outcome.samples) * 2**20 / 1e6
    part.check(
        f"the edge's resident memory under {MOST_MB:g} MB with {trial.entries} entries",
        most < MOST_MB,
        f"at most {most:.0f} MB, shared libraries counted in full, warm-up included",
    )
    settled = [prints for seconds, prints in outcome.samples if seconds >= trial.warm_up * 60]
    for what, plainly in (("files", "descriptors"), ("threads", "threads")):
        first, last = _ends(settled, what)
        part.check(
            f"no more {plainly} at the end",
            last <= first,
            f"the edge: {first:g} after the warm-up, {last:g} at last",
        )
    counts = outcome.summary.get("counts", {})
    adds_up = bool(counts) and counts["reads"] == counts["hits"] + counts["destroyed"] and not counts["live"]
    part.check("reads = hits + destroyed, none live", adds_up, f"exit code {outcome.exit_code}, {counts}")
    hits = counts.get("hits", 0)
    part.check(
        "it worked all the while",
        outcome.exit_code == Exit.OK and hits >= 0.8 * (outcome.rounds - 1) * outcome.listed > 0,
        f"{hits} hits of {outcome.rounds * outcome.listed:.0f} listed passes"
        + (f"; {outcome.early}" if outcome.early else ""),
    )


def _plots(part: Part, outcome: Outcome) -> None:
    names = (("all processes", total), ("the edge", edge_own))
    series = [
        {"label": label, "x": minutes, "y": [round(value, 2) for value in values]}
        for label, take in names
        for minutes, values in [outcome.minutes(take)]
    ]
    part.plot(Plot.LINES, "Memory", ("minutes", "MiB"), series, zero=True)


def _frames(outcome: Outcome) -> int:
    return sum(each["frames"] for each in outcome.summary.get("cameras", {}).values())


def _ends(settled: list[list[Footprint]], what: str) -> tuple[float, float]:
    """Return the edge's median number over the first and the last quarter of the time."""
    numbers = [sum(getattr(each, what) for each in prints if each.role == "edge") for prints in settled]
    quarter = max(1, len(numbers) // 4)
    return float(np.median(numbers[:quarter])), float(np.median(numbers[-quarter:]))
