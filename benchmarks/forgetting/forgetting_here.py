"""Forgetting inside the one command: as large as the time allows, or a word that it cannot run here."""

import os
import shutil
from collections.abc import Sequence
from typing import Any

from benchmarks.forgetting import forgetting_part
from benchmarks.harness.results import Part
from benchmarks.harness.runner import Bench

WINDOWS = (5.0,)
ALL_PLATES, SHORT_PLATES = 100, 30


def run(bench: Bench, plates: int | None = None, windows: Sequence[float] = ()) -> dict[str, Any]:
    """Measure forgetting_part, by default with fewer plates and shorter windows than the release gate.

    Where the memory of another process cannot be searched the part says so and holds no figure, so that a
    comparison with a run that measured it fails.
    """
    lacking = [
        word
        for word, absent in (("root", os.geteuid() != 0), ("strace", not shutil.which("strace")))
        if absent
    ]
    if lacking:
        part = Part("forgetting", "Forgetting", "Whether anything of a destroyed read is left.")
        part.left_out = f"Not measured: searching a running edge takes {' and '.join(lacking)}."
        return part.to_json()
    bench.advance("forgetting: reading, waiting, searching")
    few = SHORT_PLATES if bench.short else ALL_PLATES
    return forgetting_part.run(
        plates=plates or few,
        windows=windows or WINDOWS,
        seed=bench.seed,
        reading=bench.reading,
        short=not windows,
    )
