"""Write hotlist/iso3166.json from the pycountry package: the codes and names that a region may have."""

import json
from pathlib import Path
from typing import Any, Final

import pycountry

TABLE: Final = Path(__file__).resolve().parents[1] / "hotlist" / "iso3166.json"
_NAMED: Final = ("US", "CA", "MX")
"""Countries whose states or provinces issue plates of their own: their names are kept too."""


def table() -> dict[str, Any]:
    """Return what the table holds: countries, their subdivisions' codes, and the names of three countries'."""
    countries = sorted(pycountry.countries, key=lambda country: country.alpha_2)
    codes: dict[str, list[str]] = {}
    names: dict[str, dict[str, str]] = {country: {} for country in _NAMED}
    for part in sorted(pycountry.subdivisions, key=lambda part: part.code):
        country, _, code = part.code.partition("-")
        codes.setdefault(country, []).append(code)
        if country in names:
            names[country][code] = part.name
    return {
        "written_by": "scripts/region_codes.py",
        "countries": {
            country.alpha_2: [country.alpha_3, getattr(country, "common_name", country.name)]
            for country in countries
        },
        "subdivisions": {country: " ".join(found) for country, found in codes.items()},
        "names": names,
    }


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), ensure_ascii=False, indent=1, sort_keys=True) + "\n")
