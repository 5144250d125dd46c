"""An hour on a road: does the edge's memory stay flat, and under its bound, with 100,000 entries listed?

1. A drawn road is served by a real RTSP server, round and round, at its own pace.
2. The real ``alpr-edge run`` watches it: its own process, its capture processes, its watchdog. The list holds
   100,000 plates, some of which pass in every round; a new version of the list arrives now and then.
3. Every few seconds each process is looked at from outside: memory, descriptors, threads; and the spool.
4. After a warm-up the slope of the memory is taken, minute by minute, with its interval. Memory counts as flat
   when a rise of the bound or more is ruled out; a run too short to rule it out has not shown anything.

`benchmarks.leaks.leaky_edge` is the control: the same edge with a planted leak must not pass.
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

from benchmarks.fixtures.footprint import Footprint, look
from benchmarks.fixtures.looped_road import looped_road
from benchmarks.fixtures.plausible import Plausible
from benchmarks.fixtures.render import RenderSpec
from benchmarks.harness.hotlist_fixture import Reading, found
from benchmarks.harness.runner import Advance
from edge.department.ledger import read_lines
from hotlist.plate import decode

ROOT: Final = Path(__file__).resolve().parents[2]
LISTED_EVERY: Final = 4
ROAD: Final = RenderSpec(seed=11, seconds=60, traffic=18, fps=15)
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
        sample_s: seconds between two looks.
        median_s: seconds whose median is one value of the trend.
    """

    minutes: float
    warm_up: float
    entries: int = 100_000
    lists: int = 1
    road: RenderSpec = ROAD
    reading: Reading = field(default_factory=Reading)
    module: str = "edge.cli"
    sample_s: float = 5.0
    median_s: float = 60.0


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
        hits: how many the edge said, a line each.
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
    hits: int = 0
    rounds: float = 0.0
    early: str = ""

    def medians(
        self, trial: Trial, take: Callable[[list[Footprint]], float]
    ) -> tuple[list[float], list[float]]:
        """Return the middle of each whole stretch (in minutes), and the median of what is taken of its samples."""
        stretches: dict[int, list[float]] = {}
        for seconds, prints in self.samples:
            stretches.setdefault(int(seconds // trial.median_s), []).append(take(prints))
        end = self.samples[-1][0] + trial.sample_s
        whole = [place for place in sorted(stretches) if (place + 1) * trial.median_s <= end]
        middles = [(place + 0.5) * trial.median_s / 60 for place in whole]
        return middles, [float(np.median(stretches[place])) for place in whole]


def total(prints: list[Footprint]) -> float:
    """Return what all processes have made themselves, MiB."""
    return sum(each.own_mib for each in prints)


def edge_own(prints: list[Footprint]) -> float:
    """Return what the edge's own process has made itself, MiB."""
    return sum(each.own_mib for each in prints if each.role == "edge")


def edge_rss(prints: list[Footprint]) -> float:
    """Return the resident memory of the edge's own process, MiB, shared libraries in full."""
    return sum(each.rss_mib for each in prints if each.role == "edge")


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
            regions = {one.plate: one.region for one in passes}
            found(folder, _list(trial.entries, plates, listed), regions, versions=trial.lists)
            with _edge(trial, folder, url) as process:
                _watch(trial, outcome, folder, process, advance)
                if outcome.samples:
                    outcome.rounds = outcome.samples[-1][0] / trial.road.seconds
                process.send_signal(signal.SIGTERM)
                outcome.exit_code = process.wait(timeout=60)
        events = _events(folder / "out.txt")
        outcome.summary = next((each for each in reversed(events) if each["event"] == "summary"), {})
        outcome.hits = sum(each["event"] == "hit" for each in events)
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
        time.sleep(max(0.0, start + now + trial.sample_s - time.monotonic()))


def _handed_out_at(trial: Trial, number: int) -> float:
    """Return the minute at which a later list comes: evenly, the first ones inside the warm-up."""
    return trial.minutes * number / trial.lists


def _events(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text().splitlines() if line.startswith("{")]
