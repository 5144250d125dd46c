"""How a person's blind reading agrees with what a hit was matched with (R9): wholly, nearly, or not."""

from dataclasses import dataclass, field

from api.core.lifecycle import Comparison
from protocol.hit import Hit


@dataclass(frozen=True, slots=True)
class Reading:
    """What somebody typed: the plate in its one spelling, empty for "cannot be read"; a region code or empty."""

    plate: str = field(repr=False)
    region: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """How a reading agrees.

    Attributes:
        comparison: with the match that it agrees with best.
        place: of that match in the hit's matches; None where it is not even near one.
        nearly: it does not agree, by one character or by the region only.
    """

    comparison: Comparison
    place: int | None
    nearly: bool = False


def compare(hit: Hit, reading: Reading) -> Compared:
    """Return how a reading agrees with a hit's matches, the best of them."""
    if not reading.plate:
        return Compared(Comparison.ILLEGIBLE, None)
    entries = [match.entry for match in hit.matches]
    fits = [place for place, entry in enumerate(entries) if regions_agree(entry.region, reading.region)]
    same = [place for place, entry in enumerate(entries) if entry.plate == reading.plate]
    for place in same:
        if place in fits:
            return Compared(Comparison.AGREES, place)
    if same:
        return Compared(Comparison.OTHER_REGION, same[0], nearly=True)
    near = [place for place in fits if one_apart(entries[place].plate, reading.plate)]
    return Compared(Comparison.OTHER_PLATE, near[0] if near else None, nearly=bool(near))


def regions_agree(listed: str, seen: str) -> bool:
    """Whether two ISO 3166 codes can be the same place: equal, one unknown, or one the other's country."""
    if not listed or not seen or listed == seen:
        return True
    return listed == seen.partition("-")[0] or seen == listed.partition("-")[0]


def one_apart(one: str, other: str) -> bool:
    """Whether two plates differ by exactly one character: another one, one more, or one less."""
    if len(one) < len(other):
        one, other = other, one
    if len(one) - len(other) > 1 or one == other:
        return False
    first = next(
        (place for place, pair in enumerate(zip(one, other, strict=False)) if len(set(pair)) > 1), len(other)
    )
    rest = other[first + 1 :] if len(one) == len(other) else other[first:]
    return one[first + 1 :] == rest
