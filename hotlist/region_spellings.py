"""How people write regions beside ISO's codes and names: older codes, and abbreviations of states and provinces.

Keys are folded: lower case, letters and digits only. Values are the subdivision's code within its country.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OLD_CODES: Final = MappingProxyType(
    {"NF": "CA-NL", "PQ": "CA-QC", "YK": "CA-YT", "NWT": "CA-NT", "LB": "CA-NL", "DF": "MX-CMX"}
)
"""Codes that are still written for a province or a state, and are not ISO's."""

COUNTRIES: Final = MappingProxyType(
    {
        "unitedstatesofamerica": "US",
        "greatbritain": "GB",
        "uk": "GB",
        "england": "GB",
        "scotland": "GB",
        "wales": "GB",
        "northernireland": "GB",
    }
)
"""Names of countries, and of parts that people take for one."""


def _pairs(text: str) -> Mapping[str, str]:
    return MappingProxyType(dict(pair.split(":") for pair in text.split()))


ABBREVIATIONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "US": _pairs(
            "ala:AL ariz:AZ ark:AR calif:CA cal:CA colo:CO conn:CT del:DE fla:FL ill:IL ind:IN kan:KS kans:KS "
            "mass:MA mich:MI minn:MN miss:MS mont:MT neb:NE nebr:NE nev:NV nhampshire:NH nmex:NM nys:NY "
            "newyorkstate:NY stateofnewyork:NY newyorkcity:NY ncarolina:NC ndak:ND ndakota:ND okla:OK ore:OR "
            "oreg:OR penn:PA penna:PA scarolina:SC sdak:SD sdakota:SD tenn:TN tex:TX wash:WA "
            "washingtonstate:WA washingtondc:DC wva:WV wvirginia:WV westva:WV wis:WI wisc:WI wyo:WY "
            "usvi:VI virginislands:VI"
        ),
        "CA": _pairs(
            "ont:ON que:QC man:MB sask:SK alta:AB nfld:NL newfoundland:NL labrador:NL pei:PE yukonterritory:YT "
            "nouveaubrunswick:NB nouvelleecosse:NS terreneuve:NL colombiebritannique:BC"
        ),
        "MX": _pairs(
            "ags:AGU bc:BCN bajacalif:BCN bcs:BCS camp:CAM chis:CHP chih:CHH cdmx:CMX distritofederal:CMX "
            "coah:COA dgo:DUR edomex:MEX edodemexico:MEX estadodemexico:MEX gto:GUA hgo:HID mich:MIC nl:NLE "
            "qro:QUE qroo:ROO tamps:TAM tlax:TLA"
        ),
    }
)
"""Abbreviations by country. Those of two letters stand only in a list of that country: BC is a province too."""

SEVERAL: Final = MappingProxyType(
    {
        "NB": (("CA",), "Nebraska in NCIC's lists and New Brunswick in others; write US-NE or CA-NB"),
        "GU": ((), "Guanajuato in NCIC's lists and Guam in others; write MX-GUA or US-GU"),
    }
)
"""Codes that two tables in use give to two places: in lists of which countries one is meant, else what is said."""

ALSO_MEXICAN: Final = frozenset(
    (
        *("AG", "BA", "BJ", "BN", "BS", "CC", "CH", "CI", "CL", "CM", "CU", "DO", "GR", "GT"),
        *("MC", "MR", "PL", "SI", "SL", "SN", "SO", "SR", "TC", "TL", "VC", "VE", "ZA"),
    )
)
"""Countries' codes in ISO 3166 that lists of Mexican states have too, NCIC's among them: SO is Sonora there."""

NOT_KNOWN: Final = frozenset(
    (
        "NA",
        "NONE",
        "NULL",
        "NIL",
        "UNK",
        "UNKN",
        "UNKNOWN",
        "NOTKNOWN",
        "OTHER",
        "ANY",
        "ALL",
        "TBD",
        "MISSING",
    )
)
"""What stands where a region is not known."""
