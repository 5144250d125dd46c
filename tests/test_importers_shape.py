"""Files and rows whose shape is wrong: cut short, shifted, run together, or with other names and separators."""

import io
import json

import pytest

from hotlist.errors import ImportFileError, RowError
from hotlist.importers import READERS, Format, Refused, Row, Unread
from hotlist.importers.cells import case_of, plate_of
from hotlist.importers.proposal import Given, propose
from tests.hotlist_maker import NOW, Department

NH = Department()
HEADER = "plate,state,reason,case number,expiration date,notes\n"
REST = ",NH,warrant,26-1,2026-04-01,"
GOOD = "AB123" + REST + "note\n"
RECORD = "V123456789LA057020020190509AB123456  CA2009MC2009YAMACYLMCBLK"
SAID = Given(NH.ann.public.id, NOW, country="US", days=30, values={"source": "feed", "purpose": "warrant"})
ROW = {"plate": "AB123", "purpose": "warrant", "case_number": "1", "expires": "2026-04-01", "source": "s"}


def read(content: bytes | str, kind: Format = Format.CSV) -> list[Row | Refused | Unread]:
    """Return what a reader yields."""
    return list(READERS[kind](io.BytesIO(content.encode() if isinstance(content, str) else content)))


def listed(content: str, kind: Format = Format.CSV) -> list[str]:
    """Return the plates that would be proposed; a row that is refused is an empty text."""
    plates = []
    for row in read(content, kind):
        if isinstance(row, Unread):
            continue
        try:
            if isinstance(row, Refused):
                raise row.problem
            plates.append(propose(row.values, SAID, entry_id="x").plate)
        except RowError:
            plates.append("")
    return plates


@pytest.mark.parametrize("cut", ["CD456,NH,warrant,26-004", "CD4", "CD456,NH,warrant,26-2,2026-04-01"])
def test_the_row_in_which_a_file_ends_too_early_is_refused(cut: str) -> None:
    """A download that broke off leaves half a plate or half a case number, which may be another's."""
    assert listed(HEADER + GOOD + cut) == ["AB123", ""]
    refused = read(HEADER + GOOD + cut)[-1]
    assert isinstance(refused, Refused)
    assert "cut short" in str(refused.problem)


@pytest.mark.parametrize(
    "content",
    [
        HEADER + GOOD + "CD456" + REST,
        HEADER + "AB123,NH,warrant,26-1\nCD456,NH,warrant,26-2",
        "plate,case,notes\nAB123,26-1\nCD456,26-2",
        HEADER + GOOD + "CD456" + REST + "\n\x1a",
    ],
)
def test_a_whole_last_row_needs_no_end_of_line(content: str) -> None:
    """Many programs write none, and rows that end early do so throughout; DOS ends a file in a character."""
    assert listed(content) == ["AB123", "CD456"]


@pytest.mark.parametrize(
    "record",
    [
        RECORD[:26] + RECORD[27:],
        RECORD[:15] + RECORD[16:],
        RECORD[:27] + " " + RECORD[27:],
        RECORD[:19] + " " * 8 + RECORD[28:],
        RECORD[:12] + "\u00c4" + RECORD[13:],
        RECORD + "\t" * 3 + RECORD,
    ],
)
def test_an_ncic_record_that_lost_its_place_lists_no_other_plate(record: str) -> None:
    """One character too few makes AB123456 into B123456; one too many loses the state."""
    assert listed(RECORD + "\n" + record + "\n", Format.NCIC) == ["AB123456", ""]


def test_an_ncic_record_without_a_plate_or_date_is_told_apart() -> None:
    """The first is refused as that; the second is read, and says nothing of a date that does not exist."""
    blank = RECORD[:27] + " " * 10 + RECORD[37:]
    (row,) = read(blank, Format.NCIC)
    assert isinstance(row, Row)
    with pytest.raises(RowError, match="no plate"):
        propose(row.values, SAID, entry_id="x")
    for date in ("20191399", " " * 8, "00000000"):
        (row,) = read(RECORD[:19] + date + RECORD[27:], Format.NCIC)
        assert isinstance(row, Row)
        assert "note" not in row.values


def test_a_first_record_with_a_fault_is_no_header() -> None:
    """It was passed over in silence."""
    with pytest.raises(ImportFileError, match="line 1 has no record number"):
        read(f" {RECORD}\n{RECORD}\n", Format.NCIC)
    assert listed(f"NCIC STOLEN VEHICLE FILE, ALL STATES, RECORDS BY ENTRY\n{RECORD}\n", Format.NCIC) == [
        "AB123456"
    ]


@pytest.mark.parametrize(
    "content",
    [
        "SEP=;\n" + HEADER + GOOD,
        "sep=tab\n" + (HEADER + GOOD).replace(",", "\t"),
        "plate;state;reason;case;expires;by, whom, how, often, why, where\nAB123;NH;warrant;26-1;2026-04-01;x\n",
        "plate;state;x, y, z, u, v, w, q;reason;case;expires\nAB123;NH;;warrant;26-1;2026-04-01\n",
        'plate, state, reason, case, expires\n"AB123", "NH", "warrant", "26-1", "2026-04-01"\n',
        HEADER + "AB123" + REST + '"blue\nFord,\tdented"\n',
    ],
)
def test_separators_are_found_by_the_names_between_them(content: str) -> None:
    """Not by how many of them a header has; a wrong ``sep=`` and spaces before quotation marks are borne."""
    assert listed(content) == ["AB123"]
    (row,) = [row for row in read(content) if isinstance(row, Row)]
    proposal = propose(row.values, SAID, entry_id="x")
    assert (proposal.region, proposal.case_number) == ("US-NH", "26-1")


def test_a_note_of_several_lines_is_one_line() -> None:
    """In CSV and in JSON; the row used to be refused for it."""
    for note in ("blue\nFord", "blue \r\n Ford", "blue\tFord"):
        body = propose({**ROW, "note": note}, SAID, entry_id="x").body
        assert json.loads(b"{" + body)["note"] == "blue Ford"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER.replace("state", "\u00e9tat").encode("cp1252") + GOOD.encode(), "not UTF-8"),
        ('{"plate":"AB123"}\n', "JSON"),
        ('[\n{"plate":"AB123"}\n]\n', "JSON"),
        ("", "empty"),
        ("\n\n", "empty"),
    ],
)
def test_a_header_that_cannot_be_read_refuses_the_file(content: bytes | str, words: str) -> None:
    """A column whose name is not text would be left out in silence, and its region with it."""
    with pytest.raises(ImportFileError, match=words):
        read(content)


def test_columns_of_other_names_are_said() -> None:
    """By a spreadsheet's letters; those without a name, and an export's own, are not."""
    assert read("plate,Lic St,x,,id,Author\nAB123,NH,,,,\n")[0] == Unread(("B", "C"))
    wide = "plate" + "," * 26 + "odd\nAB123\n"
    assert read(wide)[0] == Unread(("AA",))
    assert not [row for row in read(HEADER + GOOD) if isinstance(row, Unread)]


@pytest.mark.parametrize(
    "case", ["2.6E+11", "2.60E+05", "26-Jan", "Jan-26", "260001.0", "#REF!", "#N/A", "2,600,417", "TRUE"]
)
def test_a_case_number_that_a_spreadsheet_rewrote_is_refused(case: str) -> None:
    """2.6E+11 stands for any of a million cases."""
    with pytest.raises(RowError, match="spreadsheet"):
        propose({**ROW, "case_number": case}, SAID, entry_id="x")


@pytest.mark.parametrize(
    "case",
    ["N/A", "NULL", "none", "TBD", "-", "?", "nan", "XX", "SEE NOTES", "unknown", "pending"],
)
def test_a_placeholder_is_no_case_number(case: str) -> None:
    """An entry says which case it is for (R6)."""
    with pytest.raises(RowError, match="placeholder"):
        propose({**ROW, "case_number": case}, SAID, entry_id="x")


@pytest.mark.parametrize(
    "case",
    ["26-00417", "2026-04-17", "26/0417", "1", "26.417", "26E417", "V123456789", "JAN-26-14", "0", "100"],
)
def test_case_numbers_of_many_forms_are_kept_as_they_are(case: str) -> None:
    """Dates and slashes stand in them."""
    assert case_of(case) == case


def test_an_entry_that_has_expired_is_refused_as_that() -> None:
    """With a start in the past it was listed, and would never have matched."""
    with pytest.raises(RowError, match="expired already"):
        propose({**ROW, "effective": "2025-01-01", "expires": "2025-04-01"}, SAID, entry_id="x")


def test_folding_is_offered_only_where_it_helps() -> None:
    """Letters that are not Latin have no marks to take off."""
    with pytest.raises(RowError, match="folding"):
        plate_of("\u00c4B123")
    with pytest.raises(RowError) as refused:
        plate_of("\u4443\u00c4123")
    assert "folding" not in str(refused.value)


def test_a_character_that_is_no_text_is_said_in_words() -> None:
    """A lone half of a surrogate pair, as JSON can write it."""
    (row,) = read('{"plate":"AB123","note":"\\ud800"}\n', Format.JSONL)
    assert isinstance(row, Row)
    with pytest.raises(RowError) as refused:
        propose({**ROW, **row.values}, SAID, entry_id="x")
    assert "note" in str(refused.value)
    assert "unicode" not in str(refused.value)
