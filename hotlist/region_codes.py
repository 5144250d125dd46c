"""Which regions exist: the codes of ISO 3166, and how people write them. The one table for every way in.

A region is a country (``GB``) or a part of one that issues plates (``US-NH``). The table is written by
`scripts/region_codes.py` from the pycountry package; a code that is not in it is refused, never guessed:
a stolen car listed under a state that does not exist would be a weak match for ever.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from hotlist.errors import RowError
from hotlist.region_spellings import (
    ABBREVIATIONS,
    ALSO_MEXICAN,
    COUNTRIES,
    NOT_KNOWN,
    OLD_CODES,
    SEVERAL,
)

_NEIGHBOURS: Final = MappingProxyType({"US": ("CA", "MX"), "CA": ("US", "MX"), "MX": ("US", "CA")})
"""Where else a bare state code is looked for: these cross each other's borders, and no two share a code."""
_UNKNOWN: Final = (
    "its region is no country, state or province of ISO 3166; write US-NH, CA-ON or GB, or leave it empty"
)


@dataclass(frozen=True, slots=True)
class Regions:
    """The table.

    Attributes:
        countries: name by two-letter code.
        subdivisions: codes by country, without the country's.
        names: names by code, by country; of the United States, Canada and Mexico.
        spellings: two-letter code by three-letter code and folded name.
    """

    countries: dict[str, str]
    subdivisions: dict[str, frozenset[str]]
    names: dict[str, dict[str, str]]
    spellings: dict[str, str] = field(repr=False)

    def exists(self, code: str) -> bool:
        """Whether this is a country's code, or a country's and a subdivision's."""
        country, dash, part = code.partition("-")
        if country not in self.countries:
            return False
        return not dash or part in self.subdivisions.get(country, ())

    def of_country(self, text: str) -> str:
        """Return the two-letter code of a country's code or name; empty when it is none."""
        code = text.strip().upper()
        return code if code in self.countries else self.spellings.get(_folded(text), "")


@cache
def regions() -> Regions:
    """Return the table, read once."""
    body = json.loads(files("hotlist").joinpath("iso3166.json").read_text("utf-8"))
    countries = {code: name for code, (_, name) in body["countries"].items()}
    spellings = {_folded(name): code for code, name in countries.items()}
    spellings |= {_folded(three): code for code, (three, _) in body["countries"].items()}
    spellings |= COUNTRIES
    subdivisions = {country: frozenset(codes.split()) for country, codes in body["subdivisions"].items()}
    return Regions(countries, subdivisions, body["names"], spellings)


def country_code(text: str) -> str:
    """Return the two-letter code of a country as somebody wrote it; empty for an empty text.

    Raises:
        RowError: there is no such country.
    """
    code = regions().of_country(text)
    if text.strip() and not code:
        raise RowError("there is no such country in ISO 3166; write US, CA, MX or GB")
    return code


def region_code(text: str, country: str = "") -> str:
    """Return the ISO 3166 code of a region as somebody wrote it; empty for an empty text.

    Args:
        text: ``US-NH``, ``NH``, ``New Hampshire``, ``N.H.``, ``USA``, ``Ontario``.
        country: the two-letter code of the country that a bare state is looked for in first.

    Raises:
        RowError: there is no such region, or it may be one of several.
    """
    written = re.sub(r"[\s_/]*[-\s_/][\s_/]*", "-", text.strip().upper())
    if not written:
        return ""
    table = regions()
    if table.exists(written) and ("-" in written or written == country):
        return written
    bare = text.upper().replace(".", "").replace(" ", "").strip()
    if bare.replace("/", "") in NOT_KNOWN:
        raise RowError("a word for an unknown region; leave the cell empty where the region is not known")
    if bare in SEVERAL and country not in SEVERAL[bare][0]:
        raise RowError(f"its region is {SEVERAL[bare][1]}")
    known = OLD_CODES.get(bare, "")
    if known and (not country or known.startswith((country, *_NEIGHBOURS.get(country, ())))):
        return known
    found = list(dict.fromkeys(_candidates(table, bare, _folded(text), country)))
    if not found:
        raise RowError(_UNKNOWN)
    if len(found) > 1:
        raise RowError("its region may be more than one place; write it in full, such as US-NH or CA-ON")
    if bare in ALSO_MEXICAN and found == [bare] and country in _NEIGHBOURS:
        raise RowError(
            "its region is a country in ISO 3166 and a Mexican state in other lists, where SO is Sonora; write "
            "MX-SON, or the country's name"
        )
    return found[0]


def _candidates(table: Regions, code: str, name: str, country: str) -> Iterator[str]:
    """Yield the regions that a text may be: of the given country alone where it has one, else all there are."""
    own = _parts_of(table, country, code, name, ABBREVIATIONS.get(country, {}).get(name)) if country else []
    if own:
        yield from own
        return
    for neighbour in _NEIGHBOURS.get(country, ()) if country else table.names:
        short = ABBREVIATIONS[neighbour].get(name) if len(name) > len("BC") else None
        yield from _parts_of(table, neighbour, code, name, short)
    as_country = code if code in table.countries else table.spellings.get(name, "")
    if as_country:
        yield as_country


def _parts_of(
    table: Regions, country: str, code: str, name: str = "", abbreviated: str | None = None
) -> list[str]:
    """Return the subdivisions of a country that have this code, name or abbreviation."""
    parts = [code] if code in table.subdivisions.get(country, ()) else []
    parts += [abbreviated] if abbreviated else []
    for part, called in table.names.get(country, {}).items():
        if name and _folded(called) == name != _folded(table.countries[country]):
            parts.append(part)
    return [f"{country}-{part}" for part in dict.fromkeys(parts)]


def _folded(text: str) -> str:
    """Return a name without case, accents, spaces and full stops."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(character for character in decomposed if character.isalnum())
