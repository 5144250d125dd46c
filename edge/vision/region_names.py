"""Regions as models tell them: the names that OCR models write, and every code that a read can hold."""

from collections.abc import Sequence
from typing import Final

from hotlist.region_codes import regions

CODES: Final = {
    "Albania": "AL", "Andorra": "AD", "Argentina": "AR", "Armenia": "AM", "Australia": "AU", "Austria": "AT",
    "Azerbaijan": "AZ", "Bahrain": "BH", "Belarus": "BY", "Belgium": "BE", "Bosnia and Herzegovina": "BA",
    "Brazil": "BR", "Bulgaria": "BG", "Cambodia": "KH", "Canada": "CA", "Croatia": "HR", "Cyprus": "CY",
    "Czech Republic": "CZ", "Denmark": "DK", "Estonia": "EE", "Finland": "FI", "France": "FR",
    "Georgia": "GE", "Germany": "DE", "Gibraltar": "GI", "Greece": "GR",
    "Guernsey": "GG", "Hungary": "HU", "Iceland": "IS",
    "Indonesia": "ID", "Ireland": "IE", "Israel": "IL", "Italy": "IT", "Latvia": "LV", "Liechtenstein": "LI",
    "Lithuania": "LT", "Luxembourg": "LU", "Malaysia": "MY", "Malta": "MT", "Mexico": "MX", "Moldova": "MD",
    "Monaco": "MC", "Montenegro": "ME", "Netherlands": "NL", "New Zealand": "NZ", "North Macedonia": "MK",
    "Norway": "NO", "Poland": "PL", "Portugal": "PT", "Qatar": "QA", "Romania": "RO", "San Marino": "SM",
    "Serbia": "RS", "Singapore": "SG", "Slovakia": "SK", "Slovenia": "SI", "Spain": "ES", "Sweden": "SE",
    "Switzerland": "CH", "Thailand": "TH", "Turkey": "TR", "Ukraine": "UA", "United Kingdom": "GB",
    "United States": "US", "Vietnam": "VN",
}  # fmt: skip


_WITH_STATES: Final = ("AU", "CA", "MX", "US")
"""Countries whose states or provinces issue plates of their own."""
REGION_CODES: Final = (
    *sorted(regions().countries),
    *(f"{country}-{part}" for country in _WITH_STATES for part in sorted(regions().subdivisions[country])),
)
"""Every region that a read can hold, in the order of its place in the slot."""


def codes_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the codes of a model's region names, in its order; empty for a name that is no region."""
    return tuple(CODES.get(name, "") for name in names)
