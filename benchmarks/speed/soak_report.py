"""What a soak showed, as a part of the report: the trend of memory, figures, checks, a plot."""

from typing import Any, Final

import numpy as np

from benchmarks.fixtures.footprint import Footprint
from benchmarks.harness.results import Better, Part, Plot
from benchmarks.harness.runner import Advance, BenchError
from benchmarks.harness.stats import Estimate
from benchmarks.harness.trend import Trend, trend
from benchmarks.speed.soak import Outcome, Trial, edge_own, edge_rss, soak, total
from edge.errors import Exit

FLAT_MIB_PER_HOUR: Final = 4.0
"""A rise of this much an hour must be ruled out; an hour cannot rule out much less."""
MOST_MB: Final = 350.0
"""The edge's own process is to stay under this."""
_ABOUT: Final = (
    "The edge's own command line watches a drawn road from a real RTSP server for as long as asked, with a "
    "signed list of many plates that is replaced now and then. Each of its processes is looked at from outside. "
    "Memory is what the processes have made themselves (anonymous and shared-frame pages); its trend is taken over "
    "the medians of whole minutes after a warm-up (Theil-Sen's, which one odd minute does not tip), and the "
    "interval comes from a block bootstrap."
)


def run(trial: Trial, advance: Advance = lambda _doing: None) -> dict[str, Any]:
    """Soak, and return the part of the report.

    Raises:
        BenchError: there is no RTSP server, or there were too few minutes to tell a trend.
    """
    outcome = soak(trial, advance)
    part = Part("soak", "Memory over time", _ABOUT)
    _figures(part, trial, outcome)
    _checks(part, trial, outcome)
    _plots(part, trial, outcome)
    return part.to_json()


def of_memory(trial: Trial, outcome: Outcome) -> Trend:
    """Return the trend of all processes' memory after the warm-up, MiB an hour.

    Raises:
        BenchError: too few whole minutes are left.
    """
    minutes, values = outcome.medians(trial, total)
    kept = [(at / 60, value) for at, value in zip(minutes, values, strict=True) if at > trial.warm_up]
    try:
        return trend([at for at, _ in kept], [value for _, value in kept])
    except ValueError as problem:
        raise BenchError(outcome.early or f"{trial.minutes:g} minutes are too few: {problem}") from None


def _figures(part: Part, trial: Trial, outcome: Outcome) -> None:
    slope = of_memory(trial, outcome).slope
    part.figure("slope", "slope of all processes' memory", slope, "MiB per hour", Better.LOWER, machine=True)
    settled = [prints for seconds, prints in outcome.samples if seconds >= trial.warm_up * 60]
    for key, label, take, statistic in (
        ("edge_rss", "the edge's own resident memory, median", edge_rss, np.median),
        ("edge_rss_max", "the edge's own resident memory, at most", edge_rss, np.max),
        ("edge_own", "the edge's own memory, median", edge_own, np.median),
        ("total_own", "all processes' memory, median", total, np.median),
        (
            "total_own_max",
            "all processes' memory, at most (two captures while one is renewed)",
            total,
            np.max,
        ),
    ):
        value = float(statistic([take(prints) for prints in settled])) * 2**20
        part.figure(
            key, label, Estimate(value, value, value, len(settled)), "bytes", Better.LOWER, machine=True
        )
    counts = outcome.summary.get("counts", {})
    rows = [
        ["minutes watched, warm-up included", f"{trial.minutes:g}, {trial.warm_up:g}"],
        ["plates listed; lists in the time", f"{trial.entries}; {trial.lists}"],
        ["rounds of the road; legible plates in each; listed of them",
         f"{outcome.rounds:.1f}; {outcome.passing}; {outcome.listed}"],
        *([f"{name}, as far as published", counts.get(name, "")] for name in ("reads", "hits", "destroyed")),
        ["hits, by the box's own lines", outcome.hits],
        ["receipts", outcome.receipts],
        ["spool at the end: files; bytes", f"{outcome.spool[-1][1]}; {outcome.spool[-1][2]}"],
        ["descriptors of the edge, first and last quarter", "{:g}; {:g}".format(*_ends(settled, "files"))],
        ["threads of the edge, first and last quarter", "{:g}; {:g}".format(*_ends(settled, "threads"))],
    ]  # fmt: skip
    part.table("What it did", ("", "value"), rows)
    part.findings.append(
        f"Over {trial.minutes - trial.warm_up:g} minutes after the warm-up the memory of all processes changed by "
        f"{slope.value:+.2f} MiB an hour ({slope.low:+.2f} to {slope.high:+.2f})."
    )


def _checks(part: Part, trial: Trial, outcome: Outcome) -> None:
    found_trend = of_memory(trial, outcome)
    slope = found_trend.slope
    part.check(
        "memory flat",
        found_trend.flat(FLAT_MIB_PER_HOUR),
        f"a rise of {FLAT_MIB_PER_HOUR:g} MiB an hour must be ruled out; the interval reaches {slope.high:.2f}"
        + ("; it rises for certain" if found_trend.rises() else ""),
    )
    most = max(edge_rss(prints) for _, prints in outcome.samples) * 2**20 / 1e6
    part.check(
        f"the edge's resident memory under {MOST_MB:g} MB with {trial.entries} entries",
        most < MOST_MB,
        f"at most {most:.0f} MB, shared libraries counted in full, warm-up included",
    )
    settled = [prints for seconds, prints in outcome.samples if seconds >= trial.warm_up * 60]
    for what, plainly in (("files", "descriptors"), ("threads", "threads")):
        first, last = _ends(settled, what)
        part.check(
            f"no more {plainly} at the end",
            last <= first,
            f"the edge: {first:g} after the warm-up, {last:g} at last",
        )
    counts = outcome.summary.get("counts", {})
    adds_up = bool(counts) and counts["reads"] == counts["hits"] + counts["destroyed"] and not counts["live"]
    part.check("reads = hits + destroyed, none live", adds_up, f"exit code {outcome.exit_code}, {counts}")
    hits = outcome.hits
    part.check(
        "it worked all the while",
        outcome.exit_code == Exit.OK and hits >= 0.8 * (outcome.rounds - 1) * outcome.listed > 0,
        f"{hits} hits of {outcome.rounds * outcome.listed:.0f} listed passes"
        + (f"; {outcome.early}" if outcome.early else ""),
    )


def _plots(part: Part, trial: Trial, outcome: Outcome) -> None:
    names = (("all processes", total), ("the edge", edge_own))
    series = [
        {"label": label, "x": minutes, "y": [round(value, 2) for value in values]}
        for label, take in names
        for minutes, values in [outcome.medians(trial, take)]
    ]
    part.plot(Plot.LINES, "Memory", ("minutes", "MiB"), series, zero=True)


def _ends(settled: list[list[Footprint]], what: str) -> tuple[float, float]:
    """Return the edge's median number over the first and the last quarter of the time."""
    numbers = [sum(getattr(each, what) for each in prints if each.role == "edge") for prints in settled]
    quarter = max(1, len(numbers) // 4)
    return float(np.median(numbers[:quarter])), float(np.median(numbers[-quarter:]))
