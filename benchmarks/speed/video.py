"""Speed on video, beside fast-alpr's plain loop with the same weights in the same run."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.fixtures import clips
from benchmarks.fixtures.render import RenderSpec
from benchmarks.harness.results import Better, Part, Plot
from benchmarks.harness.runner import Bench, Clip, department
from benchmarks.harness.stats import Estimate, bootstrap, median, share

Run = dict[str, Any]
STAGES: Final = ("decode", "motion", "detect", "read", "region", "fuse", "match", "seal", "other")
ABOUT: Final = (
    "A clip is read twice, in turns on the same machine: by this system's edge as it runs on a road, and by "
    "the loop in fast-alpr's README, which looks at every frame. Both use the same detector and reader "
    "weights. Once as fast as it goes, for speed; once at the clip's own pace as a camera would send it, for "
    "dropped frames and for the time from a picture's capture to its sealed hit on disk."
)


def run(bench: Bench, videos: Sequence[Path] = (), *, sweep: bool = True) -> dict[str, Any]:
    """Measure on a drawn road, on the user's clips, and, if asked, over a sweep of how full the road is.

    Raises:
        BenchError: a run failed or a clip is no video.
    """
    part = Part("video", "Speed on video", ABOUT)
    with tempfile.TemporaryDirectory(prefix="alpr-bench-clips-") as name:
        folder = Path(name)
        seconds, traffic = (8.0, 30.0) if bench.short else (16.0, 30.0)
        drawn = clips.draw(bench, folder, RenderSpec(bench.seed, seconds, traffic))
        for place, clip in enumerate([drawn, *(clips.own(path) for path in videos)]):
            _measure(part, bench, clip, key="drawn" if place == 0 else f"clip{place}")
        if sweep:
            _sweep(part, bench, [clips.draw(bench, folder, spec) for spec in clips.sweep(bench)])
    return part.to_json()


def _measure(part: Part, bench: Bench, clip: Clip, *, key: str) -> None:
    """Add one clip: speed in turns, then real time."""
    with department(clip.plates) as home:
        ours, plain = [], []
        for turn in range(bench.repeats):
            bench.advance(f"{clip.name}: run {turn + 1} of {bench.repeats}")
            ours.append(home.run("edge", clip, bench.reading))
            plain.append(home.run("fast-alpr", clip, bench.reading))
        bench.advance(f"{clip.name}: at its own pace")
        live = home.run("edge", clip, bench.reading, realtime=True)
        live_plain = home.run("fast-alpr", clip, bench.reading, realtime=True)
    _speed(part, clip, key, ours, plain)
    _pace(part, clip, key, live, live_plain)
    _stages(part, clip, ours, plain)
    _memory(part, clip, ours[0], plain[0])
    _promises(part, clip, [*ours, live])
    spent, plainly = (float(np.median([_cpu(run) for run in runs])) for runs in (ours, plain))
    part.check(
        f"{clip.name}: less processor time than the plain loop",
        spent < plainly,
        f"{spent:.2f} s of processor time for the clip against {plainly:.2f} s, the middle of {len(ours)} run(s).",
    )


def _speed(part: Part, clip: Clip, key: str, ours: list[Run], plain: list[Run]) -> None:
    rates = [[run["frames"] / run["wall_s"] for run in runs] for runs in (ours, plain)]
    costs = [[_cpu(run) / clip.seconds for run in runs] for runs in (ours, plain)]
    paces = [[clip.seconds / run["wall_s"] for run in runs] for runs in (ours, plain)]
    rows: list[list[object]] = []
    for name, rate, cost, pace, runs in zip(
        ("this system", "fast-alpr, plain loop"), rates, costs, paces, (ours, plain), strict=True
    ):
        short = "edge" if runs is ours else "plain"
        part.figure(
            f"{key}.{short}_fps",
            f"{clip.name}: frames a second, {name}",
            median(rate),
            "frames/s",
            Better.HIGHER,
            machine=True,
        )
        part.figure(
            f"{key}.{short}_cpu",
            f"{clip.name}: processor time, {name}",
            median(cost),
            "CPU s per video s",
            Better.LOWER,
            machine=True,
        )
        rows.append(
            [
                name,
                f"{np.median(rate):.1f}",
                f"{np.median(pace):.2f}",
                f"{np.median(cost):.2f}",
                f"{np.median([run['looked'] / run['frames'] for run in runs]):.0%}",
                f"{max(mib for run in runs for _, mib in run['memory']):.0f}",
            ]
        )
    gain = [_cpu(other) / _cpu(our) for our, other in zip(ours, plain, strict=True)]
    part.figure(
        f"{key}.cpu_gain",
        f"{clip.name}: plain loop's processor time over ours",
        median(gain),
        "times",
        Better.HIGHER,
    )
    part.table(
        f"{clip.name}: as fast as it goes",
        (
            "",
            "frames a second",
            "times real time",
            "CPU seconds per video second",
            "frames looked at",
            "memory at most, MiB",
        ),
        rows,
    )
    part.findings.append(
        f"{clip.name}: {np.median(rates[0]):.0f} frames a second against {np.median(rates[1]):.0f}, with "
        f"{np.median(gain):.1f} times less processor time than the plain loop."
    )
    if not plain[0]["own_loader"]:
        part.findings.append(
            "The detector's input has no fixed square size, so our detector stands in fast-alpr's own seam."
        )


def _pace(part: Part, clip: Clip, key: str, live: Run, plain: Run) -> None:
    rows: list[list[object]] = []
    for name, run in (("this system", live), ("fast-alpr, plain loop", plain)):
        whole = run["frames"] + run["drops"]
        lost = share(run["drops"], whole)
        short = "edge" if run is live else "plain"
        part.figure(
            f"{key}.{short}_drops",
            f"{clip.name}: frames dropped at its own pace, {name}",
            lost,
            "share",
            Better.LOWER,
            machine=True,
        )
        rows.append([name, f"{lost.value:.1%}", f"{_cpu(run) / clip.seconds:.2f}"])
    part.table(f"{clip.name}: at its own pace", ("", "frames dropped", "CPU seconds per video second"), rows)
    delays = live["delays_ms"]
    if not delays:
        part.findings.append(f"{clip.name}: no listed plate passed, so no time to a hit was measured.")
        return
    for percent in (50, 95, 99):
        found = bootstrap(delays, lambda values, p=percent: float(np.percentile(values, p)))  # type: ignore[misc]
        part.figure(
            f"{key}.delay_p{percent}",
            f"{clip.name}: picture to spooled hit, p{percent}",
            found,
            "ms",
            Better.LOWER,
            machine=True,
        )
    part.findings.append(
        f"{clip.name}: from the picture that a hit shows to the sealed hit on disk: "
        f"{np.median(delays):.0f} ms in the middle, {max(delays):.0f} ms at worst, over {len(delays)} hits. "
        "It includes the wait until the pass has been read often enough to be sure."
    )


def _stages(part: Part, clip: Clip, ours: list[Run], plain: list[Run]) -> None:
    """Plot where the time of one frame goes."""
    labels = ["this system", "fast-alpr, plain loop"]
    columns = [_per_stage(runs) for runs in (ours, plain)]
    series = [
        {"label": stage, "x": labels, "y": [round(column[stage], 3) for column in columns]}
        for stage in STAGES
        if any(column[stage] > 0 for column in columns)
    ]
    part.plot(Plot.STACKED, f"{clip.name}: where the time goes", ("ms per frame of the clip", ""), series)


def _per_stage(runs: list[Run]) -> dict[str, float]:
    """Return the median ms per frame of each stage; `other` is processor time that no stage accounts for."""
    found = []
    for run in runs:
        spent = dict.fromkeys(STAGES, 0.0) | run["stages_ms"]
        if "decode" not in run["stages_ms"]:
            spent["decode"] = run["children_cpu_s"] * 1000
        spent["other"] = max(0.0, run["wall_s"] * 1000 - sum(run["stages_ms"].values()))
        if "decode" not in run["stages_ms"]:
            spent["other"] = max(0.0, run["cpu_s"] * 1000 - sum(run["stages_ms"].values()))
        found.append({stage: spent[stage] / run["frames"] for stage in STAGES})
    return {stage: float(np.median([one[stage] for one in found])) for stage in STAGES}


def _memory(part: Part, clip: Clip, ours: Run, plain: Run) -> None:
    series = [
        {"label": label, "x": [at for at, _ in run["memory"]], "y": [mib for _, mib in run["memory"]]}
        for label, run in (("this system", ours), ("fast-alpr, plain loop", plain))
    ]
    part.plot(
        Plot.LINES,
        f"{clip.name}: memory until the clip was read, each at its own speed",
        ("seconds", "MiB"),
        series,
        zero=True,
    )


def _promises(part: Part, clip: Clip, runs: list[Run]) -> None:
    """Check the ledger of every run, and its hits where the truth is known."""
    ledgers = [run["counts"] for run in runs]
    good = all(one["reads"] == one["hits"] + one["destroyed"] + one["live"] for one in ledgers)
    empty = all(one["live"] == 0 for one in ledgers)
    part.check(
        f"{clip.name}: reads = hits + destroyed + live",
        good and empty,
        f"{sum(one['reads'] for one in ledgers)} reads in {len(runs)} runs, "
        f"{sum(one['live'] for one in ledgers)} live at the end.",
    )
    if not clip.plates:
        return
    missed = sum(len(set(clip.plates) - set(run["hit"])) for run in runs)
    twice = sum(len(run["hit"]) - len(set(run["hit"])) for run in runs)
    invented = sum(len(set(run["hit"]) - set(clip.plates)) for run in runs)
    part.check(
        f"{clip.name}: every listed plate is hit once",
        not (missed or twice or invented),
        f"{len(clip.plates)} listed plates pass in each of {len(runs)} runs: {missed} missed, "
        f"{twice} reported twice, {invented} invented.",
    )


def _sweep(part: Part, bench: Bench, roads: Sequence[Clip]) -> None:
    """Measure how the cost follows the share of frames that hold a plate."""
    shares: list[float] = []
    costs: dict[str, list[float]] = {"edge": [], "fast-alpr": []}
    rates: dict[str, list[float]] = {"edge": [], "fast-alpr": []}
    for clip in roads:
        shares.append(round((clip.share or 0.0) * 100, 1))
        with department(clip.plates) as home:
            for kind, found in costs.items():
                bench.advance(f"sweep: {shares[-1]:.0f} % of frames with a plate, {kind}")
                run = home.run(kind, clip, bench.reading)
                found.append(round(_cpu(run) * 1000 / run["frames"], 2))
                rates[kind].append(run["frames"] / run["wall_s"])
    series = [
        {"label": label, "x": shares, "y": costs[kind]}
        for kind, label in (("edge", "this system"), ("fast-alpr", "fast-alpr, plain loop"))
    ]
    part.plot(
        Plot.LINES,
        "What a frame costs, from an empty road to a full one",
        ("share of frames with a legible plate, %", "processor ms per frame"),
        series,
        zero=True,
        markers=True,
    )
    gains = [plain / ours for plain, ours in zip(costs["fast-alpr"], costs["edge"], strict=True)]
    part.table(
        "What a frame costs, from an empty road to a full one",
        ("frames with a plate", "this system, ms", "plain loop, ms", "plain loop / ours"),
        [
            [f"{at:.0f} %", f"{ours:.1f}", f"{plain:.1f}", f"{gain:.1f}"]
            for at, ours, plain, gain in zip(shares, costs["edge"], costs["fast-alpr"], gains, strict=True)
        ],
    )
    empty = rates["edge"][0] / rates["fast-alpr"][0]
    part.figure(
        "sweep.empty_fps_gain",
        "frames a second on an empty road, ours over the plain loop's",
        Estimate(empty, empty, empty, 1),
        "times",
        Better.HIGHER,
    )
    for name, gain in (("empty", gains[0]), ("full", gains[-1])):
        part.figure(
            f"sweep.{name}_gain",
            f"plain loop's processor time over ours, {name} road",
            Estimate(gain, gain, gain, 1),
            "times",
            Better.HIGHER,
        )


def _cpu(run: Run) -> float:
    """Return all processor seconds of a run, the capture process included."""
    return float(run["cpu_s"] + run["children_cpu_s"])
