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
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks import allocator_cost, crash, edge_process, lateness
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
from benchmarks.inputs import Inputs
from benchmarks.results import Better, Part
from benchmarks.scan import Coverage, Found, Pattern, Scanner, search_process
from benchmarks.sighting import Sightings
from benchmarks.stats import Estimate
from benchmarks.trace import Written, read_trace
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


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the edge.

    Attributes:
        plates: canaries in the clip.
        window_s: the retention window.
        seed: decides plates and picture.
        reading: the models.
        quiet_s: how long the empty road lasts beyond the window: time to search.
    """

    plates: int = 1000
    window_s: float = 180.0
    seed: int = 1
    reading: Reading = field(default_factory=Reading)
    quiet_s: float = 420.0


@dataclass(slots=True)
class Outcome:
    """What one trial found; counts only."""

    trial: Trial
    shown: int = 0
    listed: int = 0
    exact: int = 0
    live: int = 0
    live_forms: Counter[str] = field(default_factory=Counter)
    forms: tuple[str, ...] = ()
    patterns: int = 0
    memory: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    still_known: int = 0
    planted: int = 0
    planted_found: int = 0
    written: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    coverage: Coverage = field(default_factory=Coverage)
    bytes_written: int = 0
    hits_opened: int = 0
    hits_traced: int = 0
    unseen: int = 0
    strange_files: int = 0
    connections: int = 0
    swapped: int = 0
    exit_code: int = -1
    receipts_hold: bool = False

    @property
    def forgotten(self) -> bool:
        """Whether nothing was found anywhere, and every control worked."""
        nothing = not self.memory and not self.written and not self.files and not self.unseen
        controls = self.planted_found == self.planted > 0 and self.hits_traced == self.hits_opened > 0
        seen = self.live_forms.total() > 0 and (self.live > 0 or self.trial.window_s == 0)
        return nothing and controls and seen and not self.strange_files and not self.swapped


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
        report_trial(measured(Trial(plates, window, seed, reading)), part)
    report_abort(reading, part)
    crash.report(part, points=plates, seed=seed)
    lateness.report(part, reads=10 * plates)
    allocator_cost.report(part, reading)
    return part.to_json()


def report_abort(reading: Reading, part: Part) -> None:
    """Add an aborted run to the part."""
    dumped, comparable = core_dumped(reading)
    part.check(
        "an aborted run leaves no core dump",
        passed=not dumped,
        detail="the same machine dumps an unprotected process"
        if comparable
        else "this machine dumps none at all",
    )


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


def core_dumped(reading: Reading) -> tuple[bool, bool]:
    """Abort an edge that holds live reads: whether it left a core, and whether this machine would."""
    folder = Path(tempfile.mkdtemp(prefix="forgetting-"))
    try:
        shown = clip_of.draw_canaries(12, 5)
        clip_of.film(shown, folder / "road.mp4", quiet_s=60, seed=5)
        edge_folder, control = folder / "edge", folder / "control"
        for each in (edge_folder, control):
            each.mkdir(mode=0o700)
        found(edge_folder, [])
        settings = {
            "window": 180,
            "slots": 64,
            "detector": reading.detector,
            "reader": reading.reader,
            "folder": f'folder = "{reading.folder}"\n' if reading.folder else "",
            "clip": str(folder / "road.mp4"),
        }
        with edge_process.running(edge_folder, settings) as edge:
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


def report_trial(outcome: Outcome, part: Part) -> None:
    """Add one trial's table, figure and check to the part."""
    window = f"{outcome.trial.window_s:g} s"
    part.table(
        f"Window {window}: occurrences of {outcome.shown - outcome.listed} canaries",
        ["form", "live reads (control)", "memory", "written", "files, logs, receipts"],
        [
            [form, outcome.live_forms[form], outcome.memory[form], outcome.written[form], outcome.files[form]]
            for form in outcome.forms
        ],
    )
    coverage = outcome.coverage
    part.table(
        f"Window {window}: the search and its controls",
        ["what", "value"],
        [
            ["canaries shown, of them listed", f"{outcome.shown}, {outcome.listed}"],
            ["non-hits seen live and read exactly (control)", outcome.exact],
            ["live at once at most (control)", outcome.live],
            ["planted copies found (control)", f"{outcome.planted_found} of {outcome.planted}"],
            ["hits opened with the department's key, seen as ciphertext in the record (control)",
             f"{outcome.hits_opened}, {outcome.hits_traced}"],
            ["patterns looked for", outcome.patterns],
            ["canaries still known", outcome.still_known],
            ["memory searched, MB, in regions", f"{coverage.scanned / 1e6:.0f}, {coverage.regions}"],
            *[[f"not searched: {why}, MB", f"{size / 1e6:.1f}"] for why, size in coverage.skipped.items()],
            *[[f"found in {place}", count] for place, count in sorted(outcome.places.items())],
            ["bytes written, searched", outcome.bytes_written],
            ["calls that write out of the record's sight", outcome.unseen],
            ["files made outside spool, state and trust", outcome.strange_files],
            ["connections", outcome.connections],
            ["bytes in swap", outcome.swapped],
            ["exit code", outcome.exit_code],
            ["receipts hold", str(outcome.receipts_hold)],
        ],
    )  # fmt: skip
    part.findings.append(_sentence(outcome))
    total = sum(outcome.memory.values()) + sum(outcome.written.values()) + sum(outcome.files.values())
    key = f"window_{outcome.trial.window_s:g}.occurrences"
    part.figure(
        key,
        f"occurrences of canaries, window {window}",
        Estimate(total, total, total, outcome.shown),
        "",
        Better.LOWER,
    )
    part.check(
        f"window {window}: nothing is found, every control works",
        passed=outcome.forgotten,
        detail=f"{total} occurrences, {outcome.planted_found} of {outcome.planted} planted copies found",
    )


def _sentence(outcome: Outcome) -> str:
    """Say in one sentence what a trial found."""
    canaries = outcome.shown - outcome.listed
    left = f"{outcome.still_known} of {canaries} non-hits could still be found in memory"
    gone = f"none of {canaries} non-hits could be found in memory, in what was written or in what was left"
    clean = not (outcome.memory or outcome.written or outcome.files)
    return (
        f"Window {outcome.trial.window_s:g} s: {gone if clean else left}; {outcome.exact} of them were seen "
        f"live and read exactly before, and {outcome.planted_found} of {outcome.planted} planted copies were found."
    )
