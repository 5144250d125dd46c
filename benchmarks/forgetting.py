"""Does it forget? The real edge reads plates that it must forget, and every place where one could be is searched.

1. A clip is drawn that shows each canary once; every tenth is on the hot list.
2. The real ``alpr-edge run`` reads it, traced: every byte that any of its processes writes is kept.
3. While it reads, its arena is read from outside again and again: the reads, and the very rows of pixels that
   are looked for later, are there (positive control).
4. A second after the last deadline, copies of plates that were never shown are planted into its memory.
5. All readable memory of each of its processes is searched for every canary in every form. The planted copies
   must be found, and nothing else.
6. It is stopped. What it wrote, the files it made, its output and its receipts are searched too. The hits
   must be there as ciphertext only: the department's key opens them.
7. Another run is aborted while it holds live reads: there must be no core dump.
"""

import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks import abort, allocator_cost, crash, edge_process, lateness
from benchmarks import canaries as clip_of
from benchmarks.canaries import (
    Canary,
    crop_patterns,
    detector_patterns,
    pixel_patterns,
    table_patterns,
    text_patterns,
)
from benchmarks.department import Reading, found
from benchmarks.edge_process import Edge
from benchmarks.forgetting_report import report_trial
from benchmarks.inputs import Inputs
from benchmarks.results import Part
from benchmarks.scan import Found, Pattern, Scanner, search_process
from benchmarks.sighting import Sightings
from benchmarks.trace import Written, read_trace
from benchmarks.trial import QUIET_S, Outcome, Trial
from edge.chain import verify
from edge.crop import encode
from edge.hit import EnvelopeError, open_hit
from edge.ledger import read_lines
from hotlist.keys import SealKey, VerifyKey

_ABOUT: Final = (
    "The edge's own command line reads a clip in which each canary plate passes once. A second after the last "
    "deadline all memory of its processes, everything they wrote, and what they left behind is searched for "
    "every canary in every form. Zero is the promise; the controls show that the search finds what is there."
)
LISTED_EVERY: Final = 10
PLANTED: Final = 20
_CONTROL: Final = 10_000_000
"""Numbers of canaries from here on are controls."""
_LOOK_S: Final = 0.5
_SLOTS: Final = 1024
_FEW: Final = 100


def run(
    *,
    plates: int = 1000,
    windows: Sequence[float] = (180, 5, 0),
    seed: int = 1,
    reading: Reading | None = None,
) -> dict[str, Any]:
    """Run a trial a window, an aborted run, kills at random and the purge's lateness; return the part.

    Kills and lateness are measured on as many points, and ten times as many reads, as there are plates.

    Raises:
        PermissionError: another process's memory cannot be read; it takes root.
    """
    reading = reading or Reading()
    part = Part("forgetting", "Forgetting", _ABOUT)
    for window in windows:
        quiet_s = QUIET_S if plates <= _FEW else 3 * QUIET_S
        report_trial(measured(Trial(plates, window, seed, reading, quiet_s)), part)
    abort.report(reading, part)
    crash.report(part, points=plates, seed=seed)
    lateness.report(part, reads=10 * plates)
    allocator_cost.report(part, reading)
    return part.to_json()


def measured(trial: Trial) -> Outcome:
    """Run one trial in a folder that is thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="forgetting-"))
    try:
        return _measured(trial, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(trial: Trial, folder: Path) -> Outcome:
    shown = clip_of.draw_canaries(trial.plates, trial.seed)
    clip_of.film(shown, folder / "road.mp4", quiet_s=trial.window_s + trial.quiet_s, seed=trial.seed)
    listed = shown[::LISTED_EVERY]
    edge_folder = folder / "edge"
    edge_folder.mkdir(mode=0o700)
    found(edge_folder, [canary.text for canary in listed])
    outcome = Outcome(trial, shown=len(shown), listed=len(listed))
    sightings = Sightings()
    models = trial.reading
    settings = {
        "window": trial.window_s,
        "slots": _SLOTS,
        "detector": models.detector,
        "reader": models.reader,
        "folder": f'folder = "{models.folder}"\n' if models.folder else "",
        "clip": str(folder / "road.mp4"),
    }
    inputs = Inputs(models)
    patterns = _picture_patterns(shown, folder / "road.mp4", inputs)
    patterns += [
        pattern
        for canary in shown
        if canary.number % LISTED_EVERY
        for pattern in text_patterns(canary.number, canary.text)
    ]
    with edge_process.running(edge_folder, settings, trace=folder / "trace.txt") as edge:
        _watch(edge, trial, sightings)
        everything = [*patterns, *_patterns(shown, sightings, inputs)]
        _search_memory(edge, everything, outcome)
        outcome.swapped, outcome.unseen = edge.swapped(), len(edge.shared_files())
        outcome.exit_code = edge.end(signal.SIGTERM)
    non_hits = {canary.text for canary in shown} - {canary.text for canary in listed}
    outcome.exact = len(sightings.texts & non_hits)
    outcome.live = sightings.most
    scanner = Scanner(everything)
    for held in sightings.contents():
        _count(scanner.search(held), outcome.live_forms)
    _search_written(read_trace(folder / "trace.txt"), scanner, edge_folder, outcome)
    _search_files(edge_folder, scanner, outcome)
    _open_hits(edge_folder, outcome)
    return outcome


def _watch(edge: Edge, trial: Trial, sightings: Sightings) -> None:
    """Look into the arena while the edge reads, until a second after the last deadline."""
    end = time.monotonic() + clip_of.seconds_of_traffic(trial.plates) + trial.window_s + 4
    quiet = 0
    while time.monotonic() < end or (quiet < 3 and time.monotonic() < end + trial.quiet_s / 3):
        quiet = quiet + 1 if sightings.look(edge) == 0 else 0
        time.sleep(_LOOK_S)
    time.sleep(1)


def _patterns(shown: Sequence[Canary], sightings: Sightings, inputs: Inputs) -> list[Pattern]:
    """Return what is known only from the running edge: plates as it misread them, their crops and tables."""
    numbers = {canary.text: canary.number for canary in shown}
    listed = {canary.text for canary in shown[::LISTED_EVERY]}
    others = sorted(text for text in sightings.texts if text not in numbers and len(text) >= 7)
    numbers |= {text: len(shown) + place for place, text in enumerate(others)}
    patterns = [
        pattern
        for text, number in numbers.items()
        if number >= len(shown)
        for pattern in text_patterns(number, text)
    ]
    for text, crop in sightings.crops.values():
        if text in numbers and text not in listed:
            patterns += crop_patterns(numbers[text], encode(crop), inputs.reader(crop))
    for text, tables in sightings.tables.items():
        if text in numbers and text not in listed:
            patterns += table_patterns(numbers[text], tables)
    return patterns


def _picture_patterns(shown: Sequence[Canary], clip: Path, inputs: Inputs) -> list[Pattern]:
    """Return rows of every plate's picture, as the decoder gives them, and as the detector gets them."""
    capture = cv2.VideoCapture(str(clip))
    patterns: list[Pattern] = []
    try:
        for number, places in clip_of.places(shown):
            capture.grab()
            if places:
                frame = np.asarray(capture.retrieve()[1], np.uint8)
                prepared = inputs.detector(frame)
                for canary, box in places:
                    if canary.number % LISTED_EVERY:
                        patterns += pixel_patterns(canary.number, frame, box)
                        patterns += detector_patterns(canary.number, prepared, box)
            if number >= clip_of.seconds_of_traffic(len(shown)) * clip_of.FPS:
                break
    finally:
        capture.release()
    return patterns


def _search_memory(edge: Edge, patterns: Sequence[Pattern], outcome: Outcome) -> None:
    """Plant the controls, then search every process; what is found is told apart by its number."""
    controls = _controls(outcome.trial.seed)
    scanner = Scanner([*patterns, *controls])
    outcome.patterns, outcome.forms = len(patterns), tuple(sorted({pattern.form for pattern in patterns}))
    _plant(edge, controls)
    outcome.planted = len({(control.canary, control.form) for control in controls})
    planted_found: set[tuple[int, str]] = set()
    still_known: set[int] = set()
    for pid in edge.family():
        for each in search_process(pid, scanner, outcome.coverage):
            if each.canary >= _CONTROL:
                planted_found.add((each.canary, each.form))
            else:
                outcome.memory[each.form] += 1
                outcome.places[f"{_role(pid)}: {each.place}"] += 1
                still_known.add(each.canary)
    outcome.planted_found, outcome.still_known = len(planted_found), len(still_known)


def _controls(seed: int) -> list[Pattern]:
    """Return every form of plates that were never shown."""
    patterns: list[Pattern] = []
    rng = np.random.default_rng(seed + 1)
    for canary in clip_of.draw_canaries(PLANTED, seed + 1_000_003):
        number = _CONTROL + canary.number
        patterns += text_patterns(number, canary.text)
        picture = rng.integers(0, 255, (40, 160, 3), np.uint8)
        tensor = (picture[:, :, 1] / 255).astype(np.float32)
        patterns += pixel_patterns(number, picture, (0, 0, 160, 40))
        patterns += detector_patterns(number, (picture, tensor, 1.0), (0, 0, 160, 40))
        patterns += crop_patterns(number, encode(picture), picture)
        patterns += table_patterns(number, rng.random((1, 37), np.float32))
    return patterns


def _plant(edge: Edge, controls: Sequence[Pattern]) -> None:
    """Write the controls into the edge's own memory, into slots of its arena that are free."""
    region = edge.arena()
    if region is None:
        raise ProcessLookupError("the edge's arena is not there any more")
    content = b"\0".join(pattern.content for pattern in controls)
    memory = os.open(f"/proc/{edge.pid}/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        os.pwrite(memory, content, region.end - len(content) - 4096)
    finally:
        os.close(memory)


def _role(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    for word, role in ((b"watchdog", "watchdog"), (b"capture", "capture process")):
        if word in command:
            return role
    return "edge"


def _search_written(written: Written, scanner: Scanner, folder: Path, outcome: Outcome) -> None:
    """Search all that was written, and see that the record shows each sealed hit, so that it is a record."""
    outcome.bytes_written = sum(len(data) for data in written.data)
    for data in written.data:
        _count(scanner.search(data), outcome.written)
    outcome.unseen += sum(written.unseen.values())
    outcome.connections = len(written.connected)
    allowed = tuple(str(folder / name) for name in ("spool", "state", "trust"))
    outcome.strange_files = sum(
        not (name.startswith(allowed) or name in {"/dev/null", "/dev/tty"}) for name in written.made
    )
    all_data = set(written.data)
    outcome.hits_traced = sum(path.read_bytes() in all_data for path in (folder / "spool").glob("*.hit"))


def _search_files(folder: Path, scanner: Scanner, outcome: Outcome) -> None:
    """Search every file that is left: spool, state, output, log."""
    for path in folder.rglob("*"):
        if path.is_file():
            _count(scanner.search(path.read_bytes()), outcome.files)
    key = VerifyKey.load(folder / "signing.pub")
    verdict = verify(read_lines(folder / "state"), key)
    outcome.receipts_hold = verdict.holds and verdict.receipts > 0


def _open_hits(folder: Path, outcome: Outcome) -> None:
    """Open the spool with the department's key: what no scan could find is there, for it alone."""
    key, device = SealKey.load(folder / "department.key"), VerifyKey.load(folder / "signing.pub")
    for path in (folder / "spool").glob("*.hit"):
        try:
            open_hit(path.read_bytes(), department=key, device_key=device)
        except EnvelopeError:
            continue
        outcome.hits_opened += 1


def _count(occurrences: "Sequence[Found] | Any", into: Counter[str]) -> None:  # noqa: ANN401 - an iterator
    for each in occurrences:
        into[each.form] += 1
