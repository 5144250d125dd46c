"""The limits that `alpr-edge aim` judges by are those that were measured, and those that the page names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy import aim_limits
from edge.vision import plate_view
from edge.vision.plate_view import view_of

ROOT = Path(__file__).resolve().parents[1]
RESULTS = json.loads((ROOT / "docs" / "results" / "aim.json").read_text())
PAGE = (ROOT / "docs" / "cameras.md").read_text()
LIMITS = {name: value for name, value in vars(plate_view).items() if name.startswith(("LEAST_", "MOST_"))}
Row = dict[str, Any]
INSIDE: dict[str, Callable[[Row], bool]] = {
    "width": lambda row: row["step"] >= plate_view.LEAST_WIDTH,
    "smear": lambda row: row["across"] >= plate_view.LEAST_ACROSS,
    "smear_down": lambda row: row["down"] >= plate_view.LEAST_DOWN,
    "defocus": lambda row: row["across"] >= plate_view.LEAST_ACROSS and row["down"] >= plate_view.LEAST_DOWN,
    "dark": lambda row: row["contrast"] >= plate_view.LEAST_CONTRAST,
    "bright": lambda row: row["glare"] <= plate_view.MOST_GLARE,
    "tilt": lambda row: abs(row["tilt"]) <= plate_view.MOST_TILT,
}


@pytest.mark.parametrize("fault", INSIDE)
def test_inside_a_limit_plates_are_read_and_outside_they_are_lost(fault: str) -> None:
    """Of each fault, 95 % and more are read exactly inside the limit, and fewer than 90 % somewhere outside."""
    rows = RESULTS["faults"][fault]
    inside = [row["exact_percent"] for row in rows if INSIDE[fault](row)]
    outside = [row["exact_percent"] for row in rows if not INSIDE[fault](row)]
    assert inside
    assert min(inside) >= 95
    assert min(outside) < 90


def test_the_results_are_of_every_fault_that_is_measured() -> None:
    """The file is the one that the module writes: its faults, its steps, its plates."""
    assert set(INSIDE) == set(aim_limits.STEPS) == set(RESULTS["faults"])
    for fault, steps in aim_limits.STEPS.items():
        assert [row["step"] for row in RESULTS["faults"][fault]] == list(steps)
    assert RESULTS["plates"] == aim_limits.PLATES


@pytest.mark.parametrize(("fault", "step"), [("tilt", 12.0), ("smear", 9.0), ("bright", 6.0)])
def test_a_measure_is_what_the_results_say(fault: str, step: float) -> None:
    """The measures are made anew and stand in the file: a change of one without the other is seen."""
    views = [view_of(crop) for _, crop in aim_limits.crops(fault, step)]
    row = next(row for row in RESULTS["faults"][fault] if row["step"] == step)
    for name in ("across", "down", "contrast", "glare", "tilt"):
        measured = sorted(getattr(view, name) for view in views)
        middle = (measured[(len(measured) - 1) // 2] + measured[len(measured) // 2]) / 2
        assert middle == pytest.approx(row[name], rel=0.02, abs=0.02), name


def test_the_page_names_every_limit() -> None:
    """docs/cameras.md gives each limit beside the name that the code has for it."""
    for name, value in LIMITS.items():
        assert f"| `{name}` | {value:g} |" in PAGE, name
