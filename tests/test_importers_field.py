"""What lists from the field look like, and the right answer to each: read, or refused in words that help."""

import contextlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pycountry
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotlist.authoring.changes import State
from hotlist.authoring.draft import ALONE, Draft
from hotlist.authoring.draft_check import check
from hotlist.authoring.import_plan import Replace, Report, stage_file
from hotlist.errors import DraftError, ImportFileError, PlateError, RowError
from hotlist.importers import READERS, Format, Refused, Row, Unread
from hotlist.importers.cells import plate_of
from hotlist.importers.dates import DateOrder, moment_of
from hotlist.importers.proposal import Given, propose
from hotlist.plate import normalise
from hotlist.region_codes import country_code, region_code, regions
from scripts.region_codes import TABLE, table
from tests.hotlist_maker import NOW, Department

NH = Department()
HEADER = "plate,state,reason,case number,expiration date,notes\n"
REST = ",NH,warrant,26-1,2026-04-01,"
SAID = Given(NH.ann.public.id, NOW, country="US", values={"source": "feed"})


@pytest.fixture
def draft(tmp_path: Path) -> Iterator[Draft]:
    """Return a new workbook."""
    with Draft.create(tmp_path / "book", NH.name, NH.keys) as made:
        yield made


def read(content: bytes | str) -> list[Row | Refused]:
    """Return what the CSV reader yields."""
    raw = content.encode() if isinstance(content, str) else content
    return [row for row in READERS[Format.CSV](io.BytesIO(raw)) if not isinstance(row, Unread)]


def plates(content: bytes | str) -> list[str]:
    """Return the plates' cells; no row may be refused."""
    rows = read(content)
    assert all(isinstance(row, Row) for row in rows)
    return [row.values["plate"] for row in rows if isinstance(row, Row)]


TABLE_TEXT = HEADER + "AB123" + REST + "note\nCD456" + REST + "\n"


@pytest.mark.parametrize(
    "content",
    [
        TABLE_TEXT.encode(),
        b"\xef\xbb\xbf" + TABLE_TEXT.encode(),
        TABLE_TEXT.encode("utf-16"),
        TABLE_TEXT.encode("utf-16-le"),
        TABLE_TEXT.encode("utf-16-be"),
        b"\xfe\xff" + TABLE_TEXT.encode("utf-16-be"),
        TABLE_TEXT.encode("utf-32"),
        TABLE_TEXT.replace("\n", "\r").encode(),
        TABLE_TEXT.replace("\n", "\r\n").encode(),
        TABLE_TEXT.replace("\n", "\r\n").encode("utf-16"),
        b"sep=,\r\n" + TABLE_TEXT.encode(),
        b"sep=;\r\n" + TABLE_TEXT.replace(",", ";").encode(),
        TABLE_TEXT.replace(",note\n", ",note,,\n").encode(),
        b"Hot list of the county\n,,,\nExported 2026-03-01\n\n" + TABLE_TEXT.encode(),
        TABLE_TEXT.replace(",note\n", ',"a note\nof two lines"\n').encode(),
        TABLE_TEXT.rstrip("\n").encode(),
        TABLE_TEXT.replace("\n", ",,\n").encode(),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_can_be_read_without_guessing_is_read(content: bytes) -> None:
    """Encodings, line ends, a title, `sep=`, empty cells behind the last column, a note of two lines."""
    assert plates(content) == ["AB123", "CD456"]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_line_end_between_two_reads_is_one_line_end(size: int) -> None:
    """A CR at the end of one piece and the LF at the start of the next are one end, in every encoding."""

    class Slow(io.BytesIO):
        """Gives a few bytes at a time."""

        def read(self, _: int | None = -1, /) -> bytes:
            return super().read(size if self.tell() else 64)

    for encoding in ("utf-8", "utf-16"):
        content = TABLE_TEXT.replace("\n", "\r\n").encode(encoding)
        rows = list(READERS[Format.CSV](Slow(content)))
        assert [(row.line, type(row)) for row in rows if not isinstance(row, Unread)] == [(2, Row), (3, Row)]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\n  <!DOCTYPE html><html>Sign in", "web page"),
        ("<html>".encode("utf-16"), "web page"),
        (b'<?xml version="1.0"?><list/>', "XML"),
        (b"SQLite format 3\0", "SQLite"),
        (b"\x00\x01\x02\x03" * 50, "not a text file"),
        (b"", "names a column for the plate"),
        (b"AB123,NH,warrant\n", "names a column for the plate"),
    ],
)
def test_another_kind_of_file_is_named(content: bytes, word: str) -> None:
    """Whatever the file's name says, its sender hears what it is; no cell is repeated."""
    with pytest.raises(ImportFileError, match=word) as caught:
        read(content)
    assert "AB123" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("after", [1, 2, 40, 3000])
def test_an_open_quotation_hides_no_rows(after: int) -> None:
    """One missing quotation mark refuses the file and names its line, however many rows stand behind it."""
    rows = "".join(f"BB{number:04d}{REST}\n" for number in range(after))
    with pytest.raises(ImportFileError, match="line 3") as caught:
        read(HEADER + "AA0000" + REST + "\n" + "AA0001" + REST + '"unclosed\n' + rows)
    assert "AA0001" not in str(caught.value)


@pytest.mark.parametrize("closing", ['x"', 'note"\n', '"'])
def test_a_quotation_closed_rows_later_hides_none(closing: str) -> None:
    """A later quotation mark closes the open one: rows between them are not one cell."""
    rows = "".join(f"BB{number:04d}{REST}\n" for number in range(5))
    with pytest.raises(ImportFileError, match="line 2"):
        read(HEADER + "AA0001" + REST + '"open\n' + rows + "CC1" + REST + closing + "\n")


def test_a_cell_of_endless_lines_is_refused() -> None:
    """Lines that are no rows do not make it a note: a hundred of them are an open quotation."""
    with pytest.raises(ImportFileError, match="line 2"):
        read(HEADER + "AA1" + REST + '"open\n' + "text\n" * 200)


@pytest.mark.parametrize(
    "cell",
    [
        *("123456.0", "4567.0", "90210.00", "1.5", "1,5", "1.234.567", "-5", "+12"),
        *("1.00E+05", "1E+05", "1.23457E+11", "1E-05", "5.00E-03", "1e+3", "1,2E+3", "1.2E3"),
        *("2026-12-20", "2026/12/20", "12/20/2026", "20.12.2026", "1/2/26", "2026-12-20 00:00:00"),
        *("12-Dec", "Dec-12", "3-Mar", "1-Jan-26", "Mar-2003", "5-Mai", "01-Mär", "10:30", "10:30 AM"),
        *("#N/A", "#REF!", "#NAME?", "########"),
    ],
)
def test_a_number_or_a_date_in_disguise_is_refused_and_the_spreadsheet_named(cell: str) -> None:
    """What a spreadsheet wrote is another plate, perhaps another person's; the sentence says so, not the cell."""
    with pytest.raises(RowError, match="spreadsheet") as caught:
        plate_of(cell)
    assert cell.strip("#") not in str(caught.value) or not cell.strip("#")


@pytest.mark.parametrize(
    ("cell", "plate"),
    [
        ("DEC-1234", "DEC1234"),
        ("MAR-123", "MAR123"),
        ("1E05", "1E05"),
        ("12E34", "12E34"),
        ("AB.123", "AB123"),
        ("12-34-56", "123456"),
        ("B-AB 1234", "BAB1234"),
        ("0123", "0123"),
        ("AB 12 CD", "AB12CD"),
        ("xyz 123", "XYZ123"),
        ("1A-2B.3C", "1A2B3C"),
        ("MUM1", "MUM1"),
        ("9999", "9999"),
    ],
)
def test_a_plate_that_only_looks_like_one_is_read(cell: str, plate: str) -> None:
    """Plates with the letters E and DEC, with separators, with leading zeros."""
    if plate == "9999":
        with pytest.raises(RowError, match="placeholder"):
            plate_of(cell)
        return
    assert plate_of(cell) == plate


@pytest.mark.parametrize("plate", ["1.5", "123456.0", "-5", "AB1-", ".AB1", "12..3"])
def test_a_separator_stands_between_groups_only(plate: str) -> None:
    """A dot between digits is a decimal point; one at an end belongs to no plate: it is refused, not dropped."""
    with pytest.raises(PlateError, match=r"dot between two digits|separator"):
        normalise(plate)


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "NULL",
            "nan",
            "NA",
            "N/A",
            "n.a.",
            "TBD",
            "TEMP",
            "XXXXXX",
            "X",
            "NOTAG",
            "NO PLATE",
            "UNREG",
            "NV",
        ),
        *("MISSING", "VOID", "TEST", "123456789", "9999999", "AAAAAAA", "none", "Unknown", "-", "0000", ""),
    ],
)
def test_a_placeholder_is_refused_as_one(cell: str) -> None:
    """A word or a run of one character that stands for "not known" would match a stranger's plate."""
    with pytest.raises(RowError, match=r"placeholder|no plate"):
        plate_of(cell)


@pytest.mark.parametrize(
    ("cell", "folded"),
    [
        ("M\u00dc AB 123", "MUAB123"),
        ("MU\u0308 AB 124", "MUAB124"),
        ("\u00d6HR-A 1", "OHRA1"),
        ("\u00d11234", "N1234"),
    ],
)
def test_letters_with_marks_are_named_and_folded_only_when_it_is_said(cell: str, folded: str) -> None:
    """Readers see Ä as A; whether a list means that is its owner's to say."""
    with pytest.raises(RowError, match=r"WITH (DIAERESIS|TILDE).*folding"):
        plate_of(cell)
    assert plate_of(cell, fold=True) == folded


@pytest.mark.parametrize(
    "cell", ["AB\u200b123", "\u202aAB125\u202c", "AB\u2019127", "\uff21\uff22128", "\u0410\u0412129"]
)
def test_letters_that_only_look_latin_are_never_folded(cell: str) -> None:
    """Invisible marks, full-width and Cyrillic letters stay refused, by name."""
    for fold in (False, True):
        with pytest.raises(RowError, match="character"):
            plate_of(cell, fold=fold)


@pytest.mark.parametrize(("cell", "text"), [('="0123"', "0123"), ("'0456", "0456"), ('"=""0789"""', "0789")])
def test_a_cell_that_was_marked_as_text_is_read_as_text(cell: str, text: str) -> None:
    """The two ways in which a spreadsheet keeps a leading zero."""
    assert plates(HEADER + cell + REST + "\n") == [text]


@pytest.mark.parametrize(
    ("text", "country", "code"),
    [
        ("NH", "US", "US-NH"),
        ("nh", "US", "US-NH"),
        ("N.H.", "US", "US-NH"),
        ("New Hampshire", "US", "US-NH"),
        ("NEW HAMPSHIRE", "", "US-NH"),
        ("US-NH", "", "US-NH"),
        ("ON", "US", "CA-ON"),
        ("QC", "US", "CA-QC"),
        ("PQ", "US", "CA-QC"),
        ("Québec", "US", "CA-QC"),
        ("JAL", "US", "MX-JAL"),
        ("Nuevo León", "US", "MX-NLE"),
        ("MX", "US", "MX"),
        ("Mexico", "US", "MX"),
        ("USA", "US", "US"),
        ("United States", "", "US"),
        ("CA", "US", "US-CA"),
        ("CA", "CA", "CA"),
        ("DE", "US", "US-DE"),
        ("ES", "US", "ES"),
        ("FR", "US", "FR"),
        ("GB", "", "GB"),
        ("UK", "", "GB"),
        ("Deutschland", "", ""),
        ("Georgia", "US", "US-GA"),
        ("Georgia", "", ""),
        ("NL", "US", ""),
        ("ZZ", "US", ""),
        ("0R", "US", ""),
        ("US-ZZ", "", ""),
        ("US-ON", "US", ""),
        ("US-USA", "US", ""),
        ("DE", "", ""),
    ],
)
def test_a_region_exists_or_is_refused(text: str, country: str, code: str) -> None:
    """A state of the given country first, then its neighbours', then a country; nothing is made up."""
    if code:
        assert region_code(text, country) == code
        assert regions().exists(code)
    else:
        with pytest.raises(RowError):
            region_code(text, country)


@given(st.text(max_size=12), st.sampled_from(["", "US", "CA", "MX", "GB"]))
@settings(max_examples=300, deadline=None)
def test_no_region_is_invented(text: str, country: str) -> None:
    """Whatever is written, what comes of it is in the table."""
    with contextlib.suppress(RowError):
        code = region_code(text, country)
        assert not code or regions().exists(code)


def test_every_code_of_the_table_reads_as_itself() -> None:
    """All of ISO 3166-2, so that a list that was exported can be imported."""
    for country, codes in regions().subdivisions.items():
        for part in codes:
            assert region_code(f"{country}-{part}") == f"{country}-{part}"


def test_the_table_is_what_the_library_has_today() -> None:
    """The committed table is made from pycountry by its script; a newer release is noticed here."""
    assert json.loads(TABLE.read_text("utf-8")) == table()
    assert len(list(pycountry.countries)) == len(regions().countries)


def test_a_country_is_checked_too() -> None:
    """`--country Frnce` is refused before any row is read."""
    assert [country_code(text) for text in ("", "US", "us", "USA", "Canada")] == ["", "US", "US", "US", "CA"]
    with pytest.raises(RowError):
        country_code("Frnce")


@pytest.mark.parametrize("way", [{"region": "US-ZZ"}, {"region": "XX"}, {"region": "Nowhere"}])
def test_every_way_in_checks_the_region(way: dict[str, str]) -> None:
    """An entry typed by hand goes through the same rule as a row of a file."""
    row = {"plate": "AB123", "purpose": "warrant", "case_number": "1", "expires": "2026-04-01", "source": "s"}
    with pytest.raises(RowError, match="ISO 3166"):
        propose(row | way, Given("a", NOW), entry_id="x")


@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("12/20/2026", DateOrder.MDY, datetime(2026, 12, 20, 23, 59, 59, tzinfo=UTC)),
        ("20/12/2026", DateOrder.DMY, datetime(2026, 12, 20, 23, 59, 59, tzinfo=UTC)),
        ("20.12.2026", DateOrder.DMY, datetime(2026, 12, 20, 23, 59, 59, tzinfo=UTC)),
        ("12/20/2026 18:00", DateOrder.MDY, datetime(2026, 12, 20, 18, tzinfo=UTC)),
        ("1/2/2026 12:05 AM", DateOrder.MDY, datetime(2026, 1, 2, 0, 5, tzinfo=UTC)),
        ("1/2/2026 6:00 PM", DateOrder.MDY, datetime(2026, 1, 2, 18, tzinfo=UTC)),
        ("2026-12-20", DateOrder.MDY, datetime(2026, 12, 20, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_the_order_that_is_stated(text: str, order: DateOrder, moment: datetime) -> None:
    """US and European dates; ISO dates are read whatever is stated."""
    assert moment_of(text, order, last=True) == moment


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("12/20/2026", DateOrder.ISO),
        ("12/20/2026", DateOrder.DMY),
        ("1/2/26", DateOrder.MDY),
        ("13/1/2026 13:00 PM", DateOrder.DMY),
    ],
)
def test_no_order_is_guessed(text: str, order: DateOrder) -> None:
    """Without an order, in the wrong one, with a year of two digits: refused in words, whatever would fit."""
    with pytest.raises(RowError, match="date") as caught:
        moment_of(text, order, last=True)
    assert "d{" not in str(caught.value)


def staged(draft: Draft, text: str, replace: Replace | None = None) -> tuple[Report, State | None]:
    """Stage a file, and approve it where that is waited for; return the report and the state it was left in."""
    with draft.transaction():
        report, change = stage_file(draft, read(text), SAID, NH.ann, replace=replace)
        state = change.state if change else None
        if change and change.state is State.PENDING:
            draft.approve(change.number, NH.bob, NOW)
    return report, state


def feed(count: int, expires: str = "2026-04-01") -> str:
    """Return a list of so many rows."""
    return HEADER + "".join(f"AB{number:04d},NH,warrant,26-{number},{expires},\n" for number in range(count))


@pytest.mark.parametrize(
    "second",
    [
        feed(200, "12/20/2026"),
        feed(0),
        feed(3),
        feed(150),
        feed(200).replace("AB00", "1.5"),
        HEADER + "XY1" + REST + "\n",
    ],
    ids=[
        "dates saved over",
        "header only",
        "cut short",
        "a quarter gone",
        "plates saved over",
        "another list",
    ],
)
def test_a_file_that_was_not_understood_takes_nothing_away(draft: Draft, second: str) -> None:
    """Two hundred entries stay: what is absent from a broken file was not taken off the list."""
    staged(draft, feed(200))
    with pytest.raises(ImportFileError, match="taken away"):
        staged(draft, second, Replace("feed"))
    assert draft.count_all() == 200


def test_a_removal_that_is_said_is_done_by_two(draft: Draft) -> None:
    """Saying the number allows it; it still waits for the second person, and the history checks."""
    staged(draft, feed(200))
    with pytest.raises(ImportFileError, match="195 of the source's 200"):
        staged(draft, feed(5), Replace("feed", allow_removals=194))
    report, state = staged(draft, feed(5), Replace("feed", allow_removals=195))
    assert (report.removed, state) == (195, State.PENDING)
    assert draft.count_all() == 5
    check(draft)


def test_a_few_removals_need_nothing_said(draft: Draft) -> None:
    """A feed that drops a few entries a day works by itself, and takes effect at once."""
    staged(draft, feed(200))
    report, state = staged(draft, feed(200 - ALONE), Replace("feed"))
    assert (report.removed, state) == (ALONE, State.APPLIED)


def test_refused_rows_keep_everything_unless_it_is_said(draft: Draft) -> None:
    """One refused row may be the entry that seems to be gone."""
    staged(draft, feed(50))
    text = feed(49) + "1.5,NH,warrant,26-49,2026-04-01,\n"
    with pytest.raises(ImportFileError, match="1 of 50 rows were refused"):
        staged(draft, text, Replace("feed"))
    assert staged(draft, text, Replace("feed", allow_refused=True))[0].removed == 1


def test_another_sources_entries_are_not_touched(draft: Draft) -> None:
    """A source's name with a wildcard in it stands for itself."""
    staged(draft, feed(3))
    other = f"source,{HEADER}f%,XY1{REST}\n"
    report, _ = staged(draft, other, Replace("f%"))
    assert (report.removed, draft.count_all()) == (0, 4)


def test_nobody_takes_much_away_alone(draft: Draft) -> None:
    """More than a few cancellations in one change wait, whoever makes them; a forged state fails the check."""
    staged(draft, feed(ALONE + 1))
    with pytest.raises(ImportFileError):
        staged(draft, HEADER, Replace("feed"))
    with draft.transaction():
        _, change = stage_file(draft, read(HEADER), SAID, NH.ann, replace=Replace("feed", allow_removals=99))
        assert change is not None
        assert change.state is State.PENDING
        with pytest.raises(DraftError, match="own"):
            draft.approve(change.number, NH.ann, NOW)
    assert draft.count_all() == ALONE + 1
    with draft.transaction():
        draft.apply(change.number, "")
    with pytest.raises(DraftError, match="approval"):
        check(draft)
