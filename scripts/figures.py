"""Write the figures of README.md and docs/ from the committed results, and the demo's output from a committed run.

A figure is named by its file and key, so nobody types a number; `tests/test_readme.py` compares. A page has a block
between ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->`` for each table.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
DEMO = RESULTS / "demo.txt"
SCALES = {
    "share": (100.0, " %"),
    "bytes": (1e-6, " MB"),
    "us": (1.0, " µs"),
    "ms": (1.0, " ms"),
    "frames/s": (1.0, " frames/s"),
    "times": (1.0, " times"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of figures: what it says, and where its figure is."""

    says: str
    file: str
    key: str


X86 = "x86-64-2-cores"
HUB, OURS = "matching-cct-xs-v2-global", "matching-hitonly-ocr"
ROWS = (
    Row(
        "Purge lateness over 10,000 reads, both cores busy, worst", "forgetting", "forgetting.purge_late_max"
    ),
    Row("Hit recall on labelled pictures, 100,000 plates listed, hub's reader", "matching", f"{HUB}.recall"),
    Row("False hits per 1,000 unlisted pictures at that recall", "matching", f"{HUB}.false_hits"),
    Row("The same recall with the bundled reader", "matching", f"{OURS}.recall"),
    Row("False hits per 1,000 unlisted pictures at that recall", "matching", f"{OURS}.false_hits"),
    Row("Plates found by the bundled detector, US pictures", "accuracy", "accuracy.us.edge_recall"),
    Row("The same, European pictures", "accuracy", "accuracy.eu.edge_recall"),
    Row("Exact reads with the bundled weights, US pictures", "accuracy", "accuracy.us.edge_exact"),
    Row("The same, European pictures", "accuracy", "accuracy.eu.edge_exact"),
    Row("Look-up, p99, worst of 1,000 to 5,000,000 plates listed", "matching", f"{HUB}.lookup_p99"),
    Row("Index of 5,000,000 plates", "matching", f"{HUB}.index_bytes"),
    Row("British motorway clip, this system, two cores, hub's weights", "video", "video.clip1.edge_fps"),
    Row("The same clip, fast-alpr's plain loop, same weights, same run", "video", "video.clip1.plain_fps"),
    Row(
        "Processor time of the plain loop as a multiple of this system's, that clip",
        "video",
        "video.clip1.cpu_gain",
    ),
    Row("Drawn road, this system, two cores, bundled weights", X86, "video.drawn.edge_fps"),
    Row("The same road, fast-alpr's plain loop, same weights, same run", X86, "video.drawn.plain_fps"),
    Row(
        "Processor time of the plain loop as a multiple of this system's, empty drawn road",
        X86,
        "video.sweep.empty_gain",
    ),
    Row(
        "Frames a second of this system as a multiple of the plain loop's, empty drawn road",
        X86,
        "video.sweep.empty_fps_gain",
    ),
    Row(
        "Time from the picture that a hit shows to the sealed hit on disk, median",
        X86,
        "video.drawn.delay_p50",
    ),
    Row(
        "The same, 95th percentile: a read that is not sure waits for better pictures",
        X86,
        "video.drawn.delay_p95",
    ),
    Row(
        "Most memory that the edge used in {minutes} minutes, 100,000 plates listed",
        "soak",
        "soak.edge_rss_max",
    ),
    Row(
        "Time from the decision to the row in a reviewer's browser, 95th percentile",
        X86,
        "person.decided_shown_p95",
    ),
    Row("Time from the picture that the hit shows to that row, median", X86, "person.picture_shown_p50"),
    Row("The same, 95th percentile", X86, "person.picture_shown_p95"),
    Row("Motion gate on a 720p frame", "motion", "motion.shares_of_brightness_ms"),
    Row(
        "Frames with a legible plate that the gate lets through",
        "motion",
        "motion.shares_of_brightness_plates",
    ),
)

FIRST: Final = (
    Row("Hit recall on labelled pictures, 100,000 plates listed, hub's reader", "matching", f"{HUB}.recall"),
    Row("False hits per 1,000 unlisted pictures at that recall", "matching", f"{HUB}.false_hits"),
    Row(
        "Processor time of fast-alpr's plain loop as a multiple of ours, motorway clip",
        "video",
        "video.clip1.cpu_gain",
    ),
    Row(
        "Time from the picture that a hit shows to the sealed hit on disk, median",
        X86,
        "video.drawn.delay_p50",
    ),
    Row(
        "Most memory that the camera unit used in {minutes} minutes, 100,000 plates listed",
        "soak",
        "soak.edge_rss_max",
    ),
)
"""What the README shows."""


def table(rows_of: Sequence[Row]) -> str:
    """Return the Markdown table of figures."""
    rows = ["| What | Measured | 95 % interval | From |", "|---|---|---|---|"]
    for row in rows_of:
        if not measured(row):
            continue
        found = figure(row.file, row.key)
        between = f"{shown(found['low'], found['unit'])} to {shown(found['high'], found['unit'])}"
        interval = "" if found["low"] == found["high"] else between
        value = shown(found["value"], found["unit"])
        says = row.says.format(minutes=soaked())
        rows.append(f"| {says} | {value} | {interval} | `{row.file}.json` |")
    return "\n".join(rows)


def measured(row: Row) -> bool:
    """Whether the row's figure is in its file: what no run has measured yet has no row."""
    parts = json.loads((RESULTS / f"{row.file}.json").read_text())["parts"].values()
    return any(each["key"] == row.key for part in parts for each in part["figures"])


def soaked(file: str = "soak") -> int:
    """Return how many whole minutes a soak lasted: its plot has a value a minute, at the minute's middle."""
    (plot,) = json.loads((RESULTS / f"{file}.json").read_text())["parts"]["soak"]["plots"]
    middles: list[float] = plot["series"][0]["x"]
    return round(max(middles) + 0.5)


@dataclass(frozen=True, slots=True)
class Searched:
    """What one trial of the release gate found, and its controls."""

    window: str
    road: str
    shown: int
    seen: int
    planted: tuple[int, int]
    occurrences: tuple[int, int, int]
    searched_mb: str


def searched() -> list[Searched]:
    """Return every trial of the release gate, as the results file has them.

    Raises:
        ValueError: a trial's tables are not as the benchmark writes them.
    """
    part = json.loads((RESULTS / "forgetting.json").read_text())["parts"]["forgetting"]
    tables = {each["title"]: each["rows"] for each in part["tables"]}
    found = []
    for title, rows in tables.items():
        name, control, _ = title.partition(": the search and its controls")
        if not control:
            continue
        told = dict(rows)
        (forms,) = (each for other, each in tables.items() if other.startswith(f"{name}: occurrences of"))
        shown, listed = (int(number) for number in told["canaries shown, of them listed"].split(", "))
        planted = [each.split(" of ") for what, each in rows if what.startswith("planted in ")]
        window, _, road = name.removeprefix("window ").partition(", ")
        memory, written, files = (sum(row[column] for row in forms) for column in (2, 3, 4))
        found.append(
            Searched(
                window,
                road,
                shown - listed,
                told["non-hits seen live and read exactly (control)"],
                (sum(int(some) for some, _ in planted), sum(int(all_) for _, all_ in planted)),
                (memory, written, files),
                told["memory searched, MB, in regions"].split(",")[0],
            )
        )
    return found


def forgetting() -> str:
    """Return the table of what was found of passers-by after each window, controls included."""
    rows = [
        "| Window | Trials | Non-hits | Seen live | Planted, found | In memory | In writes | In files |",
        "|---|---|---|---|---|---|---|---|",
    ]
    trials = searched()
    for window in dict.fromkeys(each.window for each in trials):
        theirs = [each for each in trials if each.window == window]
        there, planted = (sum(each.planted[place] for each in theirs) for place in (0, 1))
        found = " | ".join(str(sum(each.occurrences[place] for each in theirs)) for place in (0, 1, 2))
        rows.append(
            f"| {window} | {len(theirs)} | {sum(each.shown for each in theirs)} "
            f"| {sum(each.seen for each in theirs)} | {there} of {planted} | {found} |"
        )
    return "\n".join(rows)


def forgetting_trials() -> str:
    """Return the table of every trial of the release gate."""
    rows = [
        "| Window | Road | Non-hits | Seen live | Planted, found | In memory | Writes | Files | MB searched |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in searched():
        found = " | ".join(map(str, each.occurrences))
        rows.append(
            f"| {each.window} | {each.road} | {each.shown} | {each.seen} "
            f"| {each.planted[0]} of {each.planted[1]} | {found} | {each.searched_mb} |"
        )
    return "\n".join(rows)


def figure(file: str, key: str) -> dict[str, Any]:
    """Return a figure of a results file.

    Raises:
        KeyError: the file has no such figure.
    """
    results = json.loads((RESULTS / f"{file}.json").read_text())
    for part in results["parts"].values():
        for each in part["figures"]:
            if each["key"] == key:
                found: dict[str, Any] = each
                return found
    raise KeyError(f"{file}.json has no figure {key}")


def shown(value: float, unit: str) -> str:
    """Return a figure for a reader."""
    scale, suffix = SCALES.get(unit, (1.0, ""))
    number = value * scale
    digits = 0 if number == int(number) or abs(number) >= 100 else 1 if abs(number) >= 10 else 2  # noqa: PLR2004
    return f"{number:,.{digits}f}{suffix}"


def demo() -> str:
    """Return the demo's output as an indented block."""
    return "\n".join(f"    {line}".rstrip() for line in DEMO.read_text().splitlines())


PAGES: Final[Mapping[str, Mapping[str, Callable[[], str]]]] = {
    "README.md": {"forgetting": forgetting, "figures": lambda: table(FIRST)},
    "docs/benchmarks.md": {"figures": lambda: table(ROWS)},
    "docs/demo.md": {"demo": demo},
    "docs/forgetting.md": {"trials": forgetting_trials},
}
"""The blocks of each page, by name."""


def written(page: str) -> str:
    """Return a page with its blocks written anew; the page is named from the project's folder."""
    text = (ROOT / page).read_text()
    for name, block in PAGES[page].items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{block()}\n\n{end}{rest.split(end)[1]}"
    return text


def write() -> None:
    """Write every page's blocks anew."""
    for page in PAGES:
        (ROOT / page).write_text(written(page))


if __name__ == "__main__":
    write()
