"""One trial of forgetting: a real edge on a drawn road, searched before its last deadline and after it."""

import shutil
import signal
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.fixtures import edge_process
from benchmarks.fixtures.edge_process import Edge, role
from benchmarks.fixtures.feeds import fed, home, settings
from benchmarks.fixtures.inputs import Inputs
from benchmarks.fixtures.roads import Scene, cast
from benchmarks.forgetting.arena_probe import Sightings
from benchmarks.forgetting.known import Known
from benchmarks.forgetting.outlasting import search_what_is_left
from benchmarks.forgetting.trial import Outcome, Trial
from benchmarks.harness.memory_scan import Pattern, search_process
from benchmarks.leaks.builds import program
from benchmarks.patterns.encoded import Searcher
from benchmarks.patterns.plants import CONTROL, plant, plants

PLANTED: Final = 2
_MISREAD: Final = 5_000_000
"""Numbers from here on are of plates as they were misread."""
_LOOK_S: Final = 0.5
_SETTLE_S: Final = 6.0
"""A start takes this long at most until the first frame, and a scrub comes this long after the last read."""


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
    scene = replace(scene, seconds=scene.shown_s + trial.window_s + trial.quiet_s)
    outcome = Outcome(trial, shown=len(people.canaries), listed=len(people.listed))
    box = folder / "edge"
    listed = [canary.text for canary in people.listed]
    with (
        fed(trial.feed, scene, folder) as (source, recording),
        home(box, listed, linked=trial.linked) as tables,
    ):
        known = Known(people, Inputs(trial.reading))
        known.learn(scene, recording)
        told = settings(trial.reading, tables, source, window=trial.window_s)
        runs = program(trial.leak) if trial.leak else ("-m", "edge.cli")
        with edge_process.running(box, told, trace=folder / "trace.txt", program=runs) as edge:
            end = time.monotonic() + scene.shown_s + trial.window_s + _SETTLE_S
            sightings = _watch(edge, end)
            searcher = _search_memory(edge, known, sightings, outcome)
            outcome.swapped, outcome.unseen = edge.swapped(), len(edge.shared_files())
            outcome.exit_code = edge.end(signal.SIGTERM)
        search_what_is_left(folder, people, searcher, outcome)
        for held in sightings.contents():
            outcome.live_forms.update(each.form for each in searcher.search(held))
    outcome.exact = len(sightings.texts & {canary.text for canary in people.unlisted})
    outcome.live = sightings.most
    return outcome


def _watch(edge: Edge, end: float) -> Sightings:
    """Look into the arena until the last deadline is over."""
    sightings = Sightings()
    while time.monotonic() < end:
        sightings.look(edge)
        time.sleep(_LOOK_S)
    return sightings


def _search_memory(edge: Edge, known: Known, sightings: Sightings, outcome: Outcome) -> Searcher:
    """Plant the controls of each process in it, then search them all; return the searcher, without controls."""
    family = {pid: role(pid) for pid in edge.family()}
    extra: list[Pattern] = []
    crops = []
    for pid, name in family.items():
        theirs, pictures = plants(name, PLANTED, outcome.trial.seed)
        plant(pid, theirs, pictures)
        extra += theirs
        crops += pictures
        outcome.planted[name] = len({(each.canary, each.form) for each in theirs}) + len(pictures)
    searcher = known.searcher(sightings, extra, crops)
    outcome.patterns = len(known.patterns)
    outcome.forms = tuple(sorted({pattern.form for pattern in searcher.patterns}))
    still_known: set[int] = set()
    for pid, name in family.items():
        planted: set[tuple[int, str]] = set()
        for each in search_process(pid, searcher, outcome.coverage):
            if each.canary >= CONTROL:
                planted.add((each.canary, each.form))
                continue
            outcome.memory[each.form] += 1
            outcome.places[f"{name}: {each.form}: {each.place}"] += 1
            still_known.add(each.canary)
        outcome.planted_found[name] = outcome.planted_found.get(name, 0) + len(planted)
    outcome.still_known = len(still_known)
    return known.searcher(sightings)
