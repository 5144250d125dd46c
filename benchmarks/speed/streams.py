"""Processor time on roads encoded as cameras encode, beside two baselines over the same weights in the same run."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.fixtures import clips
from benchmarks.fixtures.encoding import CameraStream, Codec, Rate
from benchmarks.fixtures.render import RenderSpec
from benchmarks.harness.results import Better, Part
from benchmarks.harness.runner import Bench, Clip, department
from benchmarks.harness.stats import median
from benchmarks.speed.worker import QUIET

Setting = tuple[RenderSpec, CameraStream]
KINDS: Final = {
    "edge": "this system",
    QUIET: "fast-alpr, one thread, no spinning",
    "fast-alpr": "fast-alpr as its README has it",
}
TRAFFIC: Final = (0.0, 30.0)
"""Vehicles a minute: an empty road, and a busy one."""
SIZES: Final = ((1280, 720), (1920, 1080), (3840, 2160))
GOPS_S: Final = (1, 2, 4)
ABOUT: Final = (
    "Drawn roads with a sensor's noise, encoded as cameras encode, are read by this system's edge as "
    "`alpr-edge run` runs it, allocator included, and by two loops that look at every frame: fast-alpr as its "
    "README has it, and the same loop with one thread that does not spin. The second is the honest ratio of "
    "work: much of what the first spends is ONNX Runtime waiting. Processor time counts every process; starting "
    "up is left out."
)


def settings(seed: int, *, short: bool) -> list[Setting]:
    """Return the roads and streams that are measured."""
    if short:
        return [(RenderSpec(seed, 2.0, 0.0, width=640, height=360), CameraStream(gop_s=1))]
    chosen = [
        (width, height, CameraStream(codec, rate))
        for width, height in SIZES[:2]
        for codec in Codec
        for rate in Rate
    ]
    chosen += [(*SIZES[1], CameraStream(gop_s=gop_s)) for gop_s in GOPS_S if gop_s != CameraStream().gop_s]
    chosen.append((*SIZES[2], CameraStream()))
    return [
        (RenderSpec(seed, 32.0 if not traffic else 16.0, traffic, width=width, height=height), stream)
        for width, height, stream in chosen
        for traffic in TRAFFIC
    ]


def run(bench: Bench, chosen: Sequence[Setting] | None = None) -> dict[str, Any]:
    """Measure each road, in turns.

    Raises:
        BenchError: a run failed.
        OSError: a road cannot be encoded.
    """
    part = Part("streams", "Speed on camera streams", ABOUT)
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory(prefix="alpr-bench-streams-") as name:
        for number, (spec, stream) in enumerate(chosen or settings(bench.seed, short=bench.short)):
            clip = clips.camera(bench, Path(name), spec, stream)
            rows.append(_measure(part, bench, clip, f"s{number}"))
            clip.path.unlink()
    heads = (
        "road",
        *(f"{label}, ms a frame" for label in KINDS.values()),
        "one thread / ours",
        "README / ours",
    )
    part.table("Processor time a frame", heads, rows)
    return part.to_json()


def _measure(part: Part, bench: Bench, clip: Clip, key: str) -> list[object]:
    """Run all three over one clip, in turns; return its row."""
    costs: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with department(clip.plates) as home:
        for turn in range(bench.repeats):
            for kind, found in costs.items():
                bench.advance(f"{clip.name}: {KINDS[kind]}, run {turn + 1} of {bench.repeats}")
                measured = home.run(kind, clip, bench.reading)
                found.append((measured["cpu_s"] + measured["children_cpu_s"]) * 1000 / measured["frames"])
                if kind == "edge":
                    _promises(part, clip, measured)
    gains = {
        kind: [plain / ours for plain, ours in zip(costs[kind], costs["edge"], strict=True)] for kind in KINDS
    }
    for kind, name in ((QUIET, "quiet_gain"), ("fast-alpr", "readme_gain")):
        title = f"{clip.name}: processor time of {KINDS[kind]} over ours"
        part.figure(f"{key}.{name}", title, median(gains[kind]), "times", Better.HIGHER)
    middles = [f"{np.median(costs[kind]):.2f}" for kind in KINDS]
    ratios = [f"{np.median(gains[kind]):.1f}" for kind in (QUIET, "fast-alpr")]
    return [clip.name, *middles, *ratios]


def _promises(part: Part, clip: Clip, measured: dict[str, Any]) -> None:
    """Check that the run was the real one, and that being quick lost nothing."""
    part.check(
        f"{clip.name}: the edge ran hardened", measured["hardened"], "As `alpr-edge run` starts itself."
    )
    missed = sorted(set(clip.plates) - set(measured["hit"]))
    part.check(
        f"{clip.name}: every listed plate is hit",
        not missed,
        f"{len(clip.plates)} listed plates pass, {len(missed)} missed.",
    )
