"""What a measurement returns and a report shows: figures, tables, plots, checks (docs/benchmarks.md).

Each part of the harness fills a `Part`; its JSON is one member of ``results.json``. `compare` reads figures,
`report` shows all of it, and a failed check makes the command exit 1.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.stats import Estimate
from hitonly_core.files import write_durably

SCHEMA: Final = 1


class Better(StrEnum):
    """Which way a figure improves."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


class Plot(StrEnum):
    """How a plot's series are drawn."""

    LINES = "lines"
    STACKED = "stacked"
    MATRIX = "matrix"


@dataclass(slots=True)
class Part:
    """One part of the report, for readers who have never seen the project.

    Attributes:
        name: the part's key in ``results.json``.
        title: its heading.
        about: what was measured, and how, in two or three sentences.
        findings: one sentence each: what came out, shortfalls included.
        left_out: why the part could not be measured here; empty when it was. It is counted, never green.
    """

    name: str
    title: str
    about: str
    findings: list[str] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    plots: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    left_out: str = ""

    def figure(
        self,
        key: str,
        label: str,
        estimate: Estimate,
        unit: str,
        better: Better = Better.NEITHER,
        *,
        machine: bool = False,
    ) -> None:
        """Add a figure; `machine` marks one that only compares on the same machine (times, memory)."""
        value = {name: _number(number) for name, number in asdict(estimate).items()}
        self.figures.append(
            {"key": f"{self.name}.{key}", "label": label, **value, "unit": unit, "better": better.value}
            | {"machine": machine}
        )

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add a table; the first column is its rows' names."""
        self.tables.append({"title": title, "columns": list(columns), "rows": [list(row) for row in rows]})

    def plot(
        self,
        kind: Plot,
        title: str,
        axes: tuple[str, str],
        series: Sequence[Mapping[str, Any]],
        **options: object,
    ) -> None:
        """Add a plot: each series has `label`, `x` and `y`, and may have `low` and `high`."""
        self.plots.append(
            {"kind": kind.value, "title": title, "x": axes[0], "y": axes[1], "series": list(series)} | options
        )

    def check(self, name: str, passed: bool, detail: str, *, timed: bool = False) -> None:  # noqa: FBT001
        """Add a check: a promise that this run confirmed or broke; `timed` marks one that a busy machine breaks."""
        self.checks.append({"name": name, "passed": bool(passed), "detail": detail, "timed": timed})

    def to_json(self) -> dict[str, Any]:
        """Return the part as it stands in ``results.json``."""
        return asdict(self)


def assemble(environment: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the whole results of a run."""
    return {
        "schema": SCHEMA,
        "environment": dict(environment),
        "parts": {part["name"]: part for part in parts},
    }


def failed_checks(results: Mapping[str, Any]) -> list[str]:
    """Return the names of the checks that failed, with their part.

    A short run is made anywhere, beside anything: no time fails it.
    """
    short = results["environment"].get("short", False)
    return [
        f"{name}: {check['name']}"
        for name, part in results["parts"].items()
        for check in part["checks"]
        if not check["passed"] and not (short and check.get("timed"))
    ]


def left_out(results: Mapping[str, Any]) -> list[str]:
    """Return the parts that could not be measured here, each with its reason."""
    return [
        f"{part['title']}: {part['left_out']}" for part in results["parts"].values() if part.get("left_out")
    ]


def save(results: Mapping[str, Any], path: Path) -> None:
    """Write results as JSON.

    Raises:
        OSError: the file cannot be written.
    """
    write_durably(path, json.dumps(results, indent=1, allow_nan=False).encode() + b"\n", mode=0o644)


def load(path: Path) -> dict[str, Any]:
    """Read results.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no results file of this schema.
    """
    body = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        found = body.get("schema") if isinstance(body, dict) else None
        raise ValueError(f"{path}: results of schema {found}, expected {SCHEMA}")
    return body


def _number(value: float) -> float | int | None:
    """Return a number that JSON knows; what could not be measured is null."""
    return value if math.isfinite(value) else None
