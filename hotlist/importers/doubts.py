"""Plates that may be real and may be made up: read, and shown to a person before they are listed.

A cell that can be no plate is refused (`hotlist.importers.cells`). These can: somebody's car does bear ABC123.
But a form that was filled in for a trial bears it oftener, and a plate of few characters looks like so many
other vehicles' misreads that its owner would be stopped for them.
"""

import math
import re
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from hotlist.entry import Purpose, Severity
from hotlist.errors import RowError
from hotlist.region_codes import region_code, regions

_FEW: Final = 1000
"""Of a pattern with so few plates, many vehicles in a day of traffic are misread as any one of them."""
_RUN: Final = 3
_LONG_WORD: Final = 8
"""So many letters and no digit are hardly a plate anywhere."""
_WHOLE: Final = 5
"""Up to so many characters, a group that comes again is as likely as any other."""
_LONGEST: Final = 7
"""Most characters of nearly every plate of the countries whose states are regions here."""
_PARTS: Final = re.compile("[A-Z]+|[0-9]+")
_KEYS: Final = ("QWERTYUIOP", "QWERTZUIOP", "AZERTYUIOP", "ASDFGHJKL", "ZXCVBNM")
_SLANTED: Final = "1QAZ2WSX3EDC"
_AGAIN: Final = re.compile(r"(..+)\1+")
_DATE: Final = re.compile(
    r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])"
    r"|([0-2]\d|3[01])(0[1-9]|1[0-2])20\d\d|(0[1-9]|1[0-2])([0-2]\d|3[01])20\d\d"
    r"|([0-2]?\d|3[01])(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\d\d"
)
_TRIAL: Final = re.compile(
    r"(DEMO|EXAMPLE|FAKE|FOOBAR|NONE|NULL|PAGE|PLATE|REGNO|TESTCAR|TESTING|UNKNOWN|VEHICLE)[A-Z]*\d*"
    r"|(BAR|CAR|FOO|LIC|NAN|PLT|REG|ROW|TAG|TST|UNK|VEH)\d{0,4}|UNK(TAG|PLATE|LP)\d*"
)
"""What a trial or a form calls a car, with or without a number."""
_CARS: Final = re.compile(
    "ACURA|AUDI|BEIGE|BLACK|BLUE|BMW|BROWN|BUICK|CADILLAC|CHEVROLET|CHEVY|CHRYSLER|COUPE|DODGE|FORD|GMC|GOLD|GRAY|"
    "GREEN|GREY|HONDA|HYUNDAI|JEEP|KIA|LEXUS|LINCOLN|MAROON|MAZDA|MERCEDES|MOTORCYCLE|NISSAN|ORANGE|PICKUP|"
    "PURPLE|RAM|SEDAN|SILVER|SUBARU|TESLA|TOYOTA|TRAILER|TRUCK|VOLKSWAGEN|VOLVO|WAGON|WHITE|YELLOW"
)
"""Makes, colours and kinds of cars."""
_REASONS: Final = frozenset(
    word.upper()
    for each in (*Purpose, *Severity)
    for word in (each.value.replace("-", ""), *each.value.split("-"))
    if len(word) > _RUN and word != "near"
)

ONE_CHARACTER: Final = "one character again and again: is it a plate, or a form filled in for a trial?"
IN_ORDER: Final = "letters or digits in their order: is it a plate, or a form filled in for a trial?"
A_GROUP: Final = "one group of characters again and again: is it a plate, or a form filled in for a trial?"
A_DATE: Final = "digits of a date: is it a plate, or does a date stand in the plate's column?"
A_PLACE: Final = "the name or code of a place: is it a plate, or does the region stand in the plate's column?"
A_WORD: Final = "a word: is it a plate, or what another column or a form filled in for a trial says?"
WITH_REGION: Final = "begun or ended with its region's letters: do they belong to the plate?"
SHORT: Final = "so short that other vehicles' misreads will look like it: compare with `alpr-hotlist cost`"


def doubt(plate: str, region: str = "") -> str | None:
    """Return why a person should look at a plate before it is listed, or None. Nothing of the plate is repeated.

    Args:
        plate: normalised.
        region: its ISO 3166 code, or empty.
    """
    _, dash, state = region.partition("-")
    if dash and len(plate) > _LONGEST:
        letters = (state, region.replace("-", ""))
        if plate.startswith(letters) or plate.endswith(letters):
            return WITH_REGION
    return next((why for why, holds in _DOUBTS.items() if holds(plate)), None)


def _is_one_character(plate: str) -> bool:
    return len(plate) >= _RUN and len(set(plate)) == 1


def _is_in_order(plate: str) -> bool:
    if len(plate) > _WHOLE and plate in _SLANTED:
        return True
    parts = _PARTS.findall(plate)
    return len(plate) > _RUN and all(len(part) >= _RUN and _runs(part) for part in parts)


def _is_a_group_again(plate: str) -> bool:
    return len(plate) > _WHOLE and _AGAIN.fullmatch(plate) is not None


def _is_a_date(plate: str) -> bool:
    return _DATE.fullmatch(plate) is not None


def _is_short(plate: str) -> bool:
    return math.prod(10 if character.isdigit() else 26 for character in plate) <= _FEW


def _runs(part: str) -> bool:
    """Whether a part is one character again, or goes up or down one by one, or along a row of a keyboard."""
    steps = {ord(second) - ord(first) for first, second in pairwise(part)}
    keys = any(part in row or part[::-1] in row for row in _KEYS)
    return steps in ({0}, {1}, {-1}) or keys or part in "1234567890"


def _is_a_word(plate: str) -> bool:
    """Whether it is what other columns of a list say, or trials, or letters alone and too many."""
    known = plate in _REASONS or _CARS.fullmatch(plate) or _TRIAL.fullmatch(plate)
    return bool(known) or (plate.isalpha() and len(plate) >= _LONG_WORD)


def _names_a_place(plate: str) -> bool:
    """Whether letters are a region's code, or a state's, a province's or a country's name."""
    if not plate.isalpha():
        return False
    if len(plate) <= _RUN:
        return plate in {"USA", "CAN", "MEX"}
    if regions().exists(f"{plate[:2]}-{plate[2:]}"):
        return True
    for country in ("US", ""):
        try:
            region_code(plate, country)
        except RowError:
            continue
        return True
    return False


_DOUBTS: Final = MappingProxyType(
    {
        ONE_CHARACTER: _is_one_character,
        IN_ORDER: _is_in_order,
        A_GROUP: _is_a_group_again,
        A_DATE: _is_a_date,
        A_PLACE: _names_a_place,
        A_WORD: _is_a_word,
        SHORT: _is_short,
    }
)
"""The first that holds is said."""
