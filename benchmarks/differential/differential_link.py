"""A box with a department's real service, for the differential trial: each run finds it in the same state."""

import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.differential.differential_road import Road
from benchmarks.differential.differential_run import Station, configure, listed
from benchmarks.differential.outflow_rules import Keys
from benchmarks.fixtures.feeds import home
from benchmarks.harness.environment import ROOT
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.runner import BenchError
from hitonly_core.keys import SealKey, SigningKey

_START_S: Final = 60.0


@contextmanager
def linked(folder: Path, road: Road, *, window_s: float, reading: Reading) -> Iterator[Station]:
    """Enrol a box with a service and publish a list of the road's listed vehicles; the box runs at its clip's pace.

    Raises:
        BenchError: the service does not start.
    """
    state, box = folder / "office", folder / "box"
    with home(box, listed(road), linked=True) as tables:
        configure(box, tables, window_s=window_s, reading=reading, realtime=True)
    keys = Keys(SigningKey.load(box / "keys" / "signing.key"), SealKey.load(state / "department.key"))
    state.rename(folder / "office-before")
    box.rename(folder / "before")
    address = urlsplit(tomllib.loads(tables)["department"]["url"])
    service = partial(_service, folder, address.hostname or "", address.port or 0)
    yield Station(folder, folder / "before", keys, service=service, department=address.netloc)


@contextmanager
def _service(folder: Path, host: str, port: int) -> Iterator[None]:
    """Run the service as it was before the first run, at the same address, while the block runs."""
    state = folder / "office"
    shutil.rmtree(state, ignore_errors=True)
    shutil.copytree(folder / "office-before", state, symlinks=True)
    command = [sys.executable, "-m", "api.cli", "serve", "--state", str(state), "--port", str(port)]
    with (
        (folder / "office.log").open("w") as log,
        subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process,  # noqa: S603 - our own
    ):
        try:
            _wait(host, port)
            yield
        finally:
            process.terminate()


def _wait(host: str, port: int) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise BenchError(f"the department's service does not answer at {host}:{port}")
