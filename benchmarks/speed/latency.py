"""How long from the picture that a hit shows to the sealed hit on disk, over many drawn roads.

Each road runs at its own pace, as a camera would send it, with every plate on the list; then once more with none
of them listed, but plates one character away from each: what is hit then is false.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.drawing.weather import Weather
from benchmarks.fixtures.render import RenderSpec
from benchmarks.harness.results import Better, Part
from benchmarks.harness.runner import Bench, Clip, department
from benchmarks.harness.stats import bootstrap, share

GOAL_MS: Final = 1000.0
NEIGHBOURS: Final = 3
WEATHERS: Final = (
    Weather.CLEAR, Weather.CLEAR, Weather.RAIN, Weather.CLEAR, Weather.NIGHT,
    Weather.FOG, Weather.CLEAR, Weather.GLARE, Weather.CLEAR, Weather.CLEAR,
)  # fmt: skip
_ABOUT: Final = (
    "Drawn roads in all weathers run at their own pace through the edge as it runs on a road, every plate listed. "
    "The time counts from the capture of the picture that the hit shows. Then the same roads with plates listed "
    "that are one character away from those that pass, which no real list is so full of: every hit is false."
)


def roads(seed: int, short: bool) -> list[RenderSpec]:  # noqa: FBT001 - as `Bench` has it
    """Return the roads: ten of 16 s, or two in continuous integration."""
    chosen = WEATHERS[:2] if short else WEATHERS
    return [RenderSpec(seed + place, 16.0, 30.0, weather) for place, weather in enumerate(chosen)]


def run(bench: Bench, draw: Callable[[Bench, Path, RenderSpec], Clip], folder: Path) -> dict[str, Any]:
    """Draw the roads into a folder and measure.

    Raises:
        BenchError: a run failed.
    """
    clips = []
    for spec in roads(bench.seed, bench.short):
        own = folder / str(spec.seed)
        own.mkdir()
        clips.append(draw(bench, own, spec))
    return measure(bench, clips)


def measure(bench: Bench, clips: Sequence[Clip]) -> dict[str, Any]:
    """Measure on clips whose plates are known.

    Raises:
        BenchError: a run failed.
    """
    part = Part("latency", "From the picture to the hit", _ABOUT)
    delays: list[float] = []
    passing = hit = invented = twice = false = near_passing = 0
    rows: list[list[object]] = []
    for clip in clips:
        bench.advance(f"{clip.name}: listed, at its own pace")
        with department(clip.plates) as home:
            found = home.run("edge", clip, bench.reading, realtime=True)
        bench.advance(f"{clip.name}: neighbours listed")
        with department(neighbours(clip.plates, bench.seed)) as home:
            wrong = len(home.run("edge", clip, bench.reading)["hit"])
        known = set(clip.plates) & set(found["hit"])
        passing, hit = passing + len(clip.plates), hit + len(known)
        invented += len(set(found["hit"]) - known)
        twice += len(found["hit"]) - len(set(found["hit"]))
        false, near_passing = false + wrong, near_passing + len(clip.plates)
        delays += found["delays_ms"]
        slowest = max(found["delays_ms"], default=float("nan"))
        rows.append(
            [clip.name, f"{len(known)} of {len(clip.plates)}", f"{slowest:.0f}", found["drops"], wrong]
        )
    columns = ("road", "listed plates hit", "slowest, ms", "frames dropped", "false hits, neighbours listed")
    part.table("Each road", columns, rows)
    for percent in (50, 95, 100):
        value = bootstrap(delays, lambda sample, p=percent: float(np.percentile(sample, p)))  # type: ignore[misc]
        name = "max" if percent == 100 else f"p{percent}"
        part.figure(
            f"delay_{name}", f"picture to spooled hit, {name}", value, "ms", Better.LOWER, machine=True
        )
    part.figure("hits", "listed plates hit", share(hit, passing), "share", Better.HIGHER)
    part.figure(
        "false_hits", "vehicles hit falsely with three neighbours of each listed",
        share(false, near_passing), "share", Better.LOWER,
    )  # fmt: skip
    late = float(np.percentile(delays, 95))
    part.check("p95 under one second", late < GOAL_MS, f"{late:.0f} ms over {len(delays)} hits")
    part.check(
        "nothing invented, nothing twice", not (invented or twice), f"{invented} invented, {twice} twice"
    )
    return part.to_json()


def neighbours(plates: Sequence[str], seed: int) -> list[str]:
    """Return plates one character away from given ones, a digit for a digit and a letter for a letter."""
    rng = np.random.default_rng([seed, len(plates)])
    found: set[str] = set()
    for plate in plates:
        mine: set[str] = set()
        while len(mine) < NEIGHBOURS:
            place = int(rng.integers(len(plate)))
            like = "0123456789" if plate[place].isdigit() else "ABCDEFGHJKLMNPRSTUVWXYZ"
            mine.add(plate[:place] + like[int(rng.integers(len(like)))] + plate[place + 1 :])
            mine.discard(plate)
        found |= mine
    return sorted(found - set(plates))
