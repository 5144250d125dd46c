# ruff: noqa: E501, SIM905  the tables read best as tables
"""What is written on plates and how it is set out: character patterns by place, and words for the small print.

In a pattern L is a letter, D a digit, A either; a space is a gap or a separator that is not a character; a slash starts the
second line. Serial numbers are drawn at random from the pattern.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The fifty states and DC, passenger formats of the last decades.
US_PATTERNS: dict[str, tuple[str, ...]] = {
    "AL": ("DLDDDDD", "DDLDDDL", "DDDDDLL"), "AK": ("LLL DDD",), "AZ": ("LLLDDDD", "LLL DDDD", "DDD LLL", "LAL DDA"),
    "AR": ("DDD LLL", "LLL DDL", "LLL DDD"), "CA": ("DLLLDDD", "DLLL DDD", "DLDDDDD", "DDDDDLD"), "CO": ("LLL LDD", "DDD LLL", "LLL DDD", "DDDLLL"),
    "CT": ("LL DDDDD", "DDD LLL", "DLLLLD"), "DE": ("DDDDDD", "LDDDDD"), "DC": ("LL DDDD", "DDD DDD"), "FL": ("LLL LDD", "DDD DLL", "LDD DLL", "DDDLLL"),
    "GA": ("LLL DDDD", "LLLDDDD", "LL DDDD"), "HI": ("LLL DDD",), "ID": ("L DDDDDD", "DL LDDDD", "L DDDDDL"), "IL": ("LL DDDDD", "LDD DDDD", "DDD DDDD", "DDDDDDD"),
    "IN": ("DDDLLL", "DDDL", "DDDLL"), "IA": ("LLL DDD", "DDD LLL"), "KS": ("DDD LLL", "LLL DDD", "DDDD LLL"), "KY": ("LLL DDD", "DDD LLL", "LDL DDD"),
    "LA": ("DDD LLL", "LLL DDD"), "ME": ("DDDD LL", "DDD LLL"), "MD": ("DLL DDDD", "LLL DDD", "DLLDDDD", "DLL LDD"), "MA": ("DLL LDD", "DDD LLD", "DDLL DD", "DDDD LL"),
    "MI": ("LLL DDDD", "LLL LDD", "DLL LDD"), "MN": ("LLL DDD", "DDD LLL"), "MS": ("LLL DDD", "LLL DDDD", "DDD LLL"), "MO": ("LLD LDL", "LLD LDL", "LLD LDL", "DDD LDL"),
    "MT": ("DDDDDDL", "DDDDDD", "D DDDDDL"), "NE": ("LLL DDD", "DD LDDD", "D LDDDD"), "NV": ("DDD LLL", "DDDLDD", "DDL DDD"), "NH": ("DDD DDDD", "DDDDDD"),
    "NJ": ("LDDLLL", "LLL DDL", "LLLDDL"), "NM": ("LLL DDD", "DDD LLL", "LLLLDD"), "NY": ("LLL DDDD", "LLL DDDD", "DDD LLL"), "NC": ("LLL DDDD", "LLL DDDD"),
    "ND": ("DDD LLL", "LLL DDD"), "OH": ("LLL DDDD", "LL DDLL", "DDD LLL"), "OK": ("LLL DDD", "DDD LLL"), "OR": ("DDD LLL", "LLL DDD"),
    "PA": ("LLL DDDD", "LLL DDDD"), "RI": ("DDD DDD", "LL DDD", "DLDDDD"), "SC": ("LLL DDD", "DDDD LL", "DDD LLL"), "SD": ("DLD DDD", "DLL DDD", "DDL DDD"),
    "TN": ("LDD DDL", "DDD LLL", "LLL DDD"), "TX": ("LLL DDDD", "LLDLDDD", "LDD LLL", "DDDLLL"), "UT": ("LDD DLL", "DDD LLL", "LDDDLL"), "VT": ("LLL DDD", "DDDLD"),
    "VA": ("LLL DDDD", "LLLDDDD", "LLL DDDD"), "WA": ("LLLDDDD", "DDD LLL", "LLL DDDD"), "WV": ("DLL DDD", "LLL DDD", "DLDDDD"), "WI": ("DDD LLL", "LLL DDDD"), "WY": ("DD DDDD", "D DDDDD", "DD DDDL"),
}  # fmt: skip

EU_PATTERNS: dict[str, tuple[str, ...]] = {
    "SK": ("LL DDDLL", "LL DDDLL", "LL DDDDD"), "CZ": ("DLD DDDD", "LLL DD DD", "DLA DDDD"), "DE": ("L LL DDDD", "LL LL DDD", "LLL L DDDD", "L L DDDD", "LL L DDD"),
    "GB": ("LLDD LLL", "LLDD LLL", "LDDD LLL"), "FR": ("LL DDD LL", "DDDD LL DD", "DDD LLL DD"), "IT": ("LL DDDLL", "LLDDDLL"), "ES": ("DDDD LLL", "L DDDD LL"),
    "NL": ("DD LL LL", "LL DDD L", "D LLL DD", "DD LLL D", "LL LL DD"), "PL": ("LL DDDDD", "LLL DDDD", "LLL LDDD", "LL DDDDL"), "RO": ("L DD LLL", "LL DD LLL", "L DDD LLL"),
    "HR": ("LL DDDD LL", "LL DDD LL"), "SE": ("LLL DDD", "LLL DDL"), "NO": ("LL DDDDD",), "DK": ("LL DD DDD",), "FI": ("LLL DDD",), "AT": ("L DDDDLL", "LL DDDLL", "L DDDDDL"),
    "BE": ("D LLL DDD", "LLL DDD", "DDD LLL"), "PT": ("DD LL DD", "LL DD LL", "DD DD LL"), "HU": ("LLL DDD", "LLLL DDD"), "SI": ("LL LL DDD", "LL DD LLL"), "BG": ("LL DDDD LL", "L DDDD LL"),
    "GR": ("LLL DDDD",), "IE": ("DD L DDDDD", "DDD L DDDD", "DDD LL DDD"), "LT": ("LLL DDD",), "LV": ("LL DDDD",), "EE": ("DDD LLL",), "RS": ("LL DDD LL", "LL DDDD LL"),
    "CH": ("LL DDDDDD", "LL DDDDD"), "UA": ("LL DDDD LL",), "LU": ("LL DDDD", "DDDDD"), "TR": ("DD LLL DDD", "DD LL DDDD"), "BA": ("LDD L DDD",), "MK": ("LL DDDD LL",),
}  # fmt: skip
BR_PATTERNS = ("LLL DDDD", "LLLDLDD")
TWO_LINE_PATTERNS = (
    "LLL/DDDD",
    "DDLD/DDDDD",
    "DDLD/DDDD",
    "DDL/DDDD",
    "LL DD/LLL",
    "LL/DDDDD",
    "DD LL/LLDD",
    "LDDD/LLL",
    "LLL/DDD",
    "DDDL/DDDD",
)

LEGEND_WORDS = (
    "alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois indiana iowa kansas kentucky "
    "louisiana maine maryland massachusetts michigan minnesota mississippi missouri montana nebraska nevada hampshire jersey mexico york carolina "
    "dakota ohio oklahoma oregon pennsylvania rhode tennessee texas utah vermont virginia washington wisconsin wyoming sunshine state garden empire "
    "golden lone star peach grand canyon first flight live free famous potatoes land of lincoln enchantment show me great lakes last frontier aloha "
    "sportsman paradise heart dixie spirit america ocean evergreen natural beautiful scenic centennial veteran wildlife university trust motors auto "
    "sales dealer ford toyota honda chevrolet group com www city county service brasil mercosul paulo rio curitiba south north west new 1867 2008 "
    "555 0123 jan feb mar apr may jun jul aug sep oct nov dec 09 12 07 15 18 22 autohaus garage cars leasing skoda autocentrum"
).split()

LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"


@dataclass(frozen=True, slots=True)
class Serial:
    """What a plate says: one or two lines; a space is a place for a separator."""

    lines: tuple[str, ...]
    style: str  # "us", "eu", "br" or "two"

    @property
    def text(self) -> str:
        """The characters in reading order, without separators."""
        return "".join(self.lines).replace(" ", "")


def _fill(pattern: str, rng: np.random.Generator) -> str:
    pools = {"L": LETTERS, "D": DIGITS, "A": LETTERS + DIGITS}
    return "".join(pools[c][rng.integers(len(pools[c]))] if c in pools else c for c in pattern)


def _free(rng: np.random.Generator, longest: int) -> str:
    """A serial of no format: vanity plates, plates of nowhere we listed."""
    length = int(rng.choice(np.arange(3, 11), p=(0.03, 0.07, 0.15, 0.27, 0.3, 0.12, 0.04, 0.02)))
    length = min(length, longest)
    share = rng.choice((0.0, 0.3, 0.5, 0.7, 1.0))
    text = "".join(
        LETTERS[rng.integers(26)] if rng.random() < share else DIGITS[rng.integers(10)] for _ in range(length)
    )
    if length > 4 and rng.random() < 0.5:
        cut = int(rng.integers(1, length))
        text = f"{text[:cut]} {text[cut:]}"
    return text


def random_serial(rng: np.random.Generator) -> Serial:
    """Draw a style, then a serial of a listed format or, for a third of the plates, of none."""
    style = str(rng.choice(("us", "eu", "br", "two"), p=(0.5, 0.33, 0.05, 0.12)))
    if style == "two":
        if rng.random() < 0.7:
            lines = _fill(str(rng.choice(TWO_LINE_PATTERNS)), rng).split("/")
        else:
            lines = [_free(rng, 5), _free(rng, 5)]
        return Serial(tuple(lines), style)
    if rng.random() < 0.36:
        return Serial((_free(rng, 9 if style == "us" else 10),), style)
    table = {"us": US_PATTERNS, "eu": EU_PATTERNS}.get(style)
    patterns = BR_PATTERNS if table is None else table[str(rng.choice(list(table)))]
    return Serial((_fill(str(rng.choice(patterns)), rng),), style)
