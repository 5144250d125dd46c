"""Each number of the policy stands once, in `hitonly_core.policy`."""

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge.config import HotListSection, MatchingSection, RetentionSection
from hitonly_core import policy
from hotlist.matching.match_settings import MatchSettings

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("hitonly_core", "protocol", "hotlist", "edge", "api")
POLICY = ROOT / "hitonly_core" / "policy.py"
NAMES = ("budget", "passes_per_day", "false_hits", "window", "max_age", "skew", "tolerance", "rematch")
"""Words in the name of what would be one of these numbers, written a second time."""


def written_twice(text: str) -> Iterator[str]:
    """Yield where a module holds a number of the policy: as a duration, or under a name that tells it."""
    durations = {value for value in vars(policy).values() if isinstance(value, timedelta)}
    ceilings = {policy.WINDOW_CEILING}
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", getattr(node.func, "attr", "")) == "timedelta"
        ):
            try:
                value = timedelta(**{str(each.arg): ast.literal_eval(each.value) for each in node.keywords})
            except (ValueError, TypeError):
                continue
            if value in ceilings:
                yield f"line {node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
            name = node.target.id.lower()
            numbers = [each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant)]
            told = any(word in name for word in NAMES) and not name.startswith("report")
            seconds = {each.total_seconds() for each in durations} | {policy.PASSES_PER_DAY, 180, 24.0, 48.0}
            if told and any(isinstance(number, int | float) and number in seconds for number in numbers):
                yield f"line {node.lineno}: {ast.unparse(node)[:80]}"


def test_no_other_module_holds_a_number_of_the_policy() -> None:
    """What is written twice comes to differ: a budget of 1 at the unit and of 10 at the desk, say."""
    found = [
        f"{path.relative_to(ROOT)}, {place}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path != POLICY and "migrations" not in path.parts
        for place in written_twice(path.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "REMATCH: Final = timedelta(seconds=180)",
        "x = f(window=timedelta(minutes=3))",
        "max_false_hits_per_day: float = Field(10_000.0)",
        "window_seconds: float = 180.0",
        "CLOCK_SKEW: Final = 300.0",
        "max_age_hours: float = 24",
    ],
)
def test_a_number_that_is_written_again_is_found(line: str) -> None:
    """The control."""
    assert list(written_twice(line))


def test_units_match_at_the_budget_that_editors_are_shown() -> None:
    """The cost that an editor is told is that of the thresholds that units use."""
    unit, desk = MatchingSection(), MatchSettings()
    assert unit.max_false_hits_per_day == desk.max_false_hits_per_day == policy.FALSE_HITS_PER_DAY
    assert unit.passes_per_day == desk.passes_per_day == policy.PASSES_PER_DAY
    assert RetentionSection().window_seconds == policy.WINDOW_CEILING.total_seconds()
    assert HotListSection(file=Path("f"), trust=Path("t")).max_age_hours == 24
