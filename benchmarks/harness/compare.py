"""Two results side by side: what changed beyond noise, and what got worse than is allowed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from benchmarks.harness.environment import fingerprint
from benchmarks.harness.results import Better

TIME_LIMIT: Final = 0.10
"""Times and memory may get worse by this share."""
SHARE_LIMIT: Final = 0.01
"""Shares (recall, exact reads, drops) may get worse by this much."""


class Verdict(StrEnum):
    """What became of one figure, the worst first."""

    REGRESSED = "REGRESSED"
    GONE = "GONE"
    WORSE = "worse, within the limit"
    BETTER = "better"
    NEW = "new"
    UNJUDGED = "not judged"
    SAME = "no change beyond noise"


_ORDER: Final = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class Change:
    """One figure before and after; None where it was not measured."""

    key: str
    label: str
    unit: str
    before: float | None
    after: float | None
    verdict: Verdict
    why: str = ""


def compare(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    limit: float = TIME_LIMIT,
    portable: bool = False,
) -> list[Change]:
    """Return every figure of both results with its verdict, the worst first.

    1. A figure that only means something on one machine is not judged across two, or when a run was noisy.
    2. Intervals that overlap are no change beyond noise.
    3. Worse by more than the limit is a regression; shares have a limit of their own, one point.
    4. A figure that is gone is a regression: a part that no longer runs must not pass.
    5. A check that failed after is a regression, whatever it was before.

    `portable` leaves out what only compares on one machine, and does not judge a part that was left out: for
    a baseline that was measured elsewhere.

    Raises:
        ValueError: the runs read different videos or labelled folders.
    """
    read = [side["environment"].get("data", []) for side in (before, after)]
    if read[0] != read[1]:
        raise ValueError(f"the runs read different data ({read[0]} and {read[1]}): measure both on the same")
    absent = {name for name, part in after["parts"].items() if portable and part.get("left_out")}
    old, new = (
        {key: each for key, each in _figures(side).items()
         if not (portable and each["machine"]) and key.partition(".")[0] not in absent}
        for side in (before, after)
    )  # fmt: skip
    here = fingerprint(before["environment"]) == fingerprint(after["environment"])
    noisy = any(side["environment"].get("noise", {}).get("noisy") for side in (before, after))
    changes = [_judge(old.get(key), new.get(key), here=here, noisy=noisy, limit=limit) for key in old | new]
    changes += [
        Change(
            f"{name}.check", f"{name}: {check['name']}", "", None, None, Verdict.REGRESSED, check["detail"]
        )
        for name, part in after["parts"].items()
        for check in part["checks"]
        if not check["passed"] and not (check.get("timed") and (portable or noisy))
    ]
    return sorted(changes, key=lambda change: (_ORDER.index(change.verdict), change.key))


def regressed(changes: list[Change]) -> bool:
    """Whether a comparison must fail."""
    return any(change.verdict in {Verdict.REGRESSED, Verdict.GONE} for change in changes)


def _figures(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {figure["key"]: figure for part in results["parts"].values() for figure in part["figures"]}


def _judge(
    old: dict[str, Any] | None, new: dict[str, Any] | None, *, here: bool, noisy: bool, limit: float
) -> Change:
    known = new or old or {}
    before, after = (side["value"] if side else None for side in (old, new))
    verdict, why = Verdict.SAME, ""
    if old is None:
        verdict = Verdict.NEW
    elif new is None or (after is None and before is not None):
        verdict, why = Verdict.GONE, "measured before, not measured now"
    elif before is None or after is None or known["better"] == Better.NEITHER:
        verdict, why = Verdict.UNJUDGED, "says nothing about better or worse"
    elif known["machine"] and not here:
        verdict, why = Verdict.UNJUDGED, "the machines differ"
    elif known["machine"] and noisy:
        verdict, why = Verdict.UNJUDGED, "a run's machine was noisy"
    elif old["low"] <= new["high"] and new["low"] <= old["high"] and before != after:
        why = "the intervals overlap"
    elif before != after:
        verdict = _beyond_noise(before, after, known, limit)
    return Change(known["key"], known["label"], known["unit"], before, after, verdict, why)


def _beyond_noise(before: float, after: float, figure: Mapping[str, Any], limit: float) -> Verdict:
    loss = before - after if figure["better"] == Better.HIGHER else after - before
    if loss < 0:
        return Verdict.BETTER
    allowed = SHARE_LIMIT if figure["unit"] == "share" else limit * abs(before)
    return Verdict.REGRESSED if loss > allowed else Verdict.WORSE
