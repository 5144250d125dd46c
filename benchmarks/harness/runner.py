"""Starts measured runs, each in a process of its own, and hands back what they took."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness.environment import ROOT
from benchmarks.harness.hotlist_fixture import Reading, found
from benchmarks.speed.worker import PLAIN, Job
from edge.hardening.environment import cleaned
from edge.hardening.renewal import ENVIRONMENT
from hitonly_core.keys import SealKey, VerifyKey
from protocol.hit import open_hit

Advance = Callable[[str], None]
"""Told in a few words what is being done, for a progress bar."""


class BenchError(Exception):
    """A measurement could not be made; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A video to measure on.

    Attributes:
        name: short, for tables.
        path: the file.
        seconds: its length.
        plates: which plates pass, where that is known; they are put on the hot list.
        share: of its frames in which a plate is legible, where that is known.
    """

    name: str
    path: Path
    seconds: float
    plates: tuple[str, ...] = field(default=(), repr=False)
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """What every part works with.

    Attributes:
        reading: the models.
        seed: of everything drawn.
        short: shorter clips and one run each, as every test run makes.
        advance: told what is being done.
    """

    reading: Reading
    seed: int = 1
    short: bool = False
    advance: Advance = lambda _doing: None

    @property
    def repeats(self) -> int:
        """How often a timed run is made."""
        return 1 if self.short else 3


@dataclass(slots=True)
class Department:
    """The folder of one benchmark's department; its spool is emptied before each run."""

    folder: Path

    def run(self, kind: str, clip: Clip, reading: Reading, *, realtime: bool = False) -> dict[str, Any]:
        """Make one measured run and return it, with the listed plates that were hit under ``hit``.

        Raises:
            BenchError: the run failed.
        """
        shutil.rmtree(self.folder / "spool", ignore_errors=True)
        job = Job(kind, str(clip.path), str(self.folder), _plain(reading), realtime)
        measured = _run(job)
        measured["hit"] = [] if kind in PLAIN else self._hits()
        return measured

    def _hits(self) -> list[str]:
        """Open the spool with the department's key: the listed plate of each hit."""
        key = SealKey.load(self.folder / "department.key")
        device = VerifyKey.load(self.folder / "signing.pub")
        paths = sorted((self.folder / "spool").glob("*.hit"))
        opened = [open_hit(path.read_bytes(), department=key, device_key=device) for path in paths]
        return [hit.matches[0].entry.plate for hit in opened]


@contextmanager
def department(plates: Sequence[str]) -> Iterator[Department]:
    """Found a department with some plates on its list; it is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="alpr-bench-") as name:
        found(Path(name), plates)
        yield Department(Path(name))


def _run(job: Job) -> dict[str, Any]:
    """Start a worker and wait for what it measured; ours in the environment that ``alpr-edge run`` gives itself."""
    environment = dict(os.environ) if job.kind in PLAIN else cleaned(os.environ, ENVIRONMENT)
    command = [sys.executable, "-m", "benchmarks.speed.worker"]
    answer = subprocess.run(  # noqa: S603 - this interpreter, our module
        command,
        cwd=ROOT,
        env=environment,
        input=json.dumps(asdict(job)),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = answer.stdout.splitlines()
    last = json.loads(lines[-1]) if lines else {}
    if answer.returncode or "measured" not in last:
        why = answer.stderr.strip().splitlines()[-1:] or [f"exit code {answer.returncode}"]
        raise BenchError(f"the {job.kind} run over {Path(job.clip).name} failed: {why[0]}")
    measured: dict[str, Any] = last["measured"]
    return measured


def _plain(reading: Reading) -> dict[str, Any]:
    return asdict(reading) | {"folder": str(reading.folder) if reading.folder else None}
