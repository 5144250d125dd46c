"""What overwriting freed memory costs: detector and reader with the allocator as it is, and as the edge sets it.

    python -m benchmarks.forgetting.allocator_cost

Run by itself it measures its own process and prints one JSON line; `report` runs it under each setting.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.accuracy.peers import load_models
from benchmarks.harness.environment import ROOT
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.results import Part
from edge.hardening.renewal import ENVIRONMENT
from edge.vision.detector import PlateDetector
from edge.vision.reader import PlateReader

_MAPPED: Final = ":glibc.malloc.mmap_threshold=131072:glibc.malloc.trim_threshold=131072"
SETTINGS: Final = {
    "the allocator as it is": {},
    "the edge's: freed memory overwritten": dict(ENVIRONMENT),
    "the same, large blocks mapped anew each time (not used)": {
        **ENVIRONMENT,
        "GLIBC_TUNABLES": ENVIRONMENT["GLIBC_TUNABLES"] + _MAPPED,
    },
}


def measure(reading: Reading) -> dict[str, float]:
    """Return processor time in milliseconds for one look of the detector at 720p, and one of the reader."""
    models = load_models(reading)
    detector, reader = PlateDetector(models[0]), PlateReader(models[1])
    frame = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    crop = np.ascontiguousarray(frame[:40, :160])
    return {
        "detector": _best(lambda: detector.detect(frame), 20),
        "reader": _best(lambda: reader.table(crop), 60),
    }


def report(part: Part, reading: Reading) -> None:
    """Add a table of the costs to a part."""
    rows = []
    for name, settings in SETTINGS.items():
        known = {key: value for key, value in os.environ.items() if key not in ENVIRONMENT}
        models = [reading.detector, reading.reader, *([str(reading.folder)] if reading.folder else [])]
        ended = subprocess.run(  # noqa: S603 - this module
            [sys.executable, "-m", "benchmarks.forgetting.allocator_cost", *models],
            cwd=ROOT, env={**known, **settings}, capture_output=True, check=True,
        )  # fmt: skip
        cost = json.loads(ended.stdout)
        rows.append([name, f"{cost['detector']:.1f}", f"{cost['reader']:.2f}"])
    part.table("What overwriting costs, ms of processor time", ["setting", "detector", "reader"], rows)


def _best(work: Callable[[], object], turns: int) -> float:
    """Return the least mean time of three rounds, in milliseconds."""
    work()
    rounds = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(turns):
            work()
        rounds.append((time.process_time() - start) / turns * 1000)
    return min(rounds)


if __name__ == "__main__":
    names, folder = sys.argv[1:3], Path(sys.argv[3]) if sys.argv[3:] else None
    sys.stdout.write(json.dumps(measure(Reading(names[0], names[1], folder))) + "\n")
