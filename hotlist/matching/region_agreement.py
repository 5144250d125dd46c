"""Whether the region read is the listed plate's: the same number elsewhere is another car (R10)."""

from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

SURE: Final = 0.9
"""A region is told when the codes that say so have at least this probability together."""


class Agreement(StrEnum):
    """How the region read and the entry's region agree."""

    SAME = "agrees"
    DIFFERENT = "different"
    NOT_READ = "not read"
    NOT_NAMED = "not named"


def agreement(listed: str, read: Mapping[str, float]) -> Agreement:
    """Compare an entry's region with the regions read.

    The same: equal codes, or the entry names the country and the read's code lies in it. Not read: no region is
    sure, or the country alone is and the entry names a part of it. Not named: the entry names none.

    Args:
        listed: ISO 3166 code (``GB``, ``US-NH``) or empty.
        read: probability per code.
    """
    if not listed:
        return Agreement.NOT_NAMED
    country = listed.partition("-")[0]
    same = other = 0.0
    for code, probability in read.items():
        if code == listed or code.startswith(f"{listed}-"):
            same += probability
        elif code and code != country:
            other += probability
    if same >= SURE:
        return Agreement.SAME
    return Agreement.DIFFERENT if other >= SURE else Agreement.NOT_READ


def region_told(read: Mapping[str, float]) -> str:
    """Return the smallest region that is told: a state, else the country of several, else an empty text.

    Args:
        read: probability per code.
    """
    countries: dict[str, float] = defaultdict(float)
    for code, probability in read.items():
        if code and probability >= SURE:
            return code
        countries[code.partition("-")[0]] += probability
    return next((code for code, together in countries.items() if code and together >= SURE), "")
