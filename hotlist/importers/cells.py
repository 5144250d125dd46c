"""What stands in a cell where a plate should be: a spreadsheet's rewriting, or a word for "not known".

A spreadsheet that opens a list takes some plates for numbers or dates and writes them back as such. What it
wrote is another plate, which may be another person's: such a cell is refused and the spreadsheet is named.
Nothing here repeats what stands in the cell.
"""

import re
import unicodedata
from typing import Final

from hotlist.errors import PlateError, RowError
from hotlist.plate import normalise

_AGAIN: Final = "a spreadsheet changed it: format the column as text and export it again"
_MONTHS: Final = (
    "Jan Feb Mar Apr May Jun Jul Aug Sep Sept Oct Nov Dec "  # English
    "Mrz Mär Mai Okt Dez Janv Févr Fév Mars Avr Avril Juin Juil Août Déc "  # German, French
    "Ene Abr Ago Dic Gen Mag Giu Lug Set Ott Fev Out"  # Spanish, Italian, Portuguese
)
_MONTH: Final = "|".join(sorted({*_MONTHS.split(), *_MONTHS.lower().split()}, key=len, reverse=True))
_DISGUISES: Final = {
    "as a decimal number": (r"[+-]?\d+([.,]\d+)+",),
    "as a power of ten": (r"[+-]?\d+([.,]\d+)?[eE][+-]\d+", r"[+-]?\d+[.,]\d+[eE]\d+"),
    "as a number with a sign": (r"[+-]\d+",),
    "as a date": (
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?",
        r"\d{1,2}[/.]\d{1,2}[/.](\d{2}|\d{4})( .*)?",
        rf"\d{{1,2}}[-. ]({_MONTH})\.?([-. ](\d{{2}}|\d{{4}}))?",
        rf"({_MONTH})[-.](\d{{2}}|19\d\d|20\d\d)",
    ),
    "as a time": (r"\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?",),
    "as a spreadsheet's error": (r"#(N/A|REF!|NAME\?|VALUE!|DIV/0!|NUM!|NULL!|#*)",),
}
"""What a spreadsheet makes of a plate, and the forms that only it writes."""
_FORMS: Final = [
    (re.compile("|".join(forms)), f"the plate is written {what}; {_AGAIN}")
    for what, forms in _DISGUISES.items()
]

_WORDS: Final = (
    "190 NA NAN NIL NONE NULL NV TBA TBD UNK UNKN UNKNOWN UNREADABLE NOTKNOWN NOTREAD "
    "NOPLATE NOPLATES NOTAG NOTAGS NOREG UNREG UNREGISTERED MISSING VOID BLANK EMPTY "
    "TEMP TEMPTAG PAPERTAG TEST TESTPLATE SAMPLE DUMMY 123456789 1234567890 0123456789"
)
PLACEHOLDERS: Final = frozenset(_WORDS.split())
"""What systems and people write where a plate is not known. Real cars bear a few of these words."""
_REPEATED: Final = re.compile(r"(.)\1{4,}|[X0]+|9{4,}")
"""One character again and again: five times of any, four nines, or nothing but X or nothing but zeros."""


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
    if letters in PLACEHOLDERS or _REPEATED.fullmatch(letters):
        raise RowError("a placeholder, which stands for an unknown plate")
    try:
        return normalise(_folded(text) if fold else text)
    except PlateError as problem:
        hint = "" if fold or _folded(text) == text else "; folding marks at import (Ä as A) would read it"
        raise RowError(f"{problem}{hint}") from None


def _folded(text: str) -> str:
    """Return a text without the marks on its letters."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character))
