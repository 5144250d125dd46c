"""A department's real service for the load: two workers, PostgreSQL that waits for the disk, units, a list."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from api.core.service import open_service
from api.core.settings import load_settings
from benchmarks.fixtures.postgres import Cluster
from benchmarks.fixtures.service_fixture import Office, put_in_force, start_office
from benchmarks.harness.memory_scan import descendants
from benchmarks.harness.runner import BenchError
from benchmarks.load.load_units import REGION, Fleet, enrol_all, numbers

WORKERS: Final = 2
_TICK: Final = os.sysconf("SC_CLK_TCK")
_START_S: Final = 60
_SETTINGS: Final = """\
workers = {workers}
database_url = "{main}"
keys_url = "{keys}"

[limits]
device_per_minute = 10000000
sign_in_per_minute = 10000
unit_records_per_minute = 100000
"""
"""A unit has an address of its own; here all come from a few of loopback, so the limits by address are lifted."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The running service, its settings' file, its units, and where its processes are."""

    office: Office
    config: Path
    fleet: Fleet
    cluster: Cluster

    def spent(self) -> tuple[float, float]:
        """Return the processor seconds so far of the service's processes and of PostgreSQL's."""
        return _seconds(self.office.process.pid), _seconds(self.cluster.pid)

    def memory(self) -> float:
        """Return the proportional set size of the service's processes, MiB."""
        return sum(_pss(pid) for pid in descendants(self.office.process.pid)) / 1024


@contextmanager
def loaded(units: int, entries: int, seed: int) -> Iterator[Loaded]:
    """Run the service with so many enrolled units and a published list of so many entries.

    Raises:
        BenchError: it did not start.
    """
    cluster = Cluster(durable=True)
    try:
        with tempfile.TemporaryDirectory(prefix="alpr-bench-load-") as name:
            state, config = Path(name, "state"), Path(name, "service.toml")
            main, keys = cluster.database(), cluster.database()
            config.write_text(_SETTINGS.format(workers=WORKERS, main=main, keys=keys))
            with start_office(state, "--config", str(config)) as office:
                _wait(office.url)
                yield Loaded(office, config, _fleet(config, state, units, entries, seed), cluster)
    finally:
        cluster.stop()


def _fleet(config: Path, state: Path, units: int, entries: int, seed: int) -> Fleet:
    """Enrol the units and publish the list, in the running service's database."""
    service = open_service(load_settings(config, state=state))
    try:
        plates = numbers(entries, seed)
        listed = put_in_force(service, plates, dict.fromkeys(plates, REGION))
        department = service.secrets.department.public
        return Fleet(enrol_all(service, units), listed, department, seed)
    finally:
        service.close()


def _wait(url: str) -> None:
    """Wait until a worker answers.

    Raises:
        BenchError: none does.
    """
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise BenchError("the service did not answer in a minute")


def _seconds(root: int) -> float:
    """Return the processor seconds of a process, all that it started, and those of them that have ended."""
    total = 0
    for pid in descendants(root):
        try:
            parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(part) for part in parts[11:15])
    return total / _TICK


def _pss(pid: int) -> int:
    """Return one process's proportional set size, KiB; 0 where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
