"""Counts for the public, blurred so that no small one can be worked out from the others (R17).

Rounding alone is not enough: a total and its parts, or two tables that part the same total, can pin a rounded
count in unlucky cases (four lists at 3, one device at 12). So noise without a bound comes first, and rounding
to the base after it. Any count but none can then have led to any published number, and no sum or difference of
published numbers leaves one value only. Nothing stays nothing: a report must not tell of an arrest that never
was. The noise is drawn from a keyed hash of the cell and its count: the same report is the same whenever it is
made, and nobody averages it away by asking again.
"""

import math
from typing import Final

BASE: Final = 5
"""Every published count is a multiple of this."""
SCALE: Final = 2.0
"""Mean size of each of the two one-sided draws whose difference is the noise; its deviation is about 3."""
_BITS: Final = 64


def blurred(number: int, key: str) -> int:
    """Return a count as it is published: noise added, rounded to the base, never negative; none stays none.

    Args:
        number: the count.
        key: 64 hexadecimal digits of a keyed hash of the cell's name and its count.
    """
    if number == 0:
        return 0
    noise = _draw(int(key[:16], 16)) - _draw(int(key[16:32], 16))
    return max(0, BASE * round((number + noise) / BASE))


def _draw(bits: int) -> int:
    """Return a geometric number from 64 uniform bits: 0 the likeliest, each next one less so."""
    uniform = (bits + 1) / 2**_BITS
    return math.floor(-math.log(uniform) * SCALE)
