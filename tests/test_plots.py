"""The plots in docs/plots/ show the committed results: their points are read back by the axes' own numbers."""

import copy
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from benchmarks.harness.plots import draw_file
from scripts import plots
from scripts.figures import RESULTS, ROOT

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"
NAMES = [picture.name for picture in plots.PICTURES]
BY_NAME = {picture.name: picture for picture in plots.PICTURES}
PAGE = (ROOT / "docs" / "benchmarks.md").read_text()


def parse(text: str) -> ET.Element:
    """Return the root of an SVG that the project drew itself."""
    return ET.fromstring(text)  # noqa: S314


def committed(name: str) -> ET.Element:
    """Return a committed plot."""
    return parse((plots.PLOTS / f"{name}.svg").read_text())


def part(root: ET.Element, name: str) -> ET.Element:
    """Return the group with an id."""
    (found,) = [each for each in root.iter(f"{SVG}g") if each.get("id") == name]
    return found


def corners(element: ET.Element) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the points of the first path of a group: N x 2, in the file's units, downwards."""
    path = next(element.iter(f"{SVG}path")).get("d", "")
    return np.array(re.findall(r"[ML] (\S+) (\S+)", path), np.float64)


def scale(root: ET.Element, axis: int, *, log: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return slope and intercept of an axis from the places and words of its ticks: 1 is across, 2 is up.

    Raises:
        AssertionError: the ticks' words do not agree with their places.
    """
    places, values = [], []
    for tick in part(root, f"matplotlib.axis_{axis}").iter(f"{SVG}g"):
        if not re.fullmatch(r"[xy]tick_\d+", tick.get("id", "")):
            continue
        word, mark = next(tick.iter(f"{SVG}text"), None), next(tick.iter(f"{SVG}use"))
        if word is not None and word.text:
            places.append(float(mark.get("x" if axis == 1 else "y", "")))
            values.append(float(word.text.replace(",", "").replace("\N{MINUS SIGN}", "-")))
    assert len(values) > 2
    fit: np.ndarray[Any, np.dtype[np.float64]] = np.polyfit(places, np.log10(values) if log else values, 1)
    said = np.polyval(fit, places)
    assert np.allclose(10**said if log else said, values, rtol=1e-4, atol=1e-4 * max(map(abs, values)))
    return fit


def read_back(root: ET.Element, drawing: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the values of each series, and its interval where it has one, as a reader finds them by the axes."""
    logs = [bool(drawing.get("log_x")), bool(drawing.get("log_y"))]
    fits = [scale(root, axis + 1, log=logs[axis]) for axis in (0, 1)]

    def values(points: np.ndarray[Any, np.dtype[np.float64]]) -> list[np.ndarray[Any, Any]]:
        said = [np.polyval(fits[axis], points[:, axis]) for axis in (0, 1)]
        return [10**each if logs[axis] else each for axis, each in enumerate(said)]

    found = []
    for place, series in enumerate(drawing["series"], 1):
        x, y = values(corners(part(root, f"series-{place}")))
        each: dict[str, Any] = {"x": x, "y": y}
        if "low" in series:
            band = part(root, f"band-{place}")
            shift = float(next(band.iter(f"{SVG}use")).get("y", ""))
            _, edge = values(corners(band) + np.array([0.0, shift]))
            count = len(series["x"])
            each |= {"low": edge[1 : count + 1], "high": edge[count + 2 : 2 * count + 2][::-1]}
        found.append(each)
    return found


def agree(root: ET.Element, drawing: Mapping[str, Any]) -> bool:
    """Whether the values that a reader finds in the file are those of the drawing."""
    return all(
        len(shown[name]) == len(series[name])
        and np.allclose(shown[name], series[name], rtol=1e-3, atol=1e-3 * max(map(abs, series[name])))
        for shown, series in zip(read_back(root, drawing), drawing["series"], strict=True)
        for name in shown
    )


def words(root: ET.Element) -> list[str]:
    """Return every text in the picture."""
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_file_shows_the_committed_results(name: str) -> None:
    """Each point and interval, to a thousandth. Draw them anew with `python -m scripts.plots`."""
    assert agree(committed(name), BY_NAME[name].source())


@pytest.mark.parametrize("name", NAMES)
def test_a_value_that_moved_is_seen(name: str) -> None:
    """The control: in each series one point a hundredth of the whole higher does not agree with the file."""
    moved: Any = None
    for place in range(len(BY_NAME[name].source()["series"])):
        moved = copy.deepcopy(BY_NAME[name].source())
        column = moved["series"][place]["y"]
        column[-1] += 0.01 * max(column)
        assert not agree(committed(name), moved)
    assert agree(parse(draw_file(moved, "")), moved)


@pytest.mark.parametrize("name", NAMES)
def test_axes_lines_and_title_are_named(name: str) -> None:
    """In the picture, and its title and its ends in words for whoever cannot see it."""
    root, drawing = committed(name), BY_NAME[name].source()
    series = drawing["series"]
    named = [drawing[each] for each in ("title", "x", "y")]
    named += [each["label"] for each in series] if len(series) > 1 else []
    assert not [each for each in named if each not in words(root)]
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == drawing["title"]
    assert root.findtext(f"{SVG}desc") == plots.in_words(drawing)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_needs_nothing_else_and_is_small(name: str) -> None:
    """No script, no address but the namespaces', a white ground, and at most 48 KiB."""
    text = (plots.PLOTS / f"{name}.svg").read_text()
    root = committed(name)
    assert len(text) < 48 * 1024
    assert not list(root.iter(f"{SVG}script"))
    assert all(each.get(XLINK, "#").startswith("#") for each in root.iter())
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg", XLINK[1:-5]}
    assert "fill: #ffffff" in next(part(root, "patch_1").iter(f"{SVG}path")).get("style", "")


def test_the_folder_holds_these_plots_and_the_page_shows_each() -> None:
    """A plot is shown with words in its place; a file that nobody draws is not left lying."""
    assert {path.stem for path in plots.PLOTS.iterdir()} == set(NAMES)
    shown = re.findall(r"!\[([^\]]{20,})\]\(plots/([\w-]+)\.svg\)", PAGE)
    assert sorted(name for _, name in shown) == sorted(NAMES)


def test_a_table_is_read_as_it_stands() -> None:
    """The plot of false hits by size of list has the table's last row; a table that is not there is an error."""
    tables = json.loads((RESULTS / "matching.json").read_text())["parts"]["matching-cct-xs-v2-global"][
        "tables"
    ]
    (rows,) = [table["rows"] for table in tables if table["title"].startswith("By list size")]
    last = [(series["x"][-1], series["y"][-1]) for series in BY_NAME["false-hits-by-list"].source()["series"]]
    assert last == [(5_000_000.0, float(cell)) for cell in rows[-1][2:]]
    with pytest.raises(ValueError, match="0 tables"):
        plots.tabled("matching", "matching-cct-xs-v2-global", "By colour", {})


def test_no_option_replaces_the_values() -> None:
    """What a plot shows comes from its results file only; a title that is not there is an error."""
    with pytest.raises(ValueError, match="come from its results file"):
        plots.plotted("soak", "soak", "Memory", series=[])
    with pytest.raises(ValueError, match="0 plots"):
        plots.plotted("soak", "soak", "Weight")
