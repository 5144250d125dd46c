"""What ``alpr-edge aim`` shows: numbers and words from a fixed list, as a live table, as lines, or as JSON."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.table import Table as Grid
from rich.text import Text

from edge.runtime.aim_advice import Advice, Sample, SeenPlate
from edge.runtime.terminal import out


@contextlib.contextmanager
def reporter(*, as_json: bool) -> Iterator[Callable[[Sample], None]]:
    """Give the function that shows one sample: on a terminal in place of the one before."""
    if as_json:
        yield lambda sample: out.print(json.dumps(body_of(sample)), markup=False, soft_wrap=True)
    elif out.is_terminal:
        with Live(console=out, auto_refresh=False) as live:
            yield lambda sample: live.update(Group(_grid(sample), _sentence(sample)), refresh=True)
    else:
        yield lambda sample: out.print(line_of(sample), markup=False, soft_wrap=True)


def body_of(sample: Sample) -> dict[str, Any]:
    """Return a sample for machines."""
    return {
        "event": "aim",
        "state": sample.state.value,
        "shows": sample.shows.name.lower(),
        "advice": sample.advice.word,
        "sentence": sample.advice.value,
        "plates": [_numbers(plate) for plate in sample.plates],
    }


def line_of(sample: Sample) -> str:
    """Return a sample as one line; of the plates, the widest that counts is told, or the widest."""
    told = next((plate for plate in sample.plates if plate.counts), None) or next(iter(sample.plates), None)
    count = len(sample.plates)
    words = f"{sample.state.value}; {count} {'plate' if count == 1 else 'plates'} in view"
    if told is not None:
        words += "; " + ", ".join(f"{name} {cell}" for name, cell in _cells(told).items())
    return f"{words}. {sample.advice.value}"


def _numbers(plate: SeenPlate) -> dict[str, Any]:
    view = plate.view
    return {
        "width": round(plate.width),
        "in_network": round(plate.in_network),
        "sharpness": round(view.sharpness),
        "across": round(view.across),
        "down": round(view.down),
        "brightness": round(view.brightness),
        "contrast": round(view.contrast),
        "glare": round(view.glare, 2),
        "tilt": round(view.tilt),
        "in_zones": plate.in_zones,
        "cut": plate.cut,
    }


def _cells(plate: SeenPlate) -> dict[str, str]:
    view = plate.view
    place = "cut" if plate.cut else "inside" if plate.in_zones else "outside"
    return {
        "width": str(round(plate.width)),
        "in network": str(round(plate.in_network)),
        "sharpness": str(round(view.sharpness)),
        "brightness": str(round(view.brightness)),
        "contrast": str(round(view.contrast)),
        "glare": f"{view.glare:.0%}",
        "tilt": f"{view.tilt:.0f}",
        "zones": place,
    }


def _grid(sample: Sample) -> Grid:
    columns = ("width", "in network", "sharpness", "brightness", "contrast", "glare", "tilt", "zones")
    grid = Grid(*columns, title=f"{sample.state.value}; plates in view: {len(sample.plates)}")
    for plate in sample.plates:
        grid.add_row(*_cells(plate).values())
    return grid


def _sentence(sample: Sample) -> Text:
    good = sample.advice in {Advice.GOOD, Advice.CLOSE}
    return Text(sample.advice.value, style="green" if good else "yellow")
