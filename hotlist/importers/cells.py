"""What stands in a cell where a plate should be: a spreadsheet's rewriting, or a word for "not known".

A spreadsheet that opens a list takes some plates for numbers or dates and writes them back as such. What it
wrote is another plate, which may be another person's: such a cell is refused and the spreadsheet is named.
Nothing here repeats what stands in the cell.
"""

import re
import unicodedata
from typing import Final

from hotlist.errors import PlateError, RowError
from hotlist.importers.headers import field_of
from hotlist.plate import normalise

_AGAIN: Final = "a spreadsheet or a database changed it: format the column as text and export it again"
_MONTHS: Final = (
    "Jan Feb Mar Apr May Jun Jul Aug Sep Sept Oct Nov Dec "  # English
    "January February March April June July August September October November December "
    "Mrz Mär Mai Okt Dez Januar Februar März Juni Juli Oktober Dezember "  # German
    "Janv Févr Fév Mars Avr Avril Juin Juil Août Déc "  # French
    "Ene Abr Ago Dic Gen Mag Giu Lug Set Ott Fev Out "  # Spanish, Italian, Portuguese
    "Mrt Mei Okt Maj Des Sty Lut Kwi Cze Lip Sie Wrz Paź Lis Gru "  # Dutch, Nordic, Polish
    "Led Úno Bře Dub Kvě Čvn Čvc Srp Zář Říj Pro "  # Czech
    "Ian Iun Iul Noi Oca Şub Nis Haz Tem Ağu Eyl Eki Kas Ara Agu"  # Romanian, Turkish, Indonesian
)
_MONTH: Final = "|".join(sorted({*_MONTHS.split(), *_MONTHS.lower().split()}, key=len, reverse=True))
_SQL_MONTH: Final = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_GAP: Final = "[ \u00a0\u2009\u202f]"
_DISGUISES: Final = {
    "as a decimal number": (r"[+-]?\d+([.,]\d+)+", r"\(\d[\d.,]*\)"),
    "as a number in groups of thousands": (
        r"\d{1,3}([\u00a0\u2009\u202f'\u2019]\d{3})+([.,]\d+)?",
        rf"\d{{1,2}}({_GAP}\d{{3}}){{2,}}([.,]\d+)?",
    ),
    "as a power of ten": (r"[+-]?\d+([.,]\d+)?[eE][+-]\d+", r"[+-]?\d+[.,]\d+[eE]\d+"),
    "as a number with a sign": (r"[+\-\u2212]\d+",),
    "as a percentage": (rf"[+-]?\d+([.,]\d+)?{_GAP}?%",),
    "as an amount of money": (
        rf"[+-]?[$\u20ac\u00a3\u00a5]{_GAP}?\d[\d.,]*",
        rf"[+-]?\d[\d.,]*{_GAP}?[$\u20ac\u00a3\u00a5]",
    ),
    "as a fraction or a date": (r"(\d+ )?\d{1,3}/\d{1,3}", r"(\d+ ?)?[\u00bc-\u00be\u2150-\u215e]"),
    "as a date": (
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?",
        r"(19|20)\d{2}-(0[1-9]|1[0-2])",
        r"\d{1,2}[/.]\d{1,2}[/.](\d{2}|\d{4})( .*)?",
        r"\d{1,2}-\d{1,2}-(19|20)\d{2}( .*)?",
        rf"\d{{1,2}}\.?[-. ]({_MONTH})\.?([-. ](\d{{2}}|\d{{4}})( \d.*)?)?",
        rf"({_MONTH})\.?[-. ](\d{{2}}|19\d\d|20\d\d)",
        rf"({_MONTH})\.? \d{{1,2}}(, ?\d{{4}})?",
        rf"(?i:\d{{1,2}}-({_SQL_MONTH})-(\d{{2}}|\d{{4}})( .*)?|\d{{2}}({_SQL_MONTH})(19|20)\d{{2}})",
    ),
    "as a time": (r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp][Mm])?",),
    "as a spreadsheet's error": (r"#[A-Z\u00c0-\u00dc_]+([/!?][A-Z0-9]*[!?]?)?", r"#+", r"[Ee]rr:\d+"),
    "as a truth value": ("TRUE|FALSE|WAHR|FALSCH|VRAI|FAUX|VERDADERO|FALSO",),
    "as a value that is missing": ("NaN|NaT|[+-]?[Ii]nf(inity)?",),
}
"""What a spreadsheet or a database makes of a plate, and the forms that only it writes."""
_FORMS: Final = [
    (re.compile("|".join(forms)), f"the plate is written {what}; {_AGAIN}")
    for what, forms in _DISGUISES.items()
]
_CASE_DISGUISED: Final = re.compile(
    "|".join(
        (
            r"[+-]?\d+([.,]\d+)?[eE][+-]\d+",
            r"[+-]?\d+[.,]\d+[eE]\d+",
            r"\d+[.,]0+",
            r"\d{1,3}(,\d{3}){2,}",
            *_DISGUISES["as a spreadsheet's error"],
            *_DISGUISES["as a truth value"],
            *_DISGUISES["as a value that is missing"],
            rf"\d{{1,2}}\.?[-. ]({_MONTH})\.?([-. ](\d{{2}}|\d{{4}}))?",
            rf"({_MONTH})\.?[-. ](\d{{2}}|\d{{4}})",
        )
    )
)
"""The same of a case's number, which may have dots, slashes and dates in it."""

_WORDS: Final = (
    "190 NA NAN NIL NONE NULL NV TBA TBC TBD UNDEFINED UNK UNKN UNKNWN UNKWN UNKNOW UNKOWN UNKNOWN "
    "UNREADABLE NOTKNOWN NOTREAD NOTAVAIL NOTAPPL NOTGIVEN NOTFOUND NOTLISTED NOTSTATED NOTREG NOTVISIBLE "
    "NOPLATE NOPLATES NOPLT NOTAG NOTAGS NOLP NOLPN NOLIC NOLICENSE NONUMBER NOREG "
    "UNREG UNREGISTERED UNASSIGNED UNLISTED MISSING VOID BLANK EMPTY NOTHING "
    "TEMP TEMPTAG PAPERTAG TEST TESTPLATE SAMPLE EXAMPLE DUMMY FAKE ERROR INVALID DELETED REMOVED "
    "PENDING APPLIEDFOR DEALER NEWCAR TRANSIT STOLEN LOST VARIOUS MULTIPLE OTHER "
    "SEENOTE SEENOTES SEEREMARKS SEECOMMENT SEEBELOW REDACTED WITHHELD QWERTY ASDF ASDFGH "
    "UNBEKANNT INCONNU SINPLACA SINPLACAS"
)
PLACEHOLDERS: Final = frozenset(_WORDS.split())
"""What systems and people write where a plate is not known. Real cars bear a few of these words."""
_NUMBERED: Final = re.compile(r"(TEST|TEMP|DUMMY|SAMPLE|NULL|UNKNOWN|NOPLATE|NOTAG)\d+")
"""Such a word with a number, where a program wants every plate to be another one."""
_REPEATED: Final = re.compile(r"(.)\1{4,}|[X0]+|9{4,}")
"""One character again and again: five times of any, four nines, or nothing but X or nothing but zeros."""
_COUNTED: Final = re.compile(r"0?123456(7(8(90?)?)?)|0123456")
"""The digits in their order, seven or more."""
_FOOTER: Final = re.compile(
    r"((GRAND|SUB)?TOTAL|COUNT)\d*|SUM|END|ENDOF(FILE|LIST|REPORT)|EOF|\d+(ROWS?|RECORDS?|ENTRIES|RESULTS?)\w*"
)
"""What programs write below a list."""


def plate_of(cell: str, *, fold: bool = False) -> str:
    """Return the plate that stands in a cell, normalised.

    Args:
        cell: as it was written.
        fold: write Ä, Ö, Ü, Ñ and the like without their marks, as plate readers do.

    Raises:
        RowError: there is none, a spreadsheet rewrote it, it stands for an unknown plate, or it is no plate.
    """
    text = unicodedata.normalize("NFC", cell.strip())
    for form, problem in _FORMS:
        if form.fullmatch(text):
            raise RowError(problem)
    letters = "".join(character for character in text.upper() if character.isalnum())
    if not letters or not letters.strip("0"):
        raise RowError("no plate")
    if field_of(letters) == "plate":
        raise RowError("the column's name where a plate should be: the header stands here again")
    if _FOOTER.fullmatch(letters):
        raise RowError("a total or an end of the list where a plate should be")
    if letters in PLACEHOLDERS or any(form.fullmatch(letters) for form in (_NUMBERED, _REPEATED, _COUNTED)):
        raise RowError("a placeholder, which stands for an unknown plate")
    try:
        return normalise(_folded(text) if fold else text)
    except PlateError as problem:
        raise RowError(f"{problem}{'' if fold else _hint(text)}") from None


def case_of(cell: str) -> str:
    """Return the case's number that stands in a cell, as it was written.

    Raises:
        RowError: a spreadsheet rewrote it, or it stands for an unknown one.
    """
    if _CASE_DISGUISED.fullmatch(cell):
        raise RowError(f"the case number is a spreadsheet's rewriting of one; {_AGAIN}")
    letters = "".join(character for character in cell.upper() if character.isalnum())
    if not letters.strip("X") or (letters.isalpha() and letters in PLACEHOLDERS):
        raise RowError("no case number, but a placeholder where it should be")
    return cell


def _hint(text: str) -> str:
    """Return what would read a plate that is refused, where that is to fold the marks on its letters."""
    try:
        normalise(_folded(text))
    except PlateError:
        return ""
    return "; folding marks at import (Ä as A) would read it"


def _folded(text: str) -> str:
    """Return a text without the marks on its letters."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character))
