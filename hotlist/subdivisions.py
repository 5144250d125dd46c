"""Two-letter codes of states and provinces, which alone could be a country's: CA is California, or Canada."""

from typing import Final

_STATES: Final = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC "
    "ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY PR GU VI AS MP"
)
_PROVINCES: Final = "AB BC MB NB NL NS NT NU ON PE QC SK YT"

US: Final = frozenset(_STATES.split())
CANADA: Final = frozenset(_PROVINCES.split())
