import contextlib
import io
import json
import os
import re
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hitonly_core.keys import SealKey, VerifyKey
from hotlist.cli import main
from hotlist.signed_list.bundle import make
from hotlist.signed_list.detached import Detached
from hotlist.signed_list.keyset import KeySet, Person
from hotlist.signed_list.list_format import signed_message
from hotlist.signed_list.store import HotListStore
from tests.hotlist_maker import entry

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Return a caller of the command line in an empty folder: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["alpr-hotlist", *arguments])
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        shown = capsys.readouterr()
        assert isinstance(code, int)
        assert "Traceback" not in shown.err
        return code, shown.out, shown.err

    return call


@pytest.fixture
def office(run: Run) -> Run:
    """Return the same with a department of Ann and Bob, and one box."""
    for use, name in (("sign", "ann"), ("sign", "bob"), ("seal", "box")):
        assert run("keygen", use, name)[0] == 0
    assert run("init", "--department", "nh", "--person", "ann=ann.pub", "--person", "bob=bob.pub")[0] == 0
    return run


ADD = ("--purpose", "stolen-vehicle", "--case", "26-1", "--source", "report", "--key", "ann.key")


def added(office: Run, plate: str = "AB-123") -> str:
    """Add and approve an entry; return its id."""
    code, out, _ = office("add", plate, *ADD, "--days", "30", "--json")
    body = json.loads(out)
    assert code == 0
    assert office("approve", str(body["change"]), "--key", "bob.key")[0] == 0
    return str(body["id"])


def test_from_keys_to_a_box_that_loads_the_list(office: Run, tmp_path: Path) -> None:
    """A department makes keys, lists a plate, signs; its box trusts, loads and finds just that plate."""
    added(office)
    assert office("trust", "state", "--department", "nh", "--keys", "keys.json", "--key", "box.key")[0] == 0
    assert office("sign", "--key", "ann.key", "--device", "box.pub", "--to", "hot.list")[0] == 0
    code, out, _ = office("verify", "hot.list", "--device-key", "box.key", "--json")
    assert (code, json.loads(out)["signers"]) == (0, ["ann"])
    store = HotListStore(tmp_path / "state", SealKey.load(tmp_path / "box.key"), source=tmp_path / "hot.list")
    assert [entry.plate for entry in store.load(datetime.now(UTC)).entries] == ["AB123"]


def test_nobody_approves_their_own_entry(office: Run) -> None:
    """The author's key does not approve; until another's does, the entry is in no list (R6)."""
    assert office("add", "AB123", *ADD, "--days", "30")[0] == 0
    code, _, err = office("approve", "1", "--key", "ann.key")
    assert code == 3
    assert "own" in err
    assert "nobody approves their own" in err
    assert "0 entries in force" in office("show")[1]
    assert office("approve", "1", "--key", "bob.key")[0] == 0
    assert "1 entries in force" in office("show")[1]


@pytest.mark.parametrize(
    ("without", "code"), [("--purpose", 2), ("--case", 2), ("--source", 2), ("--key", 2), ("--days", 3)]
)
def test_no_entry_without_every_field_of_r6(office: Run, without: str, code: int) -> None:
    """No purpose, case number, source, author or end: refused, and nothing was written (R6)."""
    options = [*ADD, "--days", "30"]
    place = options.index(without)
    del options[place : place + 2]
    assert office("add", "AB123", *options)[0] == code
    assert "0 entries" in office("show")[1]
    assert "Waiting" not in office("show")[1]


@pytest.mark.parametrize("purpose", ["immigration", "protest", "reproductive-care", "", "Stolen Vehicle"])
def test_a_purpose_outside_the_list_cannot_be_said(office: Run, purpose: str) -> None:
    """The purposes are a closed list; the command line knows no other (R16)."""
    assert office("add", "AB123", *ADD[2:], "--purpose", purpose, "--days", "30")[0] == 2


def test_a_longer_life_than_the_purpose_allows_is_refused(office: Run) -> None:
    """Every purpose has a longest life, counted from when the entry was last verified."""
    code, _, err = office("add", "AB123", *ADD, "--days", "366")
    assert code == 3
    assert "365 days" in err
    assert "AB123" not in err


def test_an_edit_needs_another_person_too(office: Run) -> None:
    """What is listed changes only with two people's signatures."""
    entry_id = added(office)
    assert (
        office("edit", entry_id, "--key", "bob.key", "--set", "colour=RED", "--days", "3", "--verified")[0]
        == 0
    )
    assert "RED" not in office("show")[1]
    assert office("approve", "2", "--key", "ann.key")[0] == 0
    body = json.loads(office("show", entry_id)[1])
    assert body["vehicle"]["colour"] == "RED"
    assert body["author"] != body["approver"]


def test_a_cancelled_entry_is_gone_from_the_next_list(office: Run) -> None:
    """One person takes an entry away at once; the next list does not hold it (R7)."""
    entry_id = added(office)
    assert office("sign", "--key", "ann.key", "--to", "one.signed")[0] == 0
    assert office("cancel", entry_id, "--key", "bob.key")[0] == 0
    assert office("sign", "--key", "ann.key", "--to", "two.signed")[0] == 0
    code, out, _ = office("diff", "one.signed", "two.signed", "--json")
    assert (code, json.loads(out)) == (0, {"added": [], "changed": [], "removed": [entry_id]})
    assert "removed" in office("diff", "one.signed")[1]
    assert office("cancel", entry_id, "--key", "bob.key")[0] == 3


def test_two_signatures_where_two_are_needed(run: Run) -> None:
    """With a threshold of two, one signature makes no list for boxes, and two do."""
    for use, name in (("sign", "ann"), ("sign", "bob"), ("sign", "eve"), ("seal", "box")):
        run("keygen", use, name)
    people = ("--person", "ann=ann.pub", "--person", "bob=bob.pub")
    assert run("init", "--department", "nh", *people, "--threshold", "2")[0] == 0
    added(run)
    code, _, err = run("sign", "--key", "ann.key", "--to", "hot.list", "--device", "box.pub")
    assert code == 4
    assert "signed by 1 trusted people; 2 are needed" in err
    assert not Path("hot.list").exists()
    assert run("sign", "--key", "ann.key", "--to", "a.signed")[0] == 0
    assert run("sign", "--key", "eve.key", "--list", "a.signed", "--to", "b.signed")[0] == 3
    assert (
        run("sign", "--key", "bob.key", "--list", "a.signed", "--to", "hot.list", "--device", "box.pub")[0]
        == 0
    )
    assert run("verify", "hot.list", "--device-key", "box.key")[0] == 0
    assert run("verify", "a.signed")[0] == 4


def test_the_terminal_shows_a_plan_first(
    office: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without --apply an import is a dry run; its table names the lines that are refused, and it exits with 3."""
    rows = [
        "plate,state,reason,case,expires",
        "XY11,NH,stolen,26-3,2026-12-01",
        "000,NH,stolen,26-3,2026-12-01",
    ]
    (tmp_path / "x.csv").write_text("\n".join([*rows, "XY12,NH,immigration hold,26-3,2026-12-01"]) + "\n")
    monkeypatch.setattr("hotlist.commands.files.now", lambda: datetime(2026, 11, 1, tzinfo=UTC))
    options = ("x.csv", "--key", "ann.key", "--country", "US", "--source", "t")
    code, out, _ = office("import", *options)
    assert code == 3
    assert re.search(r"3 +no plate", out)
    assert re.search(r"4 +its purpose is immigration", out)
    assert "1 added" in out
    assert "1 immigration" in out
    assert "Waiting" not in office("show", "--change", "1")[1]
    assert office("show", "--change", "1")[0] == 3
    code, out, _ = office("import", *options, "--apply", "--json")
    body = json.loads(out)
    assert (code, body["added"], body["refused"], body["immigration"], body["change"]) == (3, 1, 2, 1, 1)
    assert body["state"] == "pending"


def test_rows_that_a_person_should_look_at_are_named(office: Run, tmp_path: Path) -> None:
    """They are read, and neither change the exit code nor are repeated in the sentence."""
    plates = ("ABC123", "07", "7KLM482")
    (tmp_path / "x.jsonl").write_text("".join(json.dumps({"plate": plate}) + "\n" for plate in plates))
    code, out, _ = office("import", "x.jsonl", *ADD, "--days", "30")
    assert code == 0
    assert re.search(r"1 +letters or digits in their order", out)
    assert re.search(r"2 +so short", out)
    assert "one plate of the list takes more than a tenth" in " ".join(out.split())
    code, out, _ = office("import", "x.jsonl", *ADD, "--days", "30", "--json")
    assert [row["line"] for row in json.loads(out)["doubtful_rows"]] == [1, 2]
    assert json.loads(out)["heavy"] == 1


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--replace-source", ""), 2, "names no source"),
        (("--replace-source", "  "), 2, "names no source"),
        (("--allow-removals", "3"), 2, "go with --replace-source"),
        (("--allow-refused",), 2, "go with --replace-source"),
        (("--replace-source", "Report"), 3, "no row of the file is of the source"),
        (("--replace-source", " report "), 0, "1 added"),
    ],
)
def test_a_replacement_that_says_nothing_is_refused(
    office: Run, tmp_path: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    """An unset variable, or a slip in the source's name, replaced nothing and exited with 0."""
    (tmp_path / "x.csv").write_text("plate\nPKR2218\n")
    found, out, errors = office("import", "x.csv", *ADD, "--days", "30", *options)
    assert (found, words in " ".join((out + errors).split())) == (code, True)


def test_a_file_without_rows_is_no_success(office: Run, tmp_path: Path) -> None:
    """A header alone, or lines that end as no system's here do."""
    for content in ("plate,case\n", "plate,case\x85PKR2218,26-1\x85"):
        (tmp_path / "x.csv").write_text(content)
        code, _, errors = office("import", "x.csv", *ADD, "--days", "30")
        assert (code, "the file has no rows" in errors) == (3, True)


def test_columns_that_no_field_has_are_named(office: Run, tmp_path: Path) -> None:
    """By their letters, in the plan and in its JSON."""
    (tmp_path / "x.csv").write_text("plate,Plate St.,case\nPKR2218,NH,26-1\n")
    code, out, _ = office("import", "x.csv", *ADD, "--days", "30")
    assert (code, "not read: column B" in out) == (0, True)
    _, out, _ = office("import", "x.csv", *ADD, "--days", "30", "--json")
    assert json.loads(out)["unread_columns"] == ["B"]


def test_an_import_over_the_budget_is_refused_whole(office: Run, tmp_path: Path) -> None:
    """A list that would cost too many false hits is not proposed, until a person accepts the number."""
    plates = "\n".join(json.dumps({"plate": f"{number:04d}"}) for number in range(100, 180))
    (tmp_path / "x.jsonl").write_text(plates + "\n")
    options = ["import", "x.jsonl", *ADD, "--days", "30", "--apply", "--passes-per-day", "10000000"]
    code, _, err = office(*options)
    assert code == 7
    assert "--accept-false-hits" in err
    assert office("show", "--change", "1")[0] == 3
    assert office(*options, "--accept-false-hits", "1e9")[0] == 0
    assert office("show", "--change", "1")[0] == 0


def test_cost_names_the_worst_entries_and_their_misreads(office: Run) -> None:
    """Before a list goes out, its people see what it is predicted to cost and why."""
    entry_id = added(office)
    code, out, _ = office("cost", "--json")
    body = json.loads(out)
    assert code == 0
    assert body["plates"] == 1
    assert body["worst"][0]["ids"] == [entry_id]
    assert body["worst"][0]["misreads"]
    assert "false hits a day" in office("cost")[1]


def test_what_is_exported_can_be_imported_and_calculates_nothing(office: Run, tmp_path: Path) -> None:
    """CSV and JSON Lines come back unchanged; a cell that a spreadsheet would calculate is defused."""
    code, out, _ = office("add", "AB123", *ADD, "--days", "30", "--set", "note==cmd()", "--json")
    assert code == 0
    assert office("approve", str(json.loads(out)["change"]), "--key", "bob.key")[0] == 0
    for name in ("o.csv", "o.jsonl"):
        assert office("export", name)[0] == 0
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        code, out, _ = office("import", name, "--key", "bob.key", "--dry-run", "--json")
        assert (code, json.loads(out)["unchanged"]) == (0, 1)
        assert office("export", name)[0] == 6
    assert ",'=cmd()," in (tmp_path / "o.csv").read_text()


def test_a_workbook_that_was_edited_by_hand_signs_nothing(office: Run, tmp_path: Path) -> None:
    """A list is made only of what people signed; verify says what is wrong."""
    added(office)
    assert office("verify")[0] == 0
    with sqlite3.connect(tmp_path / "hotlist.book") as intruder:
        intruder.execute("UPDATE rows SET body = CAST(replace(body, 'AB123', 'ZZ999') AS BLOB)")
    intruder.close()
    for command in (("verify",), ("sign", "--key", "ann.key", "--to", "x")):
        code, _, err = office(*command)
        assert code == 3
        assert "not what its author signed" in err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "--book", "absent"), 3),
        (("show", "--book", "keys.json"), 3),
        (("show", "nothing"), 3),
        (("approve", "9", "--key", "bob.key"), 3),
        (("approve", "9", "--key", "absent.key"), 5),
        (("approve", "9", "--key", "box.key"), 5),
        (("keygen", "sign", "ann"), 5),
        (("verify", "absent"), 6),
        (("verify", "keys.json"), 4),
        (("verify", "ann.pub", "--device-key", "box.key"), 4),
        (("import", "absent.csv", "--key", "ann.key"), 3),
        (("import", "ann.pub", "--format", "csv", "--key", "ann.key"), 3),
        (("cancel", "--key", "ann.key"), 2),
        (("init", "--department", "a b", "--person", "x=ann.pub", "--book", "new"), 4),
        (("no-such-command",), 2),
    ],
)
def test_every_failure_is_a_line_a_hint_and_its_exit_code(
    office: Run, arguments: tuple[str, ...], code: int
) -> None:
    """Nothing a person types ends in a traceback."""
    found, _, err = office(*arguments)
    assert found == code
    assert err.strip()


@pytest.fixture
def waiting(office: Run, tmp_path: Path) -> Run:
    """Return the office beside a list that waits: made by nobody's key, as the service makes it."""
    added(office)
    write_waiting(tmp_path, ["AB123"], version=1)
    return office


BEGAN = datetime.now(UTC).replace(microsecond=0)
"""When these tests began."""


def write_waiting(
    folder: Path, plates: list[str], *, version: int, days: float = 30, threshold: int = 2
) -> None:
    """Write ``new.waiting`` with these plates."""
    now = datetime.now(UTC).replace(microsecond=0)
    people = tuple(Person(name, VerifyKey.load(folder / f"{name}.pub")) for name in ("ann", "bob"))
    past = BEGAN - timedelta(hours=1)  # the same for every version: only what is meant to differ does
    entries = [
        entry(
            number,
            plate=plate,
            expires=BEGAN + timedelta(days=20),
            created=past,
            effective=past,
            verified=past,
        )
        for number, plate in enumerate(plates)
    ]
    unsigned = make(
        entries,
        department="nh",
        version=version,
        issued=now,
        expires=now + timedelta(days=days),
        next_keys=KeySet(threshold, people),
    )
    (folder / "new.waiting").write_bytes(unsigned.to_bytes())


SIGN = ("countersign", "new.waiting", "--key", "ann.key", "--to", "ann.sig", "--yes")


def test_a_signer_sees_what_changes_since_they_last_signed(waiting: Run, tmp_path: Path) -> None:
    """A new key set needs its fingerprint; then the changes alone are shown, and a signature is made."""
    code, out, err = waiting(*SIGN)
    assert (code, (tmp_path / "ann.sig").exists(), (tmp_path / "ann.seen").exists()) == (3, False, False)
    assert "whose signatures count" in err
    fingerprint = re.findall(r"--accept-keys ([0-9a-f]{24})", err)[0]
    assert waiting(*SIGN, "--accept-keys", "0" * 24)[0] == 3
    assert waiting(*SIGN, "--accept-keys", fingerprint)[0] == 0
    found = Detached.from_bytes((tmp_path / "ann.sig").read_bytes())
    key = VerifyKey.load(tmp_path / "ann.pub")
    assert key.verifies(found.signature.value, signed_message(found.digest))
    assert stat.S_IMODE((tmp_path / "ann.seen").stat().st_mode) == 0o600
    write_waiting(tmp_path, ["AB123", "CD456"], version=2)
    code, out, _ = waiting(*SIGN)
    assert code == 0
    assert "CD456" in out
    assert "AB123" not in out
    assert "1 added, 0 changed, 0 removed" in out
    code, out, _ = waiting(*SIGN, "--json")
    assert (code, json.loads(out)["version"]) == (0, 2), "the same version may be signed again"


def test_a_signer_does_not_sign_what_is_old_too_long_or_a_change_of_keys(
    waiting: Run, tmp_path: Path
) -> None:
    """Rollback, 31 days, a lowered threshold: each refused, and the last signature stays the last."""
    _, _, err = waiting(*SIGN)
    assert waiting(*SIGN, "--accept-keys", re.findall(r"--accept-keys ([0-9a-f]{24})", err)[0])[0] == 0
    kept = (tmp_path / "ann.seen").read_bytes()
    (tmp_path / "ann.sig").unlink()
    for code, changes in (
        (4, {"version": 1}),
        (3, {"version": 2, "days": 31}),
        (3, {"version": 2, "threshold": 1}),
    ):
        write_waiting(tmp_path, ["XY99"], **changes)
        assert waiting(*SIGN)[0] == code, changes
        assert not (tmp_path / "ann.sig").exists()
        assert (tmp_path / "ann.seen").read_bytes() == kept
    write_waiting(tmp_path, ["XY99"], version=2, days=31)
    assert waiting(*SIGN, "--longest-days", "31")[0] == 0


def test_without_a_yes_nothing_is_signed(
    waiting: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked, and answered with no: no file."""
    _, _, err = waiting(*SIGN)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    accept = ("--accept-keys", re.findall(r"--accept-keys ([0-9a-f]{24})", err)[0])
    assert waiting(*SIGN[:-1], *accept)[0] == 1
    assert not (tmp_path / "ann.sig").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that is a disk of its own, of half a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> None:
    """Write until nothing more goes."""
    with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(os.urandom(4096)):
            pass


INIT = ("init", "--department", "nh", "--person", "ann=ann.pub", "--person", "bob=bob.pub")


def test_a_workbook_on_a_full_disk_is_said_to_be_that(office: Run, small_disk: Path) -> None:
    """Not damaged: full. Exit 6, what to do; nothing is left of a new one, and an old one is as it was."""
    book = str(small_disk / "b")
    fill(small_disk)
    code, _, err = office(*INIT, "--book", book, "--keys", "k.json")
    assert (code, "full" in err, "damaged" in err) == (6, True, False), err
    assert not Path(book).exists()
    (small_disk / "filler").unlink()
    assert office(*INIT, "--book", book, "--keys", "k.json")[0] == 0
    assert office("add", "AB-123", *ADD, "--days", "30", "--book", book)[0] == 0
    fill(small_disk)
    for _ in range(40):  # a page or two may be free inside the file
        code, _, err = office(
            "add", "CD-456", *ADD, "--days", "30", "--book", book, "--set", f"note={'x' * 400}"
        )
        if code:
            break
    assert (code, "disk is full" in err, "nothing was changed" in err) == (6, True, True), err
    (small_disk / "filler").unlink()
    assert office("approve", "1", "--key", "bob.key", "--book", book)[0] == 0


def test_a_workbook_on_a_read_only_disk_is_said_to_be_that(office: Run, small_disk: Path) -> None:
    """It can be looked at; what would change it is exit 6."""
    book = str(small_disk / "b")
    assert office(*INIT, "--book", book, "--keys", "k.json")[0] == 0
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert office("show", "--book", book)[0] == 0
    code, _, err = office("add", "AB-123", *ADD, "--days", "30", "--book", book)
    assert (code, "read-only" in err) == (6, True), err
