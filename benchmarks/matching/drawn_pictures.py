"""Labelled pictures drawn by code, in OpenALPR's layout, for parts that need pictures where none are given."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from benchmarks.fixtures.render import RenderSpec, Scene
from benchmarks.harness.runner import Bench
from benchmarks.matching import matching_report
from benchmarks.matching.matching_report import SIZES
from edge.vision.models import BUNDLED

EACH = 24
"""Pictures of each kind."""


def draw_pictures(folder: Path, seed: int, each: int = EACH) -> Path:
    """Write `us` and `eu` folders of pictures, one vehicle's plate each, and return the folder.

    The picture of a pass is one in the middle of its legible frames.

    Raises:
        OSError: a file cannot be written.
    """
    scene = Scene(RenderSpec(seed, seconds=10 + each * 5, traffic=45))
    taken = {"us": 0, "eu": 0}
    for one in scene.truth.passes:
        kind = "us" if one.region.startswith("US") else "eu"
        if taken[kind] == each:
            continue
        (folder / kind).mkdir(exist_ok=True)
        number = (one.first_frame + one.last_frame) // 2
        name = f"{kind}{taken[kind]:03}.jpg"
        if not cv2.imwrite(str(folder / kind / name), scene.frame(number)):
            raise OSError(f"{folder / kind / name} cannot be written")
        (box,) = (box for box in scene.truth.boxes if box.frame == number and box.plate == one.plate)
        place = "\t".join(str(round(side)) for side in (box.x, box.y, box.width, box.height))
        (folder / kind / name).with_suffix(".txt").write_text(f"{name}\t{place}\t{one.plate}\n", "utf-8")
        taken[kind] += 1
    return folder


def run_matching(bench: Bench, folders: Sequence[Path]) -> dict[str, Any]:
    """Measure matching on the first folder that holds `us` and `eu`, or else on drawn pictures, and say which."""
    models = bench.reading.folder or BUNDLED
    sizes = SIZES[:3] if bench.short else SIZES
    names = {"reader": bench.reading.reader, "detector": bench.reading.detector}
    given = next((each for each in folders if (each / "us").is_dir() and (each / "eu").is_dir()), None)
    if given:
        bench.advance("matching: labelled pictures")
        return matching_report.run(given, models, sizes=sizes, seed=bench.seed, **names)
    with tempfile.TemporaryDirectory(prefix="alpr-bench-pictures-") as name:
        bench.advance("matching: drawing pictures")
        folder = draw_pictures(Path(name), bench.seed, each=8 if bench.short else EACH)
        bench.advance("matching: reading and looking up")
        part = matching_report.run(folder, models, sizes=sizes, seed=bench.seed, **names)
    part["findings"].insert(
        0,
        "No labelled pictures were given: these were drawn, and are easier to read than real ones. "
        "docs/results/matching.json holds the same on real pictures.",
    )
    return part
