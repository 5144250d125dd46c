"""One trial of forgetting: a real edge on a drawn road, searched before its last deadline and after it."""

import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import edge_process
from benchmarks.canaries import FPS
from benchmarks.edge_process import Edge
from benchmarks.encoded import Gallery, Searcher
from benchmarks.feeds import fed, home, settings
from benchmarks.forms import text_patterns
from benchmarks.inputs import Inputs
from benchmarks.leaks import program
from benchmarks.outlasting import search_what_is_left
from benchmarks.picture_forms import (
    Recording,
    decoder_patterns,
    detector_patterns,
    frame_patterns,
    packet_patterns,
    reader_patterns,
    table_patterns,
)
from benchmarks.plants import CONTROL, plant, plants
from benchmarks.roads import Cast, Scene, cast
from benchmarks.scan import Coverage, Pattern, search_process
from benchmarks.sighting import Sightings
from benchmarks.trial import Outcome, Trial
from edge.flow import Pixels

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
        known = _Known(people, Inputs(trial.reading))
        known.learn(scene, recording)
        told = settings(trial.reading, tables, source, window=trial.window_s)
        runs = program(trial.leak) if trial.leak else ("-m", "edge.cli")
        with edge_process.running(box, told, trace=folder / "trace.txt", program=runs) as edge:
            end = time.monotonic() + scene.shown_s + trial.window_s + _SETTLE_S
            sightings = _watch(edge, scene, known, end, outcome)
            searcher = _search_memory(edge, known, sightings, outcome)
            outcome.swapped, outcome.unseen = edge.swapped(), len(edge.shared_files())
            outcome.exit_code = edge.end(signal.SIGTERM)
        search_what_is_left(folder, people, searcher, outcome)
    outcome.exact = len(sightings.texts & {canary.text for canary in people.unlisted})
    outcome.live = sightings.most
    return outcome


@dataclass
class _Known:
    """What is looked for: known from the plates and the recording, and later from the live reads."""

    people: Cast
    inputs: Inputs
    patterns: list[Pattern] = field(default_factory=list)

    def learn(self, scene: Scene, recording: Path) -> None:
        """Make the patterns of every plate's text, and of its picture in each frame that shows it."""
        for canary in self.people.unlisted:
            self.patterns += text_patterns(canary.number, canary.text, canary.groups)
        unlisted = {canary.number for canary in self.people.unlisted}
        stream = Recording(recording)
        last = round(scene.shown_s * FPS)
        for number, places in enumerate(scene.places()):
            if number > last or not stream.step():
                return
            shown = [(canary.number, box) for canary, box in places if canary.number in unlisted]
            if not shown:
                continue
            picture, brightness, packet = stream.now()
            prepared = self.inputs.detector(picture)
            self.patterns += packet_patterns(shown[0][0], packet)
            for canary, box in shown:
                self.patterns += frame_patterns(canary, picture, box)
                self.patterns += decoder_patterns(canary, brightness, box)
                self.patterns += detector_patterns(canary, prepared, box)

    def searcher(self, sightings: Sightings, extra: Iterable[Pattern] = (),
                 crops: Iterable[tuple[int, Pixels]] = ()) -> Searcher:  # fmt: skip
        """Return what looks for all of it, with what the live reads have shown so far."""
        fillers = {canary.text for canary in self.people.fillers}
        listed = {canary.text for canary in self.people.listed}
        numbers = {canary.text: canary.number for canary in self.people.unlisted}
        exact = set(numbers)
        others = sorted(text for text in sightings.texts - exact - fillers - listed if len(text) >= 7)  # noqa: PLR2004 - as canaries
        numbers |= {text: _MISREAD + place for place, text in enumerate(others)}
        patterns: list[Pattern] = []
        pictures: list[tuple[int, Pixels]] = []
        for text in others:
            patterns += text_patterns(numbers[text], text)
        for text, crop in sightings.crops.values():
            if text in exact:
                prepared, table = self.inputs.reader(crop)
                patterns += reader_patterns(numbers[text], prepared)
                patterns += table_patterns(numbers[text], table, "probabilities")
                pictures.append((numbers[text], crop))
        for text, tables in sightings.tables.items():
            if text in exact:
                patterns += table_patterns(numbers[text], tables, "log table")
        return Searcher([*self.patterns, *patterns, *extra], Gallery([*pictures, *crops]))


def role(pid: int) -> str:
    """Return which of the edge's processes this is."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    for word, name in ((b"watchdog", "watchdog"), (b"capture", "capture process")):
        if word in command:
            return name
    return "edge"


def _watch(edge: Edge, scene: Scene, known: _Known, end: float, outcome: Outcome) -> Sightings:
    """Look into the arena until the last deadline is over; search everything while the canaries pass."""
    sightings = Sightings()
    begin, lives = time.monotonic(), outcome.trial.lives
    due = [begin + scene.shown_s * (place + 1) / (lives + 1) for place in range(lives)]
    while time.monotonic() < end:
        sightings.look(edge)
        if due and time.monotonic() >= due[0]:
            del due[0]
            _search_live(edge, known, sightings, outcome)
        time.sleep(_LOOK_S)
    return sightings


def _search_live(edge: Edge, known: _Known, sightings: Sightings, outcome: Outcome) -> None:
    """Search as it is done afterwards, while there is something to find."""
    searcher = known.searcher(sightings)
    for pid in reversed(edge.family()):
        try:
            found = search_process(pid, searcher, Coverage())
        except (FileNotFoundError, ProcessLookupError):
            continue  # a capture process that has just been replaced
        outcome.live_forms.setdefault(role(pid), Counter()).update(each.form for each in found)


def _search_memory(edge: Edge, known: _Known, sightings: Sightings, outcome: Outcome) -> Searcher:
    """Plant the controls of each process in it, then search them all; return the searcher, without controls."""
    family = {pid: role(pid) for pid in edge.family()}
    extra: list[Pattern] = []
    crops: list[tuple[int, Pixels]] = []
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
