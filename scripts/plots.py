"""Draw the plots of docs/benchmarks.md from the committed results, as SVG files in docs/plots/.

    python -m scripts.plots

A plot is named by its results file, part and title, or built from a table there, so nobody types a value;
`tests/test_plots.py` reads the points back from the committed files by the axes' own numbers, and compares.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.harness.plots import draw_file
from benchmarks.harness.results import Plot
from scripts.figures import HUB, OURS, RESULTS, ROOT, X86, soaked

PLOTS: Final = ROOT / "docs" / "plots"
Drawing = Mapping[str, Any]
"""A plot as a part has it: `kind`, `title`, axes `x` and `y`, `series`, and how it is drawn."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One file in docs/plots/: its name, and where its plot comes from."""

    name: str
    source: Callable[[], Drawing]

    def svg(self) -> str:
        """Return the file's text."""
        drawing = self.source()
        return draw_file(drawing, in_words(drawing))


def plotted(file: str, part: str, title: str, /, **options: object) -> Drawing:
    """Return a plot of a results file; `options` change how it is drawn or named, never its series.

    Raises:
        ValueError: the file has not exactly one plot of that title in that part, or `options` has series.
    """
    if "series" in options:
        raise ValueError("a plot's values come from its results file")
    found = [plot for plot in _part(file, part)["plots"] if plot["title"] == title]
    if len(found) != 1:
        raise ValueError(f"{file}.json has {len(found)} plots {title!r} in {part}, expected 1")
    return {**found[0], **options}


def tabled(file: str, part: str, begins: str, columns: Mapping[str, str], **options: object) -> Drawing:
    """Return a plot of a table of a results file: its first column of `columns` across, a line for each other one.

    `columns` says what each column is called in the plot.

    Raises:
        ValueError: the file has not exactly one table whose title begins so, or a cell is no number.
    """
    found = [table for table in _part(file, part)["tables"] if table["title"].startswith(begins)]
    if len(found) != 1:
        raise ValueError(f"{file}.json has {len(found)} tables {begins!r} in {part}, expected 1")
    places = [found[0]["columns"].index(column) for column in columns]
    across, *lines = zip(
        *([_number(row[place]) for place in places] for row in found[0]["rows"]), strict=True
    )
    series = [
        {"label": label, "x": list(across), "y": list(line)}
        for label, line in zip(list(columns.values())[1:], lines, strict=True)
    ]
    x, *_ = columns.values()
    return {"kind": Plot.LINES.value, "markers": True, "x": x, "series": series, **options}


def memory() -> Drawing:
    """Return the memory of both soaks, the kept one and the shorter one before it; one that failed says so."""
    series = []
    for file in ("soak", "soak-60-minutes"):
        run = f"run of {soaked(file)} minutes"
        if not all(check["passed"] for check in _part(file, "soak")["checks"]):
            run += ", which failed"
        drawing = plotted(file, "soak", "Memory")
        series += [{**each, "label": f"{each['label']}, {run}"} for each in drawing["series"]]
    title = "Memory of a unit that reads a road without a pause, 100,000 plates listed"
    return {**drawing, "title": title, "y": "memory, MiB", "x": "minutes since the start", "series": series}


def in_words(drawing: Drawing) -> str:
    """Return a plot's axes and the ends of each of its lines in words, for whoever cannot see it."""
    lines = [
        f"{series['label']}: from {series['x'][0]:,.5g}, {series['y'][0]:,.5g} "
        f"to {series['x'][-1]:,.5g}, {series['y'][-1]:,.5g}, {len(series['x'])} points."
        if len(series["x"]) > 1
        else f"{series['label']}: one point at {series['x'][0]:,.5g}, {series['y'][0]:,.5g}."
        for series in drawing["series"]
    ]
    return f"Across: {drawing['x']}. Up: {drawing['y']}. " + " ".join(lines)


def _part(file: str, part: str) -> dict[str, Any]:
    """Return a part of a results file."""
    found: dict[str, Any] = json.loads((RESULTS / f"{file}.json").read_text())["parts"][part]
    return found


def _number(cell: object) -> float:
    """Return the number in a table's cell: ``1,000`` is a thousand."""
    return float(str(cell).replace(",", ""))


def _recall(part: str, reader: str) -> Drawing:
    return plotted(
        "matching",
        part,
        "Recall against false hits, 100,000 plates listed",
        title=f"Hit recall against false hits, 100,000 plates listed, {reader}",
        y="share of listed plates found",
        markers=True,
    )


PICTURES: Final[Sequence[Picture]] = (
    Picture("recall-hub", lambda: _recall(HUB, "the hub's reader")),
    Picture("recall-bundled", lambda: _recall(OURS, "the bundled reader")),
    Picture(
        "false-hits-by-list",
        lambda: tabled(
            "matching",
            HUB,
            "By list size",
            {
                "plates listed": "plates listed",
                "false hits per 1,000": "this system, at a budget of one",
                "of five folded": "five likeliest readings, look-alikes equal",
                "of Levenshtein distance 1": "Levenshtein distance 1",
            },
            title="False hits by the size of the list, the hub's reader",
            y="false hits per 1,000 pictures",
            log_x=True,
            log_y=True,
        ),
    ),
    Picture(
        "look-up",
        lambda: plotted(
            "matching",
            HUB,
            "A look-up's p99 by list size",
            title="Time of a look-up by the size of the list, 99 of 100 are faster",
            y="microseconds (p99)",
            markers=True,
            zero=True,
        ),
    ),
    Picture(
        "cost-by-traffic",
        lambda: plotted(
            X86,
            "video",
            "What a frame costs, from an empty road to a full one",
            y="processor time, ms per frame",
        ),
    ),
    Picture(
        "purge-lateness",
        lambda: plotted(
            "forgetting",
            "forgetting",
            "Lateness of the purge",
            title="How late reads are destroyed after their deadline, 10,000 reads, both cores busy",
            x="milliseconds after the deadline",
            y="reads destroyed by then, %",
            log_x=True,
            zero=True,
        ),
    ),
    Picture("memory", memory),
    Picture(
        "hit-to-page",
        lambda: plotted(
            X86,
            "person",
            "How many hits are on the page by when",
            title="How soon a hit is on a reviewer's page",
            y="hits on the page by then, %",
            zero=True,
        ),
    ),
    Picture(
        "sureness",
        lambda: plotted(
            "accuracy",
            "accuracy",
            "us: is the reader as sure as it should be?",
            title="Is the bundled reader as sure as it should be? US pictures, with 95 % intervals",
        ),
    ),
)


def write() -> None:
    """Draw every plot anew; a file that is no plot's any more is removed."""
    PLOTS.mkdir(exist_ok=True)
    for stale in {path.stem for path in PLOTS.glob("*.svg")} - {picture.name for picture in PICTURES}:
        (PLOTS / f"{stale}.svg").unlink()
    for picture in PICTURES:
        (PLOTS / f"{picture.name}.svg").write_text(picture.svg(), encoding="utf-8")


if __name__ == "__main__":
    write()
