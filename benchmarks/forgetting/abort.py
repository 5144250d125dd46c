"""An edge that is aborted while it holds live reads leaves no core dump."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.fixtures import edge_process
from benchmarks.fixtures.feeds import Feed, fed, home, settings
from benchmarks.fixtures.roads import Road, Scene, cast
from benchmarks.forgetting.arena_probe import Sightings
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.results import Part

_LOOK_S: Final = 0.5


def report(reading: Reading, part: Part) -> None:
    """Add an aborted run to the part."""
    dumped, comparable = core_dumped(reading)
    part.check(
        "an aborted run leaves no core dump",
        passed=not dumped,
        detail="the same machine dumps an unprotected process"
        if comparable
        else "this machine dumps none at all",
    )


def core_dumped(reading: Reading) -> tuple[bool, bool]:
    """Abort an edge that holds live reads: whether it left a core, and whether this machine would."""
    folder = Path(tempfile.mkdtemp(prefix="forgetting-"))
    try:
        scene = Scene(Road.SHEETS, cast(12, 5), 5, 65)
        edge_folder, control = folder / "edge", folder / "control"
        control.mkdir(mode=0o700)
        with (
            fed(Feed.FILE, scene, folder) as (source, _),
            home(edge_folder, [], linked=False) as tables,
            edge_process.running(edge_folder, settings(reading, tables, source, slots=64)) as edge,
        ):
            sightings = Sightings()
            patience = time.monotonic() + 30
            while sightings.look(edge) == 0 and time.monotonic() < patience:
                time.sleep(_LOOK_S)
            edge.end(signal.SIGABRT)
        abort = "import os, resource as r; h = r.getrlimit(4)[1]; r.setrlimit(4, (h, h)); os.abort()"
        subprocess.run([sys.executable, "-c", abort], cwd=control, check=False, capture_output=True)  # noqa: S603
        return bool(_cores(edge_folder)), bool(_cores(control))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _cores(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*core*") if path.is_file()]
