"""Whether the region read is the listed plate's: the same number elsewhere is another car (R10)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

_SURE: Final = 0.5
"""A region is known when the codes that say so have at least this probability together."""


class Agreement(StrEnum):
    """How the region read and the entry's region agree."""

    SAME = "agrees"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


def agreement(listed: str, read: Mapping[str, float]) -> Agreement:
    """Compare an entry's region with the regions read.

    The same: equal codes, or the entry names the country and the read's code lies in it. Unknown: the entry
    names none, the OCR is not sure of any, or it knows the country only and the entry names a part of it.

    Args:
        listed: ISO 3166 code (``GB``, ``US-NH``) or empty.
        read: probability per code.
    """
    if not listed:
        return Agreement.UNKNOWN
    country = listed.partition("-")[0]
    same = other = 0.0
    for code, probability in read.items():
        if code == listed or code.startswith(f"{listed}-"):
            same += probability
        elif code and code != country:
            other += probability
    if same >= _SURE:
        return Agreement.SAME
    return Agreement.DIFFERENT if other >= _SURE else Agreement.UNKNOWN
