"""Plots as SVG that stands in the page itself: no script, no address, no font file."""

import io
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

from benchmarks.harness.results import Plot

COLOURS: Final = ("#0b6e4f", "#c2570c", "#3b5ba5", "#8a3ffc", "#b28600", "#007d79", "#a2191f", "#6f7d8c")
GRID: Final = "#dde3e8"
INK: Final = "#24313d"
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


def draw(plot: Mapping[str, Any]) -> str:
    """Return one plot of a part as an SVG element, scalable, with its title for those who cannot see it."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=_size(plot), layout="constrained")
        axes = figure.subplots()
        _DRAW[Plot(plot["kind"])](axes, plot)
        axes.set_xlabel(plot["x"])
        axes.set_ylabel(plot["y"])
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), plot["title"], figure.get_figwidth())


def _lines(axes: Axes, plot: Mapping[str, Any]) -> None:
    """Draw lines; a series of one point is a mark, or it would not be seen."""
    for colour, series in zip(_cycle(len(plot["series"])), plot["series"], strict=True):
        marker = "o" if plot.get("markers") or len(series["x"]) == 1 else ""
        axes.plot(
            series["x"], series["y"], marker=marker, markersize=5, color=colour, label=series["label"], lw=1.8
        )
        if series.get("low"):
            axes.fill_between(series["x"], series["low"], series["high"], color=colour, alpha=0.15, lw=0)
    if plot.get("diagonal"):
        axes.plot([0, 1], [0, 1], color="#9aa7b3", lw=1, ls="--", label="as sure as it should be")
    _scales(axes, plot)
    axes.grid(color=GRID, lw=0.8)
    _legend(axes, len(plot["series"]) + bool(plot.get("diagonal")))


def _scales(axes: Axes, plot: Mapping[str, Any]) -> None:
    """Set what the axes reach and how their numbers are written: 1,000 rather than a power, shares in per cent."""
    if plot.get("log_x"):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:,.12g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if plot.get("share"):
        axes.set_ylim(min(0.5, axes.get_ylim()[0]), 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if plot.get("zero"):
        axes.set_ylim(bottom=0)


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
