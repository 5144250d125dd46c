"""More of what the field sends: each case stands for a kind that was read wrongly, or refused misleadingly."""

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hotlist.authoring.draft import Draft
from hotlist.authoring.import_plan import Replace, stage_file
from hotlist.entry import time_text
from hotlist.errors import ImmigrationError, ImportFileError, PlateError, RowError
from hotlist.importers import READERS, Format, Refused, Row, Unread
from hotlist.importers.cells import plate_of
from hotlist.importers.proposal import Given, propose
from hotlist.plate import normalise
from hotlist.region_codes import region_code
from tests.hotlist_maker import NOW, Department

NH = Department()
HEADER = "plate,state,reason,case number,expiration date,notes\n"
REST = ",NH,warrant,26-1,2026-04-01,"
TABLE = HEADER + "AB123" + REST + "note\nCD456" + REST + "\n"
NCIC = "V123456789LA057020020190509AB123456  CA2009MC2009YAMACYLMCBLK\n"
SAID = Given(NH.ann.public.id, NOW, country="US", values={"source": "feed"})
ROW = {"plate": "AB123", "purpose": "warrant", "case_number": "1", "expires": "2026-04-01", "source": "s"}


def read(content: bytes | str, kind: Format = Format.CSV) -> list[Row | Refused]:
    """Return what a reader yields."""
    rows = READERS[kind](io.BytesIO(content.encode() if isinstance(content, str) else content))
    return [row for row in rows if not isinstance(row, Unread)]


def plates(content: bytes | str, kind: Format = Format.CSV) -> list[str]:
    """Return the plates' cells; no row may be refused."""
    rows = read(content, kind)
    assert all(isinstance(row, Row) for row in rows)
    return [row.values["plate"] for row in rows if isinstance(row, Row)]


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        *((cell, "date") for cell in ("12-DEC-26", "12-dec-2026", "12DEC2026", "12. Dez 2026", "12. Dez")),
        *((cell, "date") for cell in ("Mar 2003", "March 5", "December 12, 2026", "05-06-2026", "2026-12")),
        *((cell, "date") for cell in ("12-mei", "des-12", "gru-12", "15-maj", "janv.-05", "12-mrt", "3-kvě")),
        *((cell, "fraction") for cell in ("6/7", "06/07", "1 1/2", "\u00bd")),
        *((cell, "thousands") for cell in ("1\u00a0234\u00a0567", "1\u202f234", "1'234'567", "1 234 567")),
        *((cell, "money") for cell in ("$123.00", "\u00a3 1,234", "12,50 \u20ac")),
        *((cell, "percentage") for cell in ("50%", "12,5 %")),
        *((cell, "truth") for cell in ("TRUE", "FALSE", "WAHR")),
        *((cell, "missing") for cell in ("NaT", "inf", "-inf")),
        *((cell, "error") for cell in ("#SPILL!", "#WERT!", "#NV", "#BEZUG!", "Err:502", "#N/A")),
        *((cell, "decimal") for cell in ("(123)", "(1,234.50)")),
    ],
)
def test_what_a_program_made_of_a_plate_is_refused_by_what_it_is(cell: str, what: str) -> None:
    """Dates of databases, fractions, money, groups of thousands: none is a plate with its separators off."""
    with pytest.raises(RowError, match=f"{what}.*spreadsheet"):
        plate_of(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "MAR 203",
        "12-DEC-2",
        "123 456",
        "TRUE1",
        "JAN 1234",
        "END 456",
        "SUM123",
        "12 mar 345",
        "1234567",
        "AB-12-34",
    ],
)
def test_plates_that_are_near_to_one_are_told_apart(cell: str) -> None:
    """Capital month names with other numbers, and groups that plates have; digits in their order are none."""
    if cell == "1234567":
        with pytest.raises(RowError, match="placeholder"):
            plate_of(cell)
    else:
        assert plate_of(cell) == normalise(cell)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        *(
            (cell, "total")
            for cell in ("Total", "GRAND TOTAL", "Count: 15", "15 rows", "(2 rows)", "EOF", "End")
        ),
        *((cell, "header") for cell in ("plate", "Tag", "License", "VRM")),
        *((cell, "placeholder") for cell in ("TEST123", "TEMP 12", "Unknown2", "NOPLATE1", "UNKNWN", "TBC")),
        *((cell, "placeholder") for cell in ("SEE NOTES", "undefined", "12345678", "NOT AVAIL.", "REDACTED")),
    ],
)
def test_what_stands_around_a_list_is_no_plate(cell: str, words: str) -> None:
    """A total, a second header in a file that was put together of two, a word with a number."""
    with pytest.raises(RowError, match=words):
        plate_of(cell)


@pytest.mark.parametrize("cell", ["AB12\tCD34", "AB12\nCD34", "AB12\rCD34"])
def test_a_tab_or_a_line_break_joins_no_two_plates(cell: str) -> None:
    """No plate has one inside; at an end it is dropped."""
    with pytest.raises(PlateError):
        normalise(cell)
    assert normalise("\tAB123\n") == "AB123"


@pytest.mark.parametrize(
    ("text", "country", "code"),
    [
        ("Ala.", "US", "US-AL"),
        ("Ind.", "US", "US-IN"),
        ("Mass.", "US", "US-MA"),
        ("N. Carolina", "US", "US-NC"),
        ("Washington, D.C.", "US", "US-DC"),
        ("US NH", "", "US-NH"),
        ("us_nh", "", "US-NH"),
        ("UK", "US", "GB"),
        ("Scotland", "", "GB"),
        ("Ont.", "US", "CA-ON"),
        ("P.E.I.", "US", "CA-PE"),
        ("NFLD", "US", "CA-NL"),
        ("CDMX", "US", "MX-CMX"),
        ("D.F.", "US", "MX-CMX"),
        ("BC", "MX", "MX-BCN"),
        ("NL", "MX", "MX-NLE"),
        ("BC", "US", "CA-BC"),
        ("NB", "CA", "CA-NB"),
        ("NB", "US", ""),
        ("NB", "", ""),
        ("QUE", "US", ""),
        ("NA", "US", ""),
        ("N/A", "US", ""),
        ("Unknown", "", ""),
        ("US-", "", ""),
        ("US-DC", "", "US-DC"),
        ("CA-XX", "", ""),
        ("MX-DIF", "", ""),
        *((code, country, "") for code in ("SO", "CH", "CU", "AG", "TL") for country in ("US", "CA", "MX")),
        ("SO", "", "SO"),
        ("Somalia", "US", "SO"),
        ("FR", "US", "FR"),
        ("GU", "US", ""),
        ("US-GU", "US", "US-GU"),
        ("MX-GUA", "US", "MX-GUA"),
    ],
)
def test_no_region_becomes_another_one(text: str, country: str, code: str) -> None:
    """Ala. is not Aland, Ind. not India, N/A not Namibia, SO (Sonora to NCIC) not Somalia; NB is refused."""
    if code:
        assert region_code(text, country) == code
    else:
        with pytest.raises(RowError):
            region_code(text, country)


@pytest.mark.parametrize(
    ("code", "region"),
    [("NB", "US-NE"), ("NK", "CA-NB"), ("0N", "CA-ON"), ("C0", "US-CO"), ("PQ", "CA-QC")]
    + [(code, "") for code in ("CH", "CU", "GU", "GM", "NL", "S0", "ZZ", "MX")],
)
def test_ncic_codes_are_read_by_ncics_table(code: str, region: str) -> None:
    """NB is Nebraska there; CH is Chihuahua, not Switzerland, and is left unknown."""
    (row,) = read(NCIC[:37] + code + NCIC[39:], Format.NCIC)
    assert isinstance(row, Row)
    assert row.values.get("region", "") == region


@pytest.mark.parametrize("text", [TABLE, TABLE.replace(",", "\t"), "VC123,x\n" * 3])
def test_a_table_is_no_ncic_extract(text: str) -> None:
    """What a spreadsheet saves as .txt is refused whole, with the format to say."""
    with pytest.raises(ImportFileError, match="NCIC") as caught:
        read(text, Format.NCIC)
    assert "--format csv" in caught.value.hint


@pytest.mark.parametrize(
    "text", ['[{"plate": "AB123"}]', '[\n{"plate": "AB123"},\n]', '{\n "plate": "AB123"\n}\n', TABLE]
)
def test_json_that_is_not_one_object_a_line_is_refused_whole(text: str) -> None:
    """An array, an object over several lines, a table."""
    with pytest.raises(ImportFileError, match="JSON") as caught:
        read(text, Format.JSONL)
    assert "one object a line" in caught.value.hint


def test_of_two_members_of_one_name_none_is_lost() -> None:
    """JSON keeps the second; the row is refused instead."""
    (row,) = read('{"plate": "AB123", "plate": "CD456"}\n', Format.JSONL)
    assert isinstance(row, Refused)


@pytest.mark.parametrize(
    "content",
    [
        TABLE.replace("note", "\u0416" * 3000).encode("utf-16-le"),
        TABLE.replace("note", "\u0416" * 3000).encode("utf-16-be"),
        TABLE.encode("utf-32-le"),
        TABLE.encode("utf-32-be"),
        b"\xef\xbb\xbf" * 2 + TABLE.encode(),
        ('"Plate\nnumber"' + TABLE.removeprefix("plate")).encode(),
        ("Registration\n" + TABLE).encode(),
        ("Vehicle,,,Case,,\n" + TABLE).encode(),
        TABLE.replace("AB123", '"AB123\n"').encode(),
        TABLE.replace("note", "a \x00 b").encode(),
    ],
    ids=range(10),
)
def test_more_that_can_be_read_is_read(content: bytes) -> None:
    """Letters beyond Latin in UTF-16, UTF-32 without a mark, broken lines in names, a title that is such a name."""
    assert plates(content) == ["AB123", "CD456"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\x28\xb5\x2f\xfd" + b"\1\2\3" * 30, "Zstandard"),
        (b"PAR1" + b"\x15\x04" * 50, "Parquet"),
        (b"ID;PWXL;N;E\nC;X1;Y1\n", "SYLK"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "picture"),
        (b"\n\n%PDF-1.4\n", "PDF"),
        (b"<table><tr><td>plate</td></tr></table>", "web page"),
        (b"<?php\n", "web page"),
        (TABLE.replace(",", "~").encode(), "names a column"),
    ],
)
def test_another_kind_of_file_is_named(content: bytes, word: str) -> None:
    """Whatever its name says; what separates columns is said where none was found."""
    with pytest.raises(ImportFileError, match=word) as caught:
        read(content)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "plate\nAA1111\n" + '"AB1234\nCD5678\nEF9012"\nGH3456\n',
        HEADER
        + 'AA1,NH,warrant,1,2026-04-01,"blue\n'
        + "BB1,NH,warrant,1,2026-04-01\n" * 3
        + 'CC1,NH,x,1,2026-04-01 "\n',
        HEADER + 'AA1,NH,warrant,"1,2026-04-01\nBB1,NH,warrant,1\nCC1,NH,warrant,1",2026-04-01,\n',
    ],
    ids=["one column", "rows without their last cell", "in the case's number"],
)
def test_a_quotation_hides_no_rows_that_are_short(text: str) -> None:
    """A list of one column, and one whose rows end early, hide rows as well."""
    with pytest.raises(ImportFileError, match="quotation mark that opens on line"):
        read(text)


def test_letters_that_are_no_utf8_are_said_first() -> None:
    """In whatever cell they are: the state of Quebec in Windows' letters is not called unknown."""
    (row,) = read((HEADER + "AB123,Qu\u00e9bec,warrant,1,2026-04-01,\n").encode("cp1252"))
    assert isinstance(row, Row)
    with pytest.raises(RowError, match="save the file as CSV UTF-8"):
        propose(row.values, SAID, entry_id="x")


@pytest.mark.parametrize(
    "changed",
    [
        {"case_number": "26\n1"},
        {"case_number": "9" * 80},
        {"note": "a\0b"},
        {"note": "x" * 600},
        {"year": "1700"},
        {"year": "9999"},
        {"expires": "9999-12-31"},
        {"expires": "0001-01-01"},
        {"expires": "2029-01-01"},
    ],
)
def test_a_refusal_is_in_a_persons_words(changed: dict[str, str]) -> None:
    """No pattern, no path of a library, no value."""
    with pytest.raises(RowError) as caught:
        propose({**ROW, **changed}, SAID, entry_id="x")
    words = str(caught.value)
    assert not any(
        mark in words for mark in ("^[", "\\x", "vehicle.", "pattern", "input should", "T00:00")
    ), words
    (value,) = changed.values()
    assert value not in words


def test_an_immigration_row_is_counted_as_one_whatever_its_plate() -> None:
    """R16 goes before every other reason."""
    with pytest.raises(ImmigrationError):
        propose({**ROW, "plate": "N/A", "purpose": "immigration violator"}, SAID, entry_id="x")


@pytest.fixture
def draft(tmp_path: Path) -> Iterator[Draft]:
    """Return a workbook with a source of two entries."""
    with Draft.create(tmp_path / "book", NH.name, NH.keys) as made:
        _stage(made, TABLE)
        yield made


def _stage(draft: Draft, text: str, replace: Replace | None = None, kind: Format = Format.CSV) -> None:
    with draft.transaction():
        _, change = stage_file(draft, READERS[kind](io.BytesIO(text.encode())), SAID, NH.ann, replace=replace)
        if change:
            with contextlib.suppress(Exception):
                draft.approve(change.number, NH.bob, NOW)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", Format.JSONL),
        ("\n", Format.NCIC),
        (HEADER, Format.CSV),
        (HEADER + "EF789" + REST + "\n", Format.CSV),
        (json.dumps({**ROW, "plate": "EF789", "source": "feed"}) + "\n", Format.JSONL),
    ],
    ids=["empty", "blank", "header only", "another list", "another list as JSON"],
)
def test_a_small_source_is_not_taken_away_whole(draft: Draft, text: str, kind: Format) -> None:
    """Few entries may go without a word, but never all of a source, and never by a file without rows."""
    with pytest.raises(ImportFileError, match="2 of the source's 2 entries"):
        _stage(draft, text, Replace("feed"), kind)
    assert draft.count_all() == 2
    _stage(draft, text, Replace("feed", allow_removals=2), kind)
    assert draft.count_all() == text.count("EF789")


def test_a_few_of_a_small_source_may_go(draft: Draft) -> None:
    """One of two, by a file that has the other."""
    _stage(draft, HEADER + "AB123" + REST + "note\n", Replace("feed"))
    assert draft.count_all() == 1


@pytest.mark.parametrize("source", ["fed", "Feed", "FEED", "feed 2", "%", "fee", "NCIC"])
def test_a_file_of_another_source_replaces_none(draft: Draft, source: str) -> None:
    """A slip in the name took nothing away, for ever, and said nothing: found cars would stay listed."""
    with pytest.raises(ImportFileError, match="no row of the file is of the source"):
        _stage(draft, TABLE, Replace(source))
    assert draft.count_all() == 2


def test_a_part_of_a_source_is_of_it(draft: Draft) -> None:
    """``NCIC`` stands for ``NCIC LA0570200``, from the first file on."""
    text = "source,plate,state,reason,case,expires\nNCIC LA0570200,PKR2218,NH,warrant,26-1,2026-04-01\n"
    _stage(draft, text, Replace("NCIC"))
    assert draft.count_all() == 3


def test_the_same_file_a_day_later_changes_nothing(draft: Draft) -> None:
    """An entry's start stays where its row names none: else a list would change, and be approved, every night."""
    later = replace(SAID, now=NOW + timedelta(days=1))
    with draft.transaction():
        report, change = stage_file(draft, READERS[Format.CSV](io.BytesIO(TABLE.encode())), later, NH.ann)
    assert (report.unchanged, report.changed, change) == (2, 0, None)
    other = TABLE.replace("note", "another")
    with draft.transaction():
        report, change = stage_file(draft, READERS[Format.CSV](io.BytesIO(other.encode())), later, NH.ann)
        assert change is not None
    assert (report.unchanged, report.changed) == (1, 1)
    assert json.loads(b"{" + report.examples[0].proposal.body)["effective"] == time_text(NOW)
