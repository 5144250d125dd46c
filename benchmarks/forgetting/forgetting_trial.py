"""One trial of forgetting: a real edge on a drawn road, searched before its last deadline and after it."""

import contextlib
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Final

from benchmarks.fixtures import edge_process
from benchmarks.fixtures.edge_process import Edge, role
from benchmarks.fixtures.feeds import Feed, fed, home, settings
from benchmarks.fixtures.inputs import Inputs
from benchmarks.fixtures.roads import Scene, cast
from benchmarks.forgetting.arena_probe import Sightings
from benchmarks.forgetting.known import Known
from benchmarks.forgetting.outlasting import search_what_is_left
from benchmarks.forgetting.trial import ROLES, Outcome, Trial
from benchmarks.harness.memory_scan import Coverage, Found, Pattern, search_process
from benchmarks.harness.runner import BenchError
from benchmarks.leaks.builds import program
from benchmarks.patterns.encoded import Searcher
from benchmarks.patterns.plants import CONTROL, plant, plants
from edge.department.ledger import read_lines
from edge.flow import Pixels

Planted = tuple[list[Pattern], list[tuple[int, Pixels]]]
PLANTED: Final = 2
_SEARCH_S: Final = 600.0
"""The longest search for a process of one kind that lives to the end of its search."""
_LOOK_S: Final = 0.5
_PATIENCE_S: Final = 120.0
"""The longest wait for a start, on a busy machine."""
_SETTLE_S: Final = 6.0
"""A scrub comes this long after the last read, at most."""


def measured(trial: Trial) -> Outcome:
    """Run one trial in a folder that is thrown away.

    Raises:
        PermissionError: another process's memory cannot be read; it takes root.
        BenchError: a camera or a department's service could not be started.
    """
    folder = Path(tempfile.mkdtemp(prefix="forgetting-"))
    try:
        return _measured(trial, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(trial: Trial, folder: Path) -> Outcome:
    people = cast(trial.plates, trial.seed)
    scene = Scene(trial.road, people, trial.seed, 0)
    scene = replace(scene, seconds=scene.shown_s + trial.kept_s + trial.quiet_s)
    outcome = Outcome(trial, shown=len(people.canaries), listed=len(people.listed))
    box = folder / "edge"
    listed = [canary.text for canary in people.listed]
    with (
        fed(trial.feed, scene, folder) as (source, recording),
        home(box, listed, linked=trial.linked) as tables,
    ):
        known = Known(people, Inputs(trial.reading))
        # A clip lies on a disk with all its packets: that the reading of it holds some tells nothing.
        known.learn(scene, recording, packets=trial.feed is Feed.CAMERA)
        told = settings(trial.reading, tables, source, window=trial.window_s)
        runs = program(trial.leak) if trial.leak else ("-m", "edge.cli")
        with edge_process.running(box, told, trace=folder / "trace.txt", program=runs) as edge:
            sightings = Sightings()
            begun = _watch(edge, sightings, lambda: any(read_lines(box / "state")), _PATIENCE_S)
            _watch(edge, sightings, lambda: False, scene.shown_s + trial.kept_s + _SETTLE_S)
            if not begun:
                raise BenchError("the edge did not begin to read")
            searcher = _search_memory(edge, known, sightings, outcome)
            outcome.swapped, outcome.unseen = edge.swapped(), len(edge.shared_files())
            outcome.exit_code = edge.end(signal.SIGTERM)
        search_what_is_left(folder, people, searcher, outcome)
        for held in sightings.contents():
            outcome.live_forms.update(each.form for each in searcher.search(held))
    outcome.exact = len(sightings.texts & {canary.text for canary in people.unlisted})
    outcome.live = sightings.most
    return outcome


def _watch(edge: Edge, sightings: Sightings, over: Callable[[], bool], seconds: float) -> bool:
    """Look into the arena until something is over, or for so long; return whether it is over."""
    end = time.monotonic() + seconds
    while not (done := over()) and time.monotonic() < end:
        sightings.look(edge)
        time.sleep(_LOOK_S)
    return done


def _search_memory(edge: Edge, known: Known, sightings: Sightings, outcome: Outcome) -> Searcher:
    """Plant the controls of each process in it, and search it; return the searcher, without controls."""
    controls = {name: plants(name, PLANTED, outcome.trial.seed) for name in ROLES}
    searcher = known.searcher(
        sightings,
        chain.from_iterable(theirs for theirs, _ in controls.values()),
        chain.from_iterable(crops for _, crops in controls.values()),
    )
    outcome.patterns = len(known.patterns)
    outcome.forms = tuple(sorted({pattern.form for pattern in searcher.patterns}))
    still_known: set[int] = set()
    for name, (theirs, crops) in controls.items():
        outcome.planted[name] = len({(each.canary, each.form) for each in theirs}) + len(crops)
        planted: set[tuple[int, str]] = set()
        for each in _found_in(edge, name, controls[name], searcher, outcome.coverage):
            if each.canary >= CONTROL:
                planted.add((each.canary, each.form))
                continue
            outcome.memory[each.form] += 1
            outcome.places[f"{name}: {each.form}: {each.place}"] += 1
            still_known.add(each.canary)
        outcome.planted_found[name] = len(planted)
    outcome.still_known = len(still_known)
    return known.searcher(sightings)


def _found_in(
    edge: Edge, name: str, controls: Planted, searcher: Searcher, coverage: Coverage
) -> list[Found]:
    """Return what is found in the processes of one kind, each with the controls planted in it.

    A capture process may be replaced meanwhile: its memory is gone then, and its successor's is searched.

    Raises:
        BenchError: none of this kind lived long enough, or the edge ended.
    """
    end = time.monotonic() + _SEARCH_S
    while time.monotonic() < end and edge.process.poll() is None:
        found = []
        for pid in edge.family():
            if role(pid) == name:
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    plant(pid, *controls)
                    found += search_process(pid, searcher, coverage)
        if found:
            return found
    if edge.process.poll() is not None:
        raise BenchError(
            f"the edge ended before its {name} was searched: its road was too short for the search"
        )
    raise BenchError(f"no {name} of the edge lived to the end of its search within {_SEARCH_S:g} s")
