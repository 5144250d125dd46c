"""One measured run in a process of its own, so that memory and processor time are its alone.

    python -m benchmarks.speed.worker < job.json

Its last line is one JSON object with the measurement.
"""

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.accuracy.peers import FastAlpr, load_models
from benchmarks.harness.hotlist_fixture import Reading, configuration
from benchmarks.harness.recording import Recorder, recorded
from edge.hardening.renewal import renewed
from edge.runtime.box import Box, Listener
from protocol.hit import Hit

SAMPLE_S: Final = 0.25
QUIET: Final = "fast-alpr-quiet"
PLAIN: Final = ("fast-alpr", QUIET)
"""The kinds of run that are not ours."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to run.

    Attributes:
        kind: ``edge``, ``record`` (the edge, noting each reading for the accuracy part), ``fast-alpr`` as its
            README has it, or ``fast-alpr-quiet``: the same loop with one thread and no spinning.
        clip: the video.
        folder: what `department.found` made; the spool fills there.
        reading: the models.
        realtime: at the clip's own pace, newest frame wins; else every frame, as fast as it goes.
    """

    kind: str
    clip: str
    folder: str
    reading: dict[str, Any]
    realtime: bool = False

    @property
    def models(self) -> Reading:
        """The models as the other modules take them."""
        folder = self.reading["folder"]
        return Reading(self.reading["detector"], self.reading["reader"], Path(folder) if folder else None)


@dataclass(slots=True)
class Memory:
    """Proportional memory of this process and its children over time: (seconds, MiB)."""

    samples: list[tuple[float, float]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Sample while the block runs."""
        start = time.monotonic()

        def watch() -> None:
            while not self._over.is_set():
                self.samples.append((round(time.monotonic() - start, 2), round(_memory_mib(), 1)))
                self._over.wait(SAMPLE_S)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()


def run_edge(job: Job) -> dict[str, Any]:
    """Run the real box over a clip and return what it took."""
    delays: list[float] = []

    def hit(of: Hit) -> None:
        delays.append((datetime.now(UTC) - of.captured).total_seconds() * 1000)

    config = configuration(Path(job.folder), Path(job.clip), job.models, realtime=job.realtime)
    box = Box.assemble(config, listener=Listener(hit=hit))
    recorder = Recorder()
    if job.kind == "record":
        box.pipelines = [recorded(pipeline, recorder) for pipeline in box.pipelines]
    memory = Memory()
    with memory.watched():
        spent = _Spent()
        summary = box.run()
        took = spent.until_now()
    stages = box.pipelines[0].stages
    return took | {
        "frames": summary.cameras["bench"].frames,
        "looked": summary.cameras["bench"].looked,
        "drops": summary.drops,
        "stages_ms": {name: ns / 1e6 for name, ns in stages.spent_ns.items()},
        "counts": asdict(summary.counts),
        "delays_ms": delays,
        "memory": memory.samples,
        "readings": [asdict(reading) for reading in recorder.readings],
        "passes": [asdict(one) for one in recorder.passes.values()],
        "hardened": renewed(),
    }


def run_plain(job: Job) -> dict[str, Any]:
    """Run fast-alpr's plain loop over a clip: every frame, or at the clip's pace the newest."""
    alpr = FastAlpr(load_models(job.models), quiet=job.kind == QUIET)
    stages = {"detect": 0.0, "read": 0.0, "decode": 0.0}
    for name, model in (("detect", alpr.detector), ("read", alpr.ocr)):
        model.predict = _timed(model.predict, stages, name)
    capture = cv2.VideoCapture(job.clip)
    pace = capture.get(cv2.CAP_PROP_FPS) or 25.0
    readings: list[dict[str, Any]] = []
    number, taken = -1, 0
    memory = Memory()
    with memory.watched():
        spent = _Spent()
        start = time.perf_counter()
        while True:
            began = time.perf_counter()
            due = max(number + 1, int((began - start) * pace)) if job.realtime else number + 1
            alive = all(capture.grab() for _ in range(due - number))
            more, frame = capture.retrieve() if alive else (False, None)
            if not more or frame is None:
                break
            number = due
            stages["decode"] += time.perf_counter() - began
            if job.realtime:
                time.sleep(max(0.0, start + number / pace - time.perf_counter()))
            taken += 1
            seen = alpr.look(frame.astype(np.uint8, copy=False))
            readings += [{"frame": number, "text": one.text, "probability": 0.0} for one in seen]
        took = spent.until_now()
    capture.release()
    return took | {
        "frames": taken,
        "looked": taken,
        "drops": number + 1 - taken,
        "stages_ms": {name: seconds * 1000 for name, seconds in stages.items()},
        "memory": memory.samples,
        "readings": readings,
        "own_loader": alpr.own_loader,
        "hardened": renewed(),
    }


class _Spent:
    """Wall-clock and processor time since it was made; children that have ended by then count.

    What children spent before, starting up, does not.
    """

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._own = time.process_time()
        self._before = sum(_cpu_s(child) for child in _children())

    def until_now(self) -> dict[str, float]:
        """Return seconds: wall, processor of this process, processor of its children."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "wall_s": time.perf_counter() - self._wall,
            "cpu_s": time.process_time() - self._own,
            "children_cpu_s": max(0.0, children.ru_utime + children.ru_stime - self._before),
        }


def _timed(call: Callable[[Any], Any], stages: dict[str, float], name: str) -> Callable[[Any], Any]:
    def timed(argument: Any) -> Any:  # noqa: ANN401 - whatever is timed
        began = time.perf_counter()
        try:
            return call(argument)
        finally:
            stages[name] += time.perf_counter() - began

    return timed


def _memory_mib() -> float:
    """Return the proportional set size of this process and its children."""
    return sum(_pss_kib(each) for each in ("self", *_children())) / 1024


def _children() -> list[str]:
    """Return the ids of the processes that this one has started."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()


def _cpu_s(process: str) -> float:
    """Return the processor seconds that a running process has used."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pss_kib(process: str) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def main() -> None:
    """Read a job, do it, say what it took."""
    job = Job(**json.load(sys.stdin))
    measured = run_plain(job) if job.kind in PLAIN else run_edge(job)
    sys.stdout.write("\n" + json.dumps({"measured": measured}) + "\n")


if __name__ == "__main__":
    main()
