"""Regions a reviewer can choose: ISO 3166 codes with their names, from the table that every way in uses."""

from typing import Final

from hotlist.region_codes import regions

_COUNTRIES: Final = (
    "GB IE AR AT AU BE BR BG CA HR CY CZ DK EE FI FR DE GR HU IT LV LT LU MT MX NL NO PL PT RO RS SK SI ES SE "
    "CH TR UA US"
)
"""Countries that are offered; the table knows them all."""
_STATE_NOT_SEEN: Final = frozenset({"US", "CA", "MX"})
_WITHOUT_PLATES: Final = frozenset({"US-UM"})
"""Regions of the table that have no plates of their own; nobody can have read one."""


def _parts(country: str) -> tuple[tuple[str, str], ...]:
    """Return the codes and names of a country's states or provinces, by name."""
    named = regions().names[country]
    return tuple(
        sorted(
            (
                (f"{country}-{code}", name)
                for code, name in named.items()
                if f"{country}-{code}" not in _WITHOUT_PLATES
            ),
            key=lambda pair: pair[1],
        )
    )


def _country(code: str) -> tuple[str, str]:
    name = regions().countries[code]
    return code, f"{name}, state not told" if code in _STATE_NOT_SEEN else name


REGIONS: Final = {
    "United States": _parts("US"),
    "Canada": _parts("CA"),
    "Mexico": _parts("MX"),
    "Countries": tuple(_country(code) for code in _COUNTRIES.split()),
}
"""Groups of (ISO 3166 code, name)."""
NAMES: Final = {code: name for group in REGIONS.values() for code, name in group}
"""Each offered code's name."""
CODES: Final = frozenset(NAMES)
