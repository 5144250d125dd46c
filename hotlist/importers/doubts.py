"""Plates that may be real and may be made up: read, and shown to a person before they are listed.

A cell that can be no plate is refused (`hotlist.importers.cells`). These can: somebody's car does bear ABC123.
But a form that was filled in for a trial bears it oftener, and a plate of few characters looks like so many
other vehicles' misreads that its owner would be stopped for them.
"""

import math
import re
from itertools import pairwise
from typing import Final

from hotlist.errors import RowError
from hotlist.region_codes import region_code

_FEW: Final = 1000
"""Of a pattern with so few plates, many vehicles in a day of traffic are misread as any one of them."""
_RUN: Final = 3
_PARTS: Final = re.compile("[A-Z]+|[0-9]+")
_KEYS: Final = ("QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM")

ONE_CHARACTER: Final = "one character again and again: is it a plate, or a form filled in for a trial?"
IN_ORDER: Final = "letters or digits in their order: is it a plate, or a form filled in for a trial?"
A_PLACE: Final = "the name of a place: is it a plate, or does the region stand in the plate's column?"
SHORT: Final = "so short that other vehicles' misreads will look like it: compare with `alpr-hotlist cost`"


def doubt(plate: str) -> str | None:
    """Return why a person should look at a plate before it is listed, or None. Nothing of the plate is repeated.

    Args:
        plate: normalised.
    """
    if len(plate) >= _RUN and len(set(plate)) == 1:
        return ONE_CHARACTER
    parts = _PARTS.findall(plate)
    if len(plate) > _RUN and all(len(part) >= _RUN and _runs(part) for part in parts):
        return IN_ORDER
    if plate.isalpha() and len(plate) > _RUN and _names_a_place(plate):
        return A_PLACE
    if math.prod(10 if character.isdigit() else 26 for character in plate) <= _FEW:
        return SHORT
    return None


def _runs(part: str) -> bool:
    """Whether a part is one character again, or goes up or down one by one, or along a row of a keyboard."""
    steps = {ord(second) - ord(first) for first, second in pairwise(part)}
    keys = any(part in row or part[::-1] in row for row in _KEYS)
    return steps in ({0}, {1}, {-1}) or keys or part in "1234567890"


def _names_a_place(plate: str) -> bool:
    """Whether a word is a state's, a province's or a country's name."""
    for country in ("US", ""):
        try:
            region_code(plate, country)
        except RowError:
            continue
        return True
    return False
