"""How long until a person sees it: from the picture that a hit shows to its row painted in a reviewer's browser.

1. The department's service runs as ``alpr-api serve`` does, on loopback; a box enrols with it.
2. A reviewer signs in with a real browser and keeps the queue open, which is fed by server-sent events.
3. The edge reads drawn roads at their own pace; it notes when each hit was decided, spooled and acknowledged.
4. The page notes when each hit's row had been painted; the service's own record says when it had the hit.

All of it runs on one machine, so there is one clock.
"""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import select

from api.core.service import open_service
from api.core.settings import Settings
from api.db.models import HitRow
from benchmarks.fixtures import clips, reviewer
from benchmarks.fixtures.render import RenderSpec
from benchmarks.fixtures.reviewer import Queue
from benchmarks.fixtures.service_fixture import Office, enrol, publish, start_office
from benchmarks.harness.environment import ROOT
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.results import Better, Part, Plot
from benchmarks.harness.runner import Bench, BenchError, Clip
from benchmarks.harness.stats import bootstrap

GOAL_MS: Final = 1000.0
ROUNDS: Final = 6
"""Clips of `ROAD` in a full run: over a hundred hits, so that a 99th percentile means something."""
ROAD: Final = RenderSpec(seconds=22.0, traffic=60.0)
ABOUT: Final = (
    "The whole way on one machine: the edge reads drawn roads at their own pace and sends its sealed hits to "
    "a running service; a reviewer has signed in with a real browser and has the queue open. Timed from the "
    "capture of the picture that a hit shows, and from the moment the match was decided, until the hit's row "
    "has been painted in the page. Edge, service, browser and harness share this machine's cores."
)
LEGS: Final = (
    ("picture", "decided", "picture to decision"),
    ("decided", "spooled", "decision to sealed hit on disk"),
    ("spooled", "stored", "on disk to stored by the department"),
    ("stored", "shown", "stored to painted in the page"),
)
WHOLES: Final = (
    ("decided", "shown", "decision to page"),
    ("picture", "shown", "picture to page"),
    ("spooled", "receipt", "on disk to signed receipt back at the box"),
)
_SETTLE_S: Final = 3.0
_CAMERA: Final = """
[storage]
spool = "spool"
state = "state"

[models]
detector = "{detector}"
reader = "{reader}"
{folder}
[[cameras]]
name = "bench"
place = "a drawn road"
source = {{ kind = "file", path = "{clip}", realtime = true }}
"""

Moments = dict[str, dict[str, float]]
"""When each thing happened to each hit: wall clock, seconds."""


@dataclass(frozen=True, slots=True)
class Rides:
    """What all rounds came to: the moments of each hit, and how many listed plates passed."""

    moments: Moments
    passed: int


def run(bench: Bench) -> dict[str, Any]:
    """Measure, or say what is lacking; then the part is counted as left out.

    Raises:
        BenchError: the service, the edge or the sign-in failed.
    """
    part = Part("person", "Latency to a person", ABOUT)
    if lacking := reviewer.lacking():
        part.left_out = f"Not measured: a browser is needed; not here: {', '.join(lacking)}."
        return part.to_json()
    with tempfile.TemporaryDirectory(prefix="alpr-bench-person-") as name:
        rides = _ride(bench, Path(name))
    report(part, rides)
    return part.to_json()


def _ride(bench: Bench, folder: Path) -> Rides:
    """Drive every round past one box, with one reviewer watching."""
    rounds = 1 if bench.short else ROUNDS
    roads = [clips.draw(bench, folder, replace(ROAD, seed=bench.seed + turn)) for turn in range(rounds)]
    box = folder / "box"
    moments: Moments = {}
    with start_office(folder / "office") as office:
        tables = enrol(office, box, "bench-box", "bench")
        plates = list(dict.fromkeys(plate for road in roads for plate in road.plates))
        publish(office, box, "bench-box", plates)
        with reviewer.at_the_queue(office) as queue:
            for turn, road in enumerate(roads, start=1):
                bench.advance(f"to a person: road {turn} of {rounds}, at its own pace")
                config = box / "edge.toml"
                config.write_text(tables + _camera(bench.reading, road))
                for hit, what, at in _drive(config, queue):
                    moments.setdefault(hit, {})[what] = at
            queue.rest(_SETTLE_S)
            for hit, at in queue.shown().items():
                moments.setdefault(hit, {})["shown"] = at
        for hit, at in _stored(office).items():
            moments.setdefault(hit, {})["stored"] = at
    return Rides(moments, sum(len(road.plates) for road in roads))


def _camera(reading: Reading, road: Clip) -> str:
    folder = f'folder = "{reading.folder}"' if reading.folder else ""
    return _CAMERA.format(
        detector=reading.detector, reader=reading.reader, folder=folder, clip=road.path.absolute()
    )


def _drive(config: Path, queue: Queue) -> list[tuple[str, str, float]]:
    """Run the watched edge until its clip ends, while the browser works; return what it noted.

    Raises:
        BenchError: the edge failed.
    """
    command = [sys.executable, "-m", "benchmarks.fixtures.watched_edge", str(config)]
    said: list[str] = []
    with subprocess.Popen(  # noqa: S603 - this interpreter, our module
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as edge:
        assert edge.stdout is not None  # noqa: S101 - it is a pipe
        reading = threading.Thread(target=said.extend, args=(edge.stdout,))
        reading.start()
        while edge.poll() is None:
            queue.rest(0.2)
        reading.join()
        wrong = edge.stderr.read() if edge.stderr else ""
    if edge.returncode:
        raise BenchError(f"the edge ended with {edge.returncode}: {wrong.strip().splitlines()[-1:]}")
    notes = [json.loads(line) for line in said]
    return [(note["hit"], note["what"], note["at_ns"] / 1e9) for note in notes]


def _stored(office: Office) -> dict[str, float]:
    """Return when the service had each hit, by its own record."""
    service = open_service(Settings(state=office.state))
    try:
        with service.database.read() as session:
            rows = session.execute(select(HitRow.id, HitRow.received))
            return {hit: received.timestamp() for hit, received in rows}
    finally:
        service.close()


def report(part: Part, rides: Rides) -> None:
    """Add legs, wholes, a plot and the promises."""
    whole = [
        each for each in rides.moments.values() if {"picture", "decided", "stored", "shown"} <= set(each)
    ]
    made = sum("decided" in each for each in rides.moments.values())
    part.check(
        "every hit that the edge made is shown to the reviewer",
        bool(made) and len(whole) == made,
        f"{made} hits of {rides.passed} listed passes; {len(whole)} painted in the page.",
    )
    if not whole:
        return
    rows = []
    for begin, end, label in (*LEGS, *WHOLES):
        times = took(whole, begin, end)
        rows.append([label, *(f"{np.percentile(times, percent):,.0f}" for percent in (50, 95, 99, 100))])
    part.table("Each leg and the whole, ms", ("", "p50", "p95", "p99", "longest"), rows)
    for begin, end, label in WHOLES[:2]:
        for percent in (50, 95, 99):
            part.figure(
                f"{begin}_{end}_p{percent}",
                f"{label}, p{percent}",
                bootstrap(took(whole, begin, end), lambda values, p=percent: float(np.percentile(values, p))),  # type: ignore[misc]
                "ms",
                Better.LOWER,
                machine=True,
            )
    _curves(part, whole)
    _verdicts(part, whole)


def took(whole: Sequence[Mapping[str, float]], begin: str, end: str) -> list[float]:
    """Return the milliseconds from one moment to another, of each hit that has both."""
    return [(each[end] - each[begin]) * 1000 for each in whole if begin in each and end in each]


def _curves(part: Part, whole: Sequence[Mapping[str, float]]) -> None:
    shares = np.linspace(0, 100, 51)
    series = [
        {"label": label, "x": np.percentile(took(whole, begin, end), shares).tolist(), "y": shares.tolist()}
        for begin, end, label in WHOLES[:2]
    ]
    part.plot(
        Plot.LINES,
        "How many hits are on the page by when",
        ("milliseconds", "share of hits, %"),
        series,
        log_x=True,
    )


def _verdicts(part: Part, whole: Sequence[Mapping[str, float]]) -> None:
    decided, picture = (took(whole, begin, "shown") for begin in ("decided", "picture"))
    late, late_picture = (float(np.percentile(times, 95)) for times in (decided, picture))
    within = sum(each <= GOAL_MS for each in picture)
    part.check(
        "95 of 100 hits are on the page within a second of their decision",
        late < GOAL_MS,
        f"p95 {late:,.0f} ms over {len(decided)} hits.",
        timed=True,
    )
    enough = "" if len(whole) >= 100 else " Fewer than a hundred hits: the 99th percentile says little."
    goal = "within" if late_picture < GOAL_MS else "over"
    part.findings.append(
        f"From decision to page: {np.median(decided):,.0f} ms in the middle, {late:,.0f} ms for 95 of 100, "
        f"over {len(whole)} hits.{enough}"
    )
    part.findings.append(
        f"From the picture that the hit shows: {np.median(picture):,.0f} ms in the middle, {late_picture:,.0f} ms "
        f"for 95 of 100, {goal} the goal of one second; {within} of {len(picture)} hits are on the page within "
        "it. A read that is not sure at once waits for better pictures of its plate, until none has been worth "
        "reading for half a second: that wait is in the first leg alone."
    )
