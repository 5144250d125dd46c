import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotlist.authoring.draft import Draft
from hotlist.authoring.exporting import write_csv
from hotlist.authoring.import_plan import Replace, Report, stage_file
from hotlist.entry import MAX_DAYS, Purpose
from hotlist.errors import ImmigrationError, ImportFileError, RowError
from hotlist.importers import READERS, Format, Refused, Row, Unread
from hotlist.importers.proposal import Given, propose
from tests.hotlist_maker import NOW, Department, entry

NH = Department()
SAID = Given(NH.ann.public.id, NOW, country="US", values={"source": "test"})
NCIC = "V123456789LA057020020190509AB123456  CA2009MC2009YAMACYLMCBLK"


@pytest.fixture
def draft(tmp_path: Path) -> Iterator[Draft]:
    """Return a new workbook."""
    with Draft.create(tmp_path / "book", NH.name, NH.keys) as made:
        yield made


def read(text: str, kind: Format = Format.CSV) -> list[Row | Refused]:
    """Return what a reader yields."""
    return [row for row in READERS[kind](io.BytesIO(text.encode())) if not isinstance(row, Unread)]


def values(text: str, kind: Format = Format.CSV) -> list[dict[str, str]]:
    """Return the rows' texts; none may be refused."""
    rows = read(text, kind)
    assert all(isinstance(row, Row) for row in rows)
    return [dict(row.values) for row in rows if isinstance(row, Row)]


def imported(draft: Draft, text: str, *, replace: Replace | None = None, said: Given = SAID) -> Report:
    """Import CSV and approve it."""
    with draft.transaction():
        report, change = stage_file(draft, read(text), said, NH.ann, replace=replace)
        if change and change.state == "pending":
            draft.approve(change.number, NH.bob, NOW)
    return report


@pytest.mark.parametrize(
    "header",
    [
        "plate,region,purpose,case_number,expires",
        "Plate Number,State,Reason,Case #,Expiration",
        "License Plate;Plate State;Alert Type;Incident Number;Expiry Date",
        "LICENSE_PLATE\tlicense_plate_state\tCategory\tCase ID\tExpires On",
        "\ufeffTag|ST|Offense|Reference|End Date",
    ],
)
def test_the_vendors_headers_are_known(header: str) -> None:
    """Columns are found under the common vendors' names, with any of four delimiters."""
    delimiter = next(each for each in "\t;|," if each in header)
    row = delimiter.join(["AB-123", "NH", "stolen", "26-1", "2026-05-01"])
    header = header.replace("Case #", "Case No")
    assert values(f"{header}\n{row}\n") == [
        {
            "plate": "AB-123",
            "region": "NH",
            "purpose": "stolen",
            "case_number": "26-1",
            "expires": "2026-05-01",
        }
    ]


@pytest.mark.parametrize("text", ["", "\n", "a,b\n1,2\n", "plate,tag\nA,B\n", '"plate\n', "x" * 70_000])
def test_a_file_without_a_sound_header_is_refused_whole(text: str) -> None:
    """No plate's column, two of them, a broken header, an endless line: nothing is guessed."""
    with pytest.raises(ImportFileError):
        read(text)


def test_every_row_keeps_its_line_number() -> None:
    """A refused row is named by the line it begins on, also after a field of several lines."""
    rows = read('plate,note\nAB1,"two\nlines"\nAB2,x,y\n\nAB3,"broken\n')
    assert [(row.line, isinstance(row, Refused)) for row in rows] == [(2, False), (4, True), (6, True)]


def test_formula_characters_are_defused_and_come_back() -> None:
    """What a spreadsheet would calculate gets an apostrophe on export, and loses it on import."""
    texts = ["=1+1", "+1", "-1", "@x", "'quoted", "plain"]
    file = io.StringIO()
    assert write_csv([entry(number, note=text) for number, text in enumerate(texts)], file) == len(texts)
    cells = [line.split(",")[13] for line in file.getvalue().splitlines()[1:]]
    assert cells == ["'=1+1", "'+1", "'-1", "'@x", "''quoted", "plain"]
    assert not any(line.startswith(("=", "+", "-", "@")) for line in cells)
    assert [row["note"] for row in values(file.getvalue())] == texts


def test_json_lines_take_our_names_and_the_vendors() -> None:
    """One object a line; a vehicle inside; who wrote and approved an exported entry is left out."""
    text = (
        '{"Plate Number":"AB123","State":"NH","vehicle":{"make":"FORD","year":2019},"author":"x","id":"y"}\n'
        '{"plate":1}\n[]\n{"plate":true}\n{"plate":"A","tag":"B"}\n{bad\n'
    )
    rows = read(text, Format.JSONL)
    assert isinstance(rows[0], Row)
    assert rows[0].values == {"plate": "AB123", "region": "NH", "make": "FORD", "year": "2019"}
    assert [isinstance(row, Refused) for row in rows] == [False, False, True, True, True, True]


def test_the_ncic_extract_is_read_by_its_offsets() -> None:
    """Type, date, plate, state, year, make, model and colour stand where the extract has them."""
    (row,) = values(NCIC + "\n", Format.NCIC)
    assert row == {
        "purpose": "stolen-vehicle",
        "case_number": "V123456789",
        "source": "NCIC LA0570200",
        "plate": "AB123456",
        "region": "US-CA",
        "year": "2009",
        "make": "YAMA",
        "model": "CYL",
        "colour": "BLK",
        "note": "incident of 2019-05-09",
    }
    proposal = propose(row, Given("a", NOW, days=30), entry_id="x")
    assert (proposal.plate, proposal.region) == ("AB123456", "US-CA")


def test_a_state_with_a_zero_and_a_province() -> None:
    """NCIC writes O as a zero in states; what is no state is an unknown region, never a guess."""
    for code, region in (("0R", "US-OR"), ("C0", "US-CO"), ("PQ", "CA-QC"), ("ZZ", None), ("  ", None)):
        (row,) = values(NCIC[:37] + code + NCIC[39:], Format.NCIC)
        assert row.get("region") == region


@pytest.mark.parametrize("kind", "BCGHKLNRTXZ0")
def test_ncic_files_outside_the_purposes_are_refused(kind: str) -> None:
    """Only the files whose purpose is permitted are read; immigration violators are told apart (R16)."""
    (row,) = read(kind + NCIC[1:], Format.NCIC)
    assert isinstance(row, Refused)
    assert isinstance(row.problem, ImmigrationError) == (kind == "N")


@pytest.mark.parametrize("kind", "AFWVPM")
def test_ncic_files_inside_the_purposes_are_read(kind: str) -> None:
    """Amber, felony, wanted, stolen vehicle and plate, missing."""
    (row,) = values("header line\n" + kind + NCIC[1:], Format.NCIC)
    assert row["purpose"] in set(Purpose)


GOOD = {"plate": "AB123", "purpose": "warrant", "case_number": "1", "expires": "2026-04-01"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"plate": ""}, "no plate"),
        ({"plate": "0"}, "no plate"),
        ({"plate": "00"}, "no plate"),
        ({"plate": "0 00"}, "no plate"),
        ({"plate": "190"}, "placeholder"),
        ({"plate": "no-plate"}, "placeholder"),
        ({"plate": "A1" * 8}, "16 characters"),
        ({"plate": "\u0410\u0412123"}, "CYRILLIC"),
        ({"purpose": ""}, "no purpose"),
        ({"purpose": "protest"}, "not permitted"),
        ({"purpose": "reproductive care"}, "not permitted"),
        ({"case_number": ""}, "no case number"),
        ({"expires": ""}, "cannot be read"),
        ({"expires": "01/02/2026"}, "read in two ways"),
        ({"expires": "2026-02-01"}, "expired already"),
        ({"effective": "2026-05-01"}, "before it takes effect"),
        ({"expires": "2027-04-01"}, "180 days"),
        ({"verified": "2026-03-02"}, "future"),
        ({"source": ""}, "no source"),
        ({"region": "Nowhere"}, "region"),
        ({"severity": "very"}, "severity"),
        ({"year": "19"}, "year"),
        ({"note": "a\x07b"}, "note"),
        ({"note": "x" * 501}, "note"),
        ({"make": "\ufffd"}, "UTF-8"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_with_its_reason(change: dict[str, str], reason: str) -> None:
    """Every rule has its own words, and none of them repeats the plate (R6, R16)."""
    propose(GOOD, SAID, entry_id="x")
    with pytest.raises(RowError, match=reason) as caught:
        propose(GOOD | change, SAID, entry_id="x")
    assert "AB123" not in str(caught.value)


def test_without_an_expiry_of_its_own_a_row_needs_a_person_to_give_one() -> None:
    """No expiry is refused; a number of days for all rows is a person's decision."""
    without = {name: text for name, text in GOOD.items() if name != "expires"}
    with pytest.raises(RowError, match="no expiry"):
        propose(without, SAID, entry_id="x")
    with_days = Given(SAID.author, NOW, days=5, values={"source": "s"})
    assert propose(without, with_days, entry_id="x").expires == "2026-03-06T12:00:00Z"


@pytest.mark.parametrize(
    "text", ["immigration", "Immigrant", "ICE", "ICE detainer", "deported felon", "alien"]
)
def test_immigration_is_counted_apart(text: str) -> None:
    """Rows of that purpose are never entered, and their number is told (R16)."""
    with pytest.raises(ImmigrationError):
        propose(GOOD | {"purpose": text}, SAID, entry_id="x")


@pytest.mark.parametrize("purpose", list(Purpose))
def test_every_purpose_has_its_longest_life(purpose: Purpose) -> None:
    """An entry may stand for its purpose's number of days, and not one more."""
    for extra, allowed in ((0, True), (1, False)):
        said = Given(SAID.author, NOW, days=MAX_DAYS[purpose] + extra, values={"source": "s"})
        row = {"plate": "AB123", "purpose": purpose.value, "case_number": "1"}
        if allowed:
            propose(row, said, entry_id="x")
        else:
            with pytest.raises(RowError, match="days after it was last verified"):
                propose(row, said, entry_id="x")


def test_california_is_not_canada() -> None:
    """A bare code that could be a state or a country is not guessed."""
    for code, country, region in (
        ("CA", "US", "US-CA"),
        ("us-ca", "", "US-CA"),
        ("GB", "", "GB"),
        ("GB", "GB", "GB"),
    ):
        said = Given("a", NOW, country=country, values={"source": "s"})
        assert propose(GOOD | {"region": code}, said, entry_id="x").region == region
    with pytest.raises(RowError, match="more than one place"):
        propose(GOOD | {"region": "CA"}, Given("a", NOW, values={"source": "s"}), entry_id="x")


HEADER = "plate,state,purpose,case,expires,note\n"


def test_an_import_adds_changes_keeps_and_removes(draft: Draft) -> None:
    """A second file of a source adds what is new, edits what differs, and cancels what it no longer holds."""
    first = imported(
        draft,
        HEADER + "AA1,NH,warrant,1,2026-04-01,\nAA2,NH,warrant,1,2026-04-01,\nAA3,NH,warrant,1,2026-04-01,\n",
    )
    assert (first.rows, first.added) == (3, 3)
    ids = {each.plate: each.id for each in draft.entries(NOW)}
    text = (
        HEADER
        + "AA1,NH,warrant,1,2026-04-01,\nAA2,NH,warrant,1,2026-04-01,seen\nAA4,NH,warrant,1,2026-04-01,\n"
    )
    second = imported(draft, text, replace=Replace("test"))
    assert (second.added, second.changed, second.unchanged, second.removed) == (1, 1, 1, 1)
    after = {each.plate: each for each in draft.entries(NOW)}
    assert set(after) == {"AA1", "AA2", "AA4"}
    assert after["AA2"].note == "seen"
    assert all(after[plate].id == ids[plate] for plate in ("AA1", "AA2"))
    third = imported(draft, text)
    assert (third.added, third.changed, third.unchanged, third.removed) == (0, 0, 3, 0)


def test_refused_rows_are_counted_and_named_and_the_others_stand(draft: Draft) -> None:
    """A row is refused with its line and reason, duplicates within a case too."""
    report = imported(
        draft,
        HEADER
        + "AA1,NH,warrant,1,2026-04-01,\nAA-1,nh,warrant,1,2026-04-02,\nAA1,NH,warrant,2,2026-04-01,\n"
        + "000,NH,warrant,1,2026-04-01,\nAA5,NH,immigration,1,2026-04-01,\nAA6,NH,warrant,,2026-04-01,\n",
    )
    assert report.added == 2
    assert [line for line, _ in report.refused] == [3, 5, 6, 7]
    assert report.immigration == 1
    assert report.reasons.total() == 4


def test_a_file_that_fails_half_way_changes_nothing(draft: Draft) -> None:
    """All or nothing: an endless line at the end undoes the rows before it."""
    content = (HEADER + "AA1,NH,warrant,1,2026-04-01,\n").encode() + b"x" * 70_000
    rows = READERS[Format.CSV](io.BytesIO(content))
    with pytest.raises(ImportFileError), draft.transaction():
        stage_file(draft, rows, SAID, NH.ann)
    assert draft.database.execute("SELECT count(*) FROM rows").fetchone() == (0,)
