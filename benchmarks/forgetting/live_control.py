"""The control of the search: a box is frozen while plates are in view, and every form must be found in it.

What no part of the edge ever makes is held by a leaky build (`benchmarks.leaks.held`), in the same processes
and the same kinds of memory. The frozen box is killed: it is too late for it to go on.
"""

import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.fixtures import edge_process
from benchmarks.fixtures.edge_process import Edge, role
from benchmarks.fixtures.feeds import Feed, fed, home, settings
from benchmarks.fixtures.inputs import Inputs
from benchmarks.fixtures.roads import Road, Scene, cast
from benchmarks.forgetting.arena_probe import Sightings
from benchmarks.forgetting.known import Known
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.memory_scan import Coverage, search_process
from benchmarks.leaks.builds import program
from benchmarks.patterns.encoded import ENCODED
from benchmarks.patterns.picture_forms import DECODERS_Y, PACKETS

PLATES: Final = 24
CAPTURED: Final = frozenset({"pixels, BGR", DECODERS_Y, PACKETS})
"""Forms that the capture process itself makes; the edge makes or could make all but the last two."""
ONLY_CAPTURED: Final = frozenset({DECODERS_Y, PACKETS})
_READS: Final = 8
_LOOK_S: Final = 0.1
_PATIENCE_S: Final = 60.0

Seen = dict[str, Counter[str]]
"""For each kind of process, how often each form was found in it."""


def sighted(reading: Reading, feed: Feed, leak: str, seed: int) -> Seen:
    """Freeze a box in the middle of traffic and return what the search finds in each of its processes.

    Raises:
        PermissionError: another process's memory cannot be read; it takes root.
    """
    folder = Path(tempfile.mkdtemp(prefix="forgetting-"))
    try:
        return _sighted(reading, feed, leak, seed, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def blind(seen: Seen, forms: frozenset[str]) -> list[str]:
    """Return every form that was not seen in a process in which it can occur: a gate that is blind for it.

    Args:
        seen: what all sightings together found.
        forms: all that are looked for in memory.
    """
    wanted = {"edge": (forms | {ENCODED}) - ONLY_CAPTURED, "capture process": CAPTURED}
    return [
        f"{process}: {form}"
        for process, theirs in wanted.items()
        for form in sorted(theirs)
        if not seen.get(process, Counter())[form]
    ]


def _sighted(reading: Reading, feed: Feed, leak: str, seed: int, folder: Path) -> Seen:
    people = cast(PLATES, seed)
    scene = Scene(Road.NEVER_QUIET, people, seed, 0)
    scene = replace(scene, seconds=scene.shown_s)
    known = Known(people, Inputs(reading))
    seen: Seen = {}
    with (
        fed(feed, scene, folder) as (source, recording),
        home(folder / "edge", [canary.text for canary in people.listed], linked=False) as tables,
    ):
        known.learn(scene, recording)
        runs = program(leak) if leak else ("-m", "edge.cli")
        with edge_process.running(folder / "edge", settings(reading, tables, source), program=runs) as edge:
            sightings = Sightings()
            patience = time.monotonic() + _PATIENCE_S
            while sightings.look(edge) < _READS and time.monotonic() < patience:
                time.sleep(_LOOK_S)
            _freeze(edge)
            sightings.look(edge)
            searcher = known.searcher(sightings)
            for pid in edge.family():
                found = search_process(pid, searcher, Coverage())
                seen.setdefault(role(pid), Counter()).update(each.form for each in found)
    return seen


def _freeze(edge: Edge) -> None:
    """Stop every process, the watchdog first."""
    for pid in sorted(edge.family(), key=lambda pid: role(pid) != "watchdog"):
        os.kill(pid, signal.SIGSTOP)
