"""One run of the real box with everything that leaves it on record."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.differential.differential_road import Road, film, is_listed
from benchmarks.differential.outflow import Outflow, changed_since, files_in
from benchmarks.differential.outflow_rules import Keys
from benchmarks.differential.outflow_trace import read_outflow, tracer
from benchmarks.fixtures.edge_process import CONFIG
from benchmarks.fixtures.feeds import home, settings
from benchmarks.harness.environment import ROOT
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.runner import BenchError
from hitonly_core.keys import SealKey, SigningKey

CLIP: Final = "road.avi"
_LISTS: Final = ("hotlist.sealed", "lists/hotlist.sealed")
"""Where a box is given its first list; one that it fetches is replaced like any other."""
_PATIENCE_S: Final = 300


@dataclass(slots=True)
class Station:
    """A box in its folder, as it was before its first run; every run begins from there, at the same path.

    Attributes:
        folder: where the runs are made; the box itself is in ``box`` there.
        before: the folder that each run begins with.
        keys: the device's and the department's.
        root: the code that runs; another one than ours holds a leak planted on purpose.
        service: keeps the department's service running while the block runs.
        department: its address and port; empty where there is none.
    """

    folder: Path
    before: Path
    keys: Keys = field(repr=False)
    root: Path = ROOT
    service: Callable[[], AbstractContextManager[None]] = nullcontext
    department: str = ""

    @property
    def box(self) -> Path:
        """Where the box is during a run: the same path in every run."""
        return self.folder / "box"

    def show(self, road: Road) -> None:
        """Put a road's clip before the box's camera; each is drawn once."""
        clip = self.folder / f"{road.digest}.avi"
        if not clip.exists():
            film(road, clip)
        shutil.copyfile(clip, self.box / CLIP)


@contextmanager
def alone(folder: Path, road: Road, *, window_s: float, reading: Reading) -> Iterator[Station]:
    """Make a box without a department's service, whose list holds the road's listed vehicles."""
    before = folder / "before"
    with home(before, listed(road), linked=False) as tables:
        configure(before, tables, window_s=window_s, reading=reading, realtime=False)
        department = SealKey.load(before / "department.key")
        (before / "department.key").unlink()
        yield Station(folder, before, Keys(SigningKey.load(before / "signing.key"), department))


def listed(road: Road) -> list[str]:
    """Return the plates of a road that are on the hot list."""
    return [canary.text for canary in road.vehicles if is_listed(canary)]


def configure(before: Path, tables: str, *, window_s: float, reading: Reading, realtime: bool) -> None:
    """Write a box's configuration: its department's tables, and one clip as its camera."""
    source = f'{{ kind = "file", path = "{CLIP}", realtime = {str(realtime).lower()} }}'
    (before / "edge.toml").write_text(CONFIG.format(**settings(reading, tables, source, window=window_s)))


def run_once(station: Station, road: Road) -> Outflow:
    """Run ``alpr-edge run`` over a road, as installed, from the station's beginning; return what left it.

    Raises:
        BenchError: it did not end, or there is no record.
    """
    shutil.rmtree(station.box, ignore_errors=True)
    shutil.copytree(station.before, station.box, symlinks=True)
    station.show(road)
    given = files_in(station.box)
    record = station.folder / "record.txt"
    with station.service():
        exit_code = _run(station, record)
    if not record.is_file():
        raise BenchError("strace wrote no record")
    outflow = read_outflow(record)
    record.unlink()
    outflow.exit_code = exit_code
    if station.department:
        outflow.received += b"".join(file.content for name, file in given.items() if name in _LISTS)
    outflow.left = changed_since(given, station.box)
    return outflow


def _run(station: Station, record: Path) -> int:
    command = [
        *tracer(record), sys.executable, "-m", "edge.cli", "run", "--config", "edge.toml", "--json",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(station.root), "PYTHONDONTWRITEBYTECODE": "1"}
    with (station.box / "out.txt").open("wb") as out, (station.box / "err.txt").open("wb") as err:
        try:
            return subprocess.run(  # noqa: S603 - our own program
                command, cwd=station.box, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                check=False, timeout=_PATIENCE_S,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            raise BenchError(f"the box did not end within {_PATIENCE_S} s") from None
