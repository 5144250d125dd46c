"""What the load showed, as a part of the report: rates, times, what a request costs, how far the goals are."""

import os
from typing import Any, Final

from benchmarks.fixtures.postgres import BIN
from benchmarks.harness.results import Better, Part, Plot
from benchmarks.harness.runner import Bench
from benchmarks.harness.stats import Estimate
from benchmarks.load import load_units
from benchmarks.load.load_department import WORKERS
from benchmarks.load.load_run import HEARTBEAT_S, POLL_S, SHORT, Outcome, Plan, Stage, load

HITS_GOAL: Final = 250
P99_GOAL_MS: Final = 200
POLLS_GOAL: Final = 1500
_ABOUT: Final = (
    "A real service on loopback, without TLS, with {workers} worker processes on a PostgreSQL server that "
    "waits for its disk. {units:,} units are enrolled, each with a key of its own; requests are signed and "
    "hits are sealed as a unit does it. First each kind of request alone over a few connections, each asking "
    "again as soon as it is answered. Then the whole department: every unit beats every {beat} s and asks for "
    "its unchanged list every {poll} s, {people} people review, and hits come at a growing rate; a request's "
    "time counts from the moment at which it was due. The limits by address are lifted, because all units "
    "share a few addresses here. Cameras, TLS and receipts are left out. The load runs on the same {cores} "
    "cores as the service and its database."
)
_KEYS: Final = {
    load_units.POLL: "poll",
    load_units.HEARTBEAT: "heartbeat",
    load_units.HIT: "hit",
    load_units.BATCH: "batch",
}


def run(bench: Bench, plan: Plan | None = None) -> dict[str, Any]:
    """Measure, or say what is lacking; then the part is counted as left out.

    Raises:
        BenchError: the service did not start, or a person's page failed.
    """
    plan = plan or (SHORT if bench.short else Plan())
    about = _ABOUT.format(
        workers=WORKERS, units=plan.units, beat=HEARTBEAT_S, poll=POLL_S, people=plan.people,
        cores=len(os.sched_getaffinity(0)),
    )  # fmt: skip
    part = Part("load", "The service under load", about)
    if not (BIN / "initdb").exists():
        part.left_out = "Not measured: PostgreSQL is not here (Debian: apt-get install postgresql)."
        return part.to_json()
    report(part, plan, load(plan, bench.seed, bench.advance))
    return part.to_json()


def report(part: Part, plan: Plan, outcome: Outcome) -> None:
    """Put what came out into the part."""
    for stage in outcome.alone:
        _alone(part, stage)
    for label, key, value in zip(
        ("at the start", "at the end"), ("before", "after"), outcome.memory, strict=True
    ):
        size = value * 2**20
        part.figure(
            f"memory_{key}", f"the service's memory, {label} (proportional set size)",
            Estimate(size, size, size, 1), "bytes", Better.LOWER, machine=True,
        )  # fmt: skip
    _tables(part, outcome)
    _plots(part, outcome)
    _findings(part, plan, outcome)
    _checks(part, outcome)


def _alone(part: Part, stage: Stage) -> None:
    """Add what one kind of request costs and how many there are in a second."""
    key, (heard,) = _KEYS[stage.name], stage.heard.values()
    each = load_units.BATCH_SIZE if stage.name == load_units.BATCH else 1
    answered = max(1, heard.answered)
    figures = (
        ("rate", "in a second", heard.answered / stage.seconds, "per second", Better.HIGHER),
        ("cpu", "processor time of the service", stage.service / answered * 1000, "ms", Better.LOWER),
        ("database", "processor time of PostgreSQL", stage.database / answered * 1000, "ms", Better.LOWER),
        ("p50", "time to the answer, median", heard.percentile(50), "ms", Better.LOWER),
        ("p99", "time to the answer, 99th percentile", heard.percentile(99), "ms", Better.LOWER),
    )
    for name, label, value, unit, better in figures:
        figure = Estimate(value, value, value, heard.answered)
        part.figure(f"{key}.{name}", f"{stage.name}: {label}", figure, unit, better, machine=True)
    if each > 1:
        value = heard.answered * each / stage.seconds
        figure = Estimate(value, value, value, heard.answered * each)
        part.figure(
            f"{key}.hits",
            f"{stage.name}: hits in a second",
            figure,
            "per second",
            Better.HIGHER,
            machine=True,
        )


def _tables(part: Part, outcome: Outcome) -> None:
    columns = ("request", "answered", "a second", "ms of the service", "ms of PostgreSQL", "p50 ms", "p99 ms")
    rows = []
    for stage in outcome.alone:
        (heard,) = stage.heard.values()
        answered = max(1, heard.answered)
        cost = (stage.service / answered * 1000, stage.database / answered * 1000)
        times = (heard.percentile(50), heard.percentile(99))
        rows.append((
            stage.name, f"{heard.answered:,}", f"{heard.answered / stage.seconds:.1f}",
            *(f"{value:.1f}" for value in (*cost, *times)),
        ))  # fmt: skip
    part.table("Each kind of request alone", columns, rows)
    mixed = (
        "hits offered a second", "request", "asked", "wrong", "unanswered", "p50 ms", "p99 ms", "cores in use"
    )  # fmt: skip
    part.table(
        "The whole department",
        mixed,
        [
            (
                rate, kind, len(heard.seconds), heard.wrong, heard.unanswered,
                f"{heard.percentile(50):.0f}", f"{heard.percentile(99):.0f}",
                f"{(stage.service + stage.database) / stage.seconds:.2f}",
            )
            for rate, stage in outcome.mixed
            for kind, heard in sorted(stage.heard.items())
        ],
    )  # fmt: skip


def _plots(part: Part, outcome: Outcome) -> None:
    rates = [rate for rate, _ in outcome.mixed]
    hits = [stage.heard[load_units.HIT] for _, stage in outcome.mixed]
    part.plot(
        Plot.LINES,
        "Time to a hit's acknowledgement, by the rate of hits beside everything else",
        ("hits offered in a second", "milliseconds from when it was due"),
        [
            {"label": name, "x": rates, "y": [round(each.percentile(share), 1) for each in hits]}
            for name, share in (("median", 50), ("99th percentile", 99))
        ],
        markers=True,
        zero=True,
    )


def _findings(part: Part, plan: Plan, outcome: Outcome) -> None:
    """Say how far the goals are, and what limits."""
    by_name = {stage.name: stage for stage in outcome.alone}
    polls, hits = by_name[load_units.POLL], by_name[load_units.HIT]
    poll_rate, hit_rate = polls.answered / polls.seconds, hits.answered / hits.seconds
    part.findings.append(
        f"List polls: {poll_rate:.0f} a second; the goal of {POLLS_GOAL:,} is {_reached(poll_rate, POLLS_GOAL)}."
    )
    p99 = hits.heard[load_units.HIT].percentile(99)
    part.findings.append(
        f"Hits, one in a request: {hit_rate:.0f} a second, p99 {p99:.0f} ms; the goal of {HITS_GOAL} a second "
        f"with p99 under {P99_GOAL_MS} ms is {_reached(hit_rate, HITS_GOAL if p99 < P99_GOAL_MS else None)}."
    )
    kept = [rate for rate, stage in outcome.mixed if stage.heard[load_units.HIT].percentile(99) < P99_GOAL_MS]
    said = f"{max(kept)} hits a second were the most" if kept else "No rate that was tried was"
    part.findings.append(
        f"{said} acknowledged with p99 under {P99_GOAL_MS} ms beside {plan.units:,} units and {plan.people} people."
    )
    used = [(stage.service + stage.database + stage.client) / stage.seconds for stage in outcome.alone]
    part.findings.append(
        f"The processors limit: service, PostgreSQL and load together used {max(used):.1f} of "
        f"{len(os.sched_getaffinity(0))} cores at most. People confirmed {outcome.confirmed} hits meanwhile."
    )


def _reached(value: float, goal: float | None) -> str:
    """Say how far a rate is from its goal; without one, another goal beside it is missed."""
    if goal is None:
        return "not reached"
    return "reached" if value >= goal else f"not reached: {value / goal:.0%} of it"


def _checks(part: Part, outcome: Outcome) -> None:
    """Check that no answer is wrong, that none is missing, and that there were answers at all."""
    every = [(stage.name, heard) for stage in outcome.alone for heard in stage.heard.values()]
    wrong = [f"{name}: {heard.wrong}" for name, heard in every if heard.wrong]
    wrong += [
        f"{kind} at {rate} hits a second: {heard.wrong}"
        for rate, stage in outcome.mixed
        for kind, heard in stage.heard.items()
        if heard.wrong
    ]
    part.check("every answer is the one that it should be", not wrong, "; ".join(wrong) or "none was wrong")
    silent = sum(heard.unanswered for _, stage in outcome.mixed for heard in stage.heard.values())
    part.check("every request is answered", not silent, f"{silent} had no answer in time", timed=True)
    seen = all(stage.answered for stage in outcome.alone)
    part.check("every kind of request was answered", seen, "a part that measured nothing must not pass")
