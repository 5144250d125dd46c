"""The differential trial's part of the report."""

import shutil
from typing import Any, Final

from benchmarks.differential.differential_part import AGAINST, CONTROL, Outcome, Trial, measured
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.results import Better, Part
from benchmarks.harness.runner import Bench
from benchmarks.harness.stats import Estimate

WINDOWS: Final = (180.0, 5.0, 0.0)
_SHOWN: Final = 12
_ABOUT: Final = (
    "The real box runs over the same road several times, with other plates on the vehicles that are no hits, and "
    "with those vehicles at other times. Every system call by which something can leave it is recorded. What must "
    "differ (ids, signatures, ciphertext, clocks) is replaced by named rules; all the rest must be equal, byte for "
    "byte."
)


def report(part: Part, reading: Reading, *, seed: int = 1, short: bool = False) -> None:
    """Run the trials and add their table, figures and checks to the part. Takes strace.

    Args:
        part: of the report.
        reading: the models.
        seed: decides plates and pictures.
        short: one trial and its control, with few vehicles, without a department's service.
    """
    windows = WINDOWS[:1] if short else WINDOWS
    against = ("other plates", "other times") if short else AGAINST
    trials = [
        Trial(f"window {window:g} s", window, against, seed=seed + place, reading=reading)
        for place, window in enumerate(windows)
    ]
    if not short:
        trials.append(Trial("with a department's service", link=True, vehicles=4, seed=seed, reading=reading))
    outcomes = [measured(trial) for trial in trials]
    plates = ("other plates",) if short else ("other plates", "again")
    control = measured(
        Trial("control: a planted leak", against=plates, seed=seed, reading=reading, leak=CONTROL)
    )
    _table(part, [*outcomes, control])
    for outcome in outcomes:
        _check(part, outcome)
    part.check(
        "differential trial: a planted leak that no search for bytes would find is seen",
        passed=bool(control.differences["other plates"]) and not control.differences.get("again"),
        detail="; ".join(map(str, control.differences["other plates"][:_SHOWN])) or "not seen",
    )


def _table(part: Part, outcomes: list[Outcome]) -> None:
    part.table(
        "Differential trial: what left the box, and hangs on the plates or the times of non-hits",
        ["trial", "calls, names compared a run", "hits opened (control)", *AGAINST, "faults"],
        [
            [
                outcome.trial.name,
                f"{outcome.calls}, {outcome.looked}",
                f"{outcome.hits} of {outcome.listed}",
                *(
                    len(outcome.differences[name]) if name in outcome.differences else "not run"
                    for name in AGAINST
                ),
                len(outcome.faults),
            ]
            for outcome in outcomes
        ],
    )


def _check(part: Part, outcome: Outcome) -> None:
    found = [f"{name}: {each}" for name, differences in outcome.differences.items() for each in differences]
    found += outcome.faults
    if outcome.hits != outcome.listed:
        found.append(f"{outcome.hits} of {outcome.listed} hits")
    key = "differential." + outcome.trial.name.replace(" ", "_").replace("'", "")
    part.figure(
        key,
        f"differences in what left the box, {outcome.trial.name}",
        Estimate(len(found), len(found), len(found), len(outcome.differences) + 1),
        "",
        Better.LOWER,
    )
    part.check(
        f"differential trial, {outcome.trial.name}: all that leaves the box is equal",
        passed=outcome.equal,
        detail="; ".join(found[:_SHOWN]) or f"{outcome.calls} calls a run, none differs",
    )


def run(bench: Bench) -> dict[str, Any]:
    """Return the differential trial's part of the report, or a word that it cannot run here."""
    part = Part("differential", "Differential trial", _ABOUT)
    if not shutil.which("strace"):
        part.left_out = "Not measured: recording what leaves a box takes strace."
        return part.to_json()
    bench.advance("differential trial: the same traffic with other plates")
    report(part, bench.reading, seed=bench.seed, short=bench.short)
    return part.to_json()
