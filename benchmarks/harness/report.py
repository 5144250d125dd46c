"""The report: one HTML page that needs nothing else, and the same on the terminal."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from rich.console import Console
from rich.table import Table

from benchmarks.harness.compare import Change, Verdict
from benchmarks.harness.plots import draw
from benchmarks.harness.results import failed_checks, left_out, save
from hitonly_core.files import write_durably

HEADLINES: Final = (
    ("video.drawn.cpu_gain", "less processor time than the plain loop (fast-alpr), drawn road"),
    ("video.drawn.edge_fps", "frames a second on this machine, drawn road"),
    ("video.drawn.delay_p95", "or less from a picture to its sealed hit on disk, for 95 of 100 hits"),
    ("person.decided_shown_p95", "or less from a hit's decision to a reviewer's page, for 95 of 100 hits"),
    ("accuracy.drawn_clear.edge_hit", "of listed plates hit, drawn road, clear weather"),
    ("matching*.recall", "of listed plates found, at a budget of one false hit in 1,000 pictures"),
    ("forgetting.window_5.occurrences", "traces of forgotten plates found, 5 s window"),
)
"""Figures that stand at the top where they were measured, with what they say; a star stands for any name."""
MEANINGS: Final = {
    "video": "Whether this machine keeps up with your road: above the camera's own frames a second, nothing is "
    "missed for want of time, and the rest is headroom for more cameras or a smaller box.",
    "person": "How long after a wanted vehicle passes a person can look at the hit.",
    "accuracy": "How many vehicles are read right. On your road it depends on camera, light and plates: give your "
    "own labelled pictures with --data before you decide.",
    "matching": "How many wanted plates are noticed although a character was misread, and how often an innocent "
    "plate is taken for a wanted one. The second number times your traffic is how often people are bothered.",
    "motion": "Whether an empty road leaves the processor idle, and whether anything is missed for it.",
    "forgetting": "Whether anything of the vehicles that are not wanted can still be found after the window.",
    "differential": "Whether anything that leaves the box tells of vehicles that are not wanted: which, or when.",
}
"""What each part tells somebody who decides about a road."""
FOLDED: Final = 8
"""A table of more rows is folded: what it shows stands in the findings."""


def write(results: Mapping[str, Any], folder: Path) -> Path:
    """Write ``results.json`` and ``index.html``; return the page.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save(results, folder / "results.json")
    page = folder / "index.html"
    write_durably(page, html(results).encode(), mode=0o644)
    return page


def html(results: Mapping[str, Any]) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["plot"] = lambda plot: Markup(draw(plot))  # noqa: S704 - our own drawing, labels as paths
    figures = {figure["key"]: figure for part in results["parts"].values() for figure in part["figures"]}
    return environment.get_template("report.html.j2").render(
        machine=results["environment"],
        noise=results["environment"].get("noise", {}),
        parts=list(results["parts"].values()),
        checks=sum(len(part["checks"]) for part in results["parts"].values()),
        failed=failed_checks(results),
        left_out=left_out(results),
        meanings=MEANINGS,
        folded=FOLDED,
        headlines=[
            (figure, text)
            for like, text in HEADLINES
            for key, figure in figures.items()
            if fnmatchcase(key, like)
        ],
    )


def number(figure: Mapping[str, Any], name: str = "value") -> str:
    """Return a figure's value or bound for people: shares in per cent, three digits of the rest."""
    value = figure[name]
    if value is None:
        return "not measured"
    if figure["unit"] == "share":
        return f"{value:.1%}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def print_summary(results: Mapping[str, Any], console: Console) -> None:
    """Print figures, findings and failed checks as a table on the terminal."""
    grid = Table("figure", "value", "95 % interval", title="Results")
    for part in results["parts"].values():
        for figure in part["figures"]:
            between = f"{number(figure, 'low')} to {number(figure, 'high')}"
            unit = "" if figure["unit"] == "share" else f" {figure['unit']}"
            grid.add_row(figure["label"], number(figure) + unit, between)
    console.print(grid)
    for part in results["parts"].values():
        for finding in part["findings"]:
            console.print(f"- {finding}", markup=False)
    console.print(results["environment"].get("noise", {}).get("sentence", ""), markup=False)
    for line in left_out(results):
        console.print(f"LEFT OUT {line}", style="yellow", markup=False)
    for name in failed_checks(results):
        console.print(f"FAILED {name}", style="bold red", markup=False)


def print_changes(changes: list[Change], console: Console) -> None:
    """Print a comparison; what did not change is only counted."""
    grid = Table("figure", "before", "after", "unit", "verdict", "why")
    same = [change for change in changes if change.verdict is Verdict.SAME]
    for change in changes:
        if change.verdict is Verdict.SAME:
            continue
        style = "bold red" if change.verdict in {Verdict.REGRESSED, Verdict.GONE} else ""
        before, after = (
            "" if value is None else number({"value": value, "unit": change.unit})
            for value in (change.before, change.after)
        )
        grid.add_row(change.label, before, after, change.unit, change.verdict.value, change.why, style=style)
    console.print(grid)
    console.print(f"{len(same)} figures did not change beyond noise.")
