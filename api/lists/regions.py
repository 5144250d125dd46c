"""Regions a reviewer can choose: ISO 3166 codes with their names."""

from typing import Final

_STATES: Final = (
    "AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|"
    "DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|"
    "KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|"
    "MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|"
    "NM New Mexico|NY New York|NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|"
    "PA Pennsylvania|RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|"
    "VT Vermont|VA Virginia|WA Washington|WV West Virginia|WI Wisconsin|WY Wyoming"
)
_PROVINCES: Final = (
    "AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador|"
    "NS Nova Scotia|ON Ontario|PE Prince Edward Island|QC Quebec|SK Saskatchewan"
)
_COUNTRIES: Final = (
    "GB United Kingdom|IE Ireland|AR Argentina|AT Austria|AU Australia|BE Belgium|BR Brazil|BG Bulgaria|"
    "CA Canada|HR Croatia|CY Cyprus|CZ Czechia|DK Denmark|EE Estonia|FI Finland|FR France|DE Germany|"
    "GR Greece|HU Hungary|IT Italy|LV Latvia|LT Lithuania|LU Luxembourg|MT Malta|MX Mexico|NL Netherlands|"
    "NO Norway|PL Poland|PT Portugal|RO Romania|RS Serbia|SK Slovakia|SI Slovenia|ES Spain|SE Sweden|"
    "CH Switzerland|TR Türkiye|UA Ukraine|US United States, state not told"
)


def _split(lines: str, prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Return (code, name) pairs."""
    pairs = (line.split(" ", 1) for line in lines.split("|"))
    return tuple((prefix + code, name) for code, name in pairs)


REGIONS: Final = {
    "United States": _split(_STATES, "US-"),
    "Canada": _split(_PROVINCES, "CA-"),
    "Countries": _split(_COUNTRIES),
}
"""Groups of (ISO 3166 code, name)."""
CODES: Final = frozenset(code for group in REGIONS.values() for code, _ in group)
