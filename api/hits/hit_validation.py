"""Whether an opened hit says only what a hit may say: a device is enrolled, and may still be hostile.

The sealed envelope proves which device made a hit, not that its software is ours. So every field has bounds
here before it is stored, counted, shown or logged. The entry in it was checked as it was read (R6), and is
compared with the list itself when a person decides (api/lists/entry_status.py).
"""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from api.core.errors import InvalidError
from api.hits.jpeg_validation import check_crop
from api.lists.list_age import VERSIONS
from hitonly_core.policy import CLOCK_TOLERANCE
from hitonly_core.wall_clock import ClockState
from hotlist.errors import PlateError
from hotlist.matching.match import Match
from hotlist.plate import normalise
from protocol.hit import Hit

_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_BOOT: Final = re.compile(r"([0-9a-f-]{36})?")
_LONGEST_BOOT_MS: Final = 2**40
_LONGEST: Final = {"device": 40, "camera": 80, "place": 200, "software": 80, "source": 80, "why": 400}
_MODEL: Final = 80
_READING: Final = re.compile(r"[A-Z0-9_]{0,16}")
_REGION: Final = re.compile(r"([A-Z]{2}(-[A-Z0-9]{1,3})?)?")
_MOST: Final = 64
"""Most matches, and most other readings, of one hit."""
_PLACES: Final = 16


def check_contents(hit: Hit, now: datetime) -> None:
    """Check every field of a hit.

    Raises:
        InvalidError: names the field, never what it holds.
    """
    known = hit.clock.state is ClockState.SYNCHRONISED  # else api/hits/hit_time.py finds the time to go by
    if known and not _EARLIEST <= hit.captured <= now + CLOCK_TOLERANCE:
        raise InvalidError("the hit was captured in the future or long ago; check the device's clock")
    if not _BOOT.fullmatch(hit.clock.boot) or hit.clock.boot_ms >= _LONGEST_BOOT_MS:
        raise InvalidError("the hit's boot is no boot's name and time")
    check_crop(hit.crop_jpeg)
    _check_plates(hit)
    for name, text in _texts(hit):
        if len(text) > _LONGEST.get(name, _MODEL) or not text.isprintable():
            raise InvalidError(f"the hit's {name} is not {_LONGEST.get(name, _MODEL)} printable characters")
    if not _REGION.fullmatch(hit.region_read):
        raise InvalidError("the hit's region is no ISO 3166 code")
    if len(hit.matches) > _MOST or len(hit.alternatives) > _MOST:
        raise InvalidError(f"a hit has at most {_MOST} matches and other readings")
    for match in hit.matches:
        _check_match(match)
    for other in hit.alternatives:
        if not _READING.fullmatch(other.text) or not _is_share(other.probability):
            raise InvalidError("another reading of the hit is no reading")


def _check_plates(hit: Hit) -> None:
    """Check that plates are in their one spelling.

    Raises:
        InvalidError: one is not.
    """
    try:
        plates = [hit.plate_read, *(match.entry.plate for match in hit.matches)]
        if any(normalise(plate) != plate for plate in plates):
            raise InvalidError("a plate in the hit is not in its one spelling")
    except PlateError as problem:
        raise InvalidError(str(problem)) from None


def _texts(hit: Hit) -> Iterator[tuple[str, str]]:
    """Yield every text of a hit that is no plate, with its name."""
    yield from (("device", hit.device), ("camera", hit.camera), ("place", hit.place))
    yield from (("software", hit.software), *(("model digest", model) for model in hit.models))
    for match in hit.matches:
        yield from (("source", match.entry.source), ("why", match.why))


def _check_match(match: Match) -> None:
    """Check a match's numbers.

    Raises:
        InvalidError: one is out of its range.
    """
    if not 0 < match.list_version < VERSIONS:
        raise InvalidError("the hit's list version is no version")
    if not _is_share(match.probability):
        raise InvalidError("the hit's probability is not between 0 and 1")
    if len(match.doubtful) > _PLACES or not all(0 <= place < _PLACES for place in match.doubtful):
        raise InvalidError("a doubtful place of the hit is no place in a plate")


def _is_share(number: float) -> bool:
    """Whether a number is finite and from 0 to 1."""
    return math.isfinite(number) and 0 <= number <= 1
