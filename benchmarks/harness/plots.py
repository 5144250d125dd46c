"""Plots as SVG, in a page or in a file of their own: no script, no address, no font file."""

import io
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from benchmarks.harness.results import Plot

COLOURS: Final = ("#0b6e4f", "#c2570c", "#3b5ba5", "#8a3ffc", "#b28600", "#007d79", "#a2191f", "#6f7d8c")
GRID: Final = "#dde3e8"
INK: Final = "#24313d"
MARKERS: Final = "osD^vPX*"
DASHES: Final = ("-", "--", "-.", ":")
"""A series is told from another by its marks or dashes too, not by colour alone."""
STYLE: Final[Any] = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": "#9aa7b3",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "hitonly",
}
ALONE: Final[Any] = STYLE | {"svg.fonttype": "none", "path.simplify": False, "savefig.facecolor": "white"}
"""A file of its own: words are words, every point is drawn, and the ground is white on a dark page too."""


def draw(plot: Mapping[str, Any]) -> str:
    """Return one plot of a part as an SVG element, scalable, with its title for those who cannot see it."""
    with mpl.rc_context(STYLE):
        figure, _ = _figure(plot)
        svg = _saved(figure, transparent=True)
    return _inline(svg, plot["title"], figure.get_figwidth())


def draw_file(plot: Mapping[str, Any], description: str) -> str:
    """Return one plot of a part as an SVG file of its own, with its title in it and a description in words.

    Each series is a group with the id ``series-1``, ``series-2`` and so on, in the plot's order; its interval,
    where it has one, is ``band-1`` and so on.
    """
    with mpl.rc_context(ALONE):
        figure, axes = _figure(plot)
        axes.set_title(plot["title"], loc="left", fontsize=11)
        svg = _saved(figure, transparent=False)
    named = f"<title>{escape(plot['title'])}</title>\n <desc>{escape(description)}</desc>"
    svg = re.sub(r"<metadata>.*?</metadata>", named, svg, count=1, flags=re.DOTALL)
    svg = svg.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    svg = re.sub(r"<!DOCTYPE.*?>\n", "", svg, count=1, flags=re.DOTALL)
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE).replace("<svg ", '<svg role="img" ', 1)


def _figure(plot: Mapping[str, Any]) -> tuple[Figure, Axes]:
    """Return a plot drawn in the style that is set, without its title."""
    figure = Figure(figsize=_size(plot), layout="constrained")
    axes = figure.subplots()
    _DRAW[Plot(plot["kind"])](axes, plot)
    axes.set_xlabel(plot["x"])
    axes.set_ylabel(plot["y"])
    return figure, axes


def _saved(figure: Figure, *, transparent: bool) -> str:
    """Return a figure as SVG without a date or a maker, so that the same plot is the same file."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=transparent, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _lines(axes: Axes, plot: Mapping[str, Any]) -> None:
    """Draw lines; a series of one point is a mark, or it would not be seen."""
    for place, (colour, series) in enumerate(zip(_cycle(len(plot["series"])), plot["series"], strict=True)):
        marked = plot.get("markers") or len(series["x"]) == 1
        (line,) = axes.plot(series["x"], series["y"], color=colour, label=series["label"], lw=1.8)
        line.set_gid(f"series-{place + 1}")
        if marked:
            line.set(marker=MARKERS[place % len(MARKERS)], markersize=5)
        else:
            line.set_linestyle(DASHES[place % len(DASHES)])
        if series.get("low"):
            band = axes.fill_between(
                series["x"], series["low"], series["high"], color=colour, alpha=0.15, lw=0
            )
            band.set_gid(f"band-{place + 1}")
    if plot.get("diagonal"):
        axes.plot([0, 1], [0, 1], color="#9aa7b3", lw=1, ls="--", label="as sure as it should be")
    _scales(axes, plot)
    axes.grid(color=GRID, lw=0.8)
    _legend(axes, len(plot["series"]) + bool(plot.get("diagonal")))


def _scales(axes: Axes, plot: Mapping[str, Any]) -> None:
    """Set what the axes reach and how their numbers are written: 1,000 rather than a power, shares in per cent."""
    if plot.get("log_x"):
        axes.set_xscale("log")
        _decades(axes.xaxis)
    if plot.get("log_y"):
        axes.set_yscale("log")
        _decades(axes.yaxis)
    if plot.get("share"):
        axes.set_ylim(min(0.5, axes.get_ylim()[0]), 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if plot.get("zero"):
        axes.set_ylim(bottom=0)


def _decades(axis: Axis) -> None:
    """Write a logarithmic axis's numbers out; at 1, 2 and 5 of each power where it reaches over few of them."""
    low, high = axis.get_view_interval()
    if high < 1000 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:,.12g}"))
    axis.set_minor_formatter(NullFormatter())


def _legend(axes: Axes, entries: int) -> None:
    """Name the series where there are several: the title names a single one."""
    if entries > 1:
        axes.legend(loc="best")


def _stacked(axes: Axes, plot: Mapping[str, Any]) -> None:
    """Draw horizontal stacked bars: one a label of x, one colour a series."""
    names = plot["series"][0]["x"]
    left = np.zeros(len(names))
    for colour, series in zip(_cycle(len(plot["series"])), plot["series"], strict=True):
        values = np.asarray(series["y"], np.float64)
        axes.barh(names, values, left=left, color=colour, label=series["label"], height=0.55)
        left += values
    for place, total in enumerate(left):
        axes.text(total, place, f"  {total:.1f}", va="center")
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.grid(axis="x", color=GRID, lw=0.8)
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.3), ncols=4)


def _matrix(axes: Axes, plot: Mapping[str, Any]) -> None:
    """Draw a matrix with its numbers; nothing where the count is zero."""
    matrix = np.asarray(plot["matrix"], np.float64)
    names = plot["series"][0]["x"]
    axes.pcolormesh(np.ma.masked_equal(matrix, 0), cmap="YlOrRd", vmin=0, edgecolor=GRID, lw=0.5)
    axes.invert_yaxis()
    middles = np.arange(len(names)) + 0.5
    axes.set_xticks(middles, names)
    axes.set_yticks(middles, names)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            shade = "white" if count > matrix.max() * 0.6 else INK
            axes.text(
                column + 0.5, row + 0.5, f"{count:g}", ha="center", va="center", color=shade, fontsize=8
            )


_DRAW: Final[dict[Plot, Callable[[Axes, Mapping[str, Any]], None]]] = {
    Plot.LINES: _lines,
    Plot.STACKED: _stacked,
    Plot.MATRIX: _matrix,
}


def _size(plot: Mapping[str, Any]) -> tuple[float, float]:
    """Return inches: a matrix grows with its names, stacked bars with their number."""
    if plot["kind"] == Plot.MATRIX:
        names = len(plot["series"][0]["x"])
        return 0.36 * names + 1.2, 0.3 * names + 1.0
    if plot["kind"] == Plot.STACKED:
        return 7.6, 1.9 + 0.5 * len(plot["series"][0]["x"])
    return 7.6, 3.6


def _cycle(count: int) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place in range(count)]


def _own_ids(element: str) -> str:
    """Return the element with ids that no other plot of the page has; those that nothing refers to are dropped."""
    mark = f"p{zlib.crc32(element.encode()):08x}-"
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', element))
    element = re.sub(r' id="([^"]*)"', lambda at: f' id="{mark}{at[1]}"' if at[1] in used else "", element)
    return re.sub(r'(url\(|href=")#', rf"\1#{mark}", element)


def _inline(svg: str, title: str, inches: float) -> str:
    """Return the element alone: no XML head, no metadata, as wide as the page allows, with a name."""
    element = _own_ids(svg[svg.index("<svg") :])
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", element, count=1)
    element = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", element, count=1)
    name = title.replace("&", "and").replace("<", "").replace('"', "")
    return element.replace(
        "<svg", f'<svg role="img" aria-label="{name}" style="width: {inches * 96:.0f}px"', 1
    )
