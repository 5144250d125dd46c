"""Imports of any size: to the disk as they come, in bounded memory, and gone whatever happens."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.accounts.people import Role
from api.accounts.sessions import resume
from api.core.errors import StateError
from api.db.models import BatchRow, ProposalRow
from api.lists import list_import, proposals
from api.lists.list_import import Upload
from hotlist.importers import Format
from tests.api_kit import Desk
from tests.signing_kit import REASON

ROOT = Path(__file__).resolve().parents[1]
HEAD = b"Plate,Region,Purpose,Case,Expires\n"
FORM = {"format": "csv", "source": "state feed"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department that takes imports of at most 100 kB and 500 rows, and other bodies of 64 KiB."""
    limits = {"body": 65_536, "import_bytes": 100_000, "import_rows": 500}
    desk = Desk(tmp_path / "state", limits=limits)
    yield desk
    desk.service.close()


@pytest.fixture
def editor(desk: Desk) -> TestClient:
    """Return an editor's browser."""
    return desk.sign_in("edith", Role.EDITOR)


def feed(rows: int, *, wide: int = 0) -> bytes:
    """Return a file of so many good rows, each padded by a column that nobody knows."""
    line = "Q{0:05d}X,GB,stolen,{0},2030-01-20" + "," + "x" * wide + "\n"
    return HEAD.replace(b"\n", b",Filler\n") + "".join(line.format(row) for row in range(rows)).encode()


def send(editor: TestClient, content: bytes, path: str = "/v1/imports", **form: str) -> int:
    """Send a file; return the status."""
    answer = editor.post(path, data={**FORM, **form}, files={"file": ("feed.csv", content)})
    return int(answer.status_code)


def left_behind(desk: Desk) -> list[str]:
    """Return the files that an import might leave in the state folder."""
    return [
        path.name for path in desk.settings.state.iterdir() if "import" in path.name or "tmp" in path.name
    ]


@pytest.mark.parametrize("path", ["/v1/imports", "/list/import"])
def test_the_limits_are_stated_and_hold_to_the_row_and_byte(
    desk: Desk, editor: TestClient, path: str
) -> None:
    """500 rows pass, 501 do not; a file over 100 kB does not, whether it says so or not (and nothing stays)."""
    good = 201 if path.startswith("/v1") else 303
    assert send(editor, feed(500), path) == good
    files = {"file": ("feed.csv", feed(501))}
    answer = editor.post(path, data=FORM, files=files)
    assert (answer.status_code, "at most 500 rows" in answer.text) == (413, True)
    answer = editor.post(path, data=FORM, files={"file": ("feed.csv", feed(10, wide=20_000))})
    assert (answer.status_code, "at most 100000 bytes" in answer.text) == (413, True)
    assert "limits.import_bytes" in answer.text
    assert desk.count(BatchRow) == 1
    assert desk.acts().count("request.refuse") == 2
    assert left_behind(desk) == []


def test_a_body_that_does_not_say_its_length_is_cut_at_the_limit(desk: Desk, editor: TestClient) -> None:
    """Chunked, without an end: refused as soon as it is too large."""
    sent = [0]

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        while sent[0] < 10_000_000:
            sent[0] += 10_000
            yield b"x" * 10_000

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = editor.post("/v1/imports", content=endless(), headers=kind)
    assert answer.status_code == 413
    assert left_behind(desk) == []


def test_large_bodies_are_for_imports_only_and_for_editors_only(desk: Desk, editor: TestClient) -> None:
    """Every other route keeps its small limit, and nobody else's file is read."""
    large = feed(400, wide=150)
    assert len(large) > 65_536
    assert send(editor, large) == 201
    assert send(editor, large, "/v1/entries") == 413
    assert send(editor, large, "/list/add") == 413
    assert send(desk.client(), large) == 401
    assert send(desk.sign_in("arno", Role.APPROVER), large) == 403
    other_site = {"Sec-Fetch-Site": "cross-site"}
    files = {"file": ("feed.csv", large)}
    assert editor.post("/v1/imports", data=FORM, files=files, headers=other_site).status_code == 403


def test_rows_that_a_person_should_look_at_are_counted(editor: TestClient) -> None:
    """On the page and in the answer, by reason; they are put forward with the others."""
    rows = "".join(f"{plate},GB,stolen,1,2030-01-20\n" for plate in ("ABC123", "07", "7KLM482"))
    answer = editor.post("/v1/imports", data=FORM, files={"file": ("feed.csv", HEAD + rows.encode())})
    dry_run = answer.json()["dry_run"]
    assert [each["rows"] for each in dry_run["doubts"]] == [1, 1]
    assert (dry_run["added"], dry_run["heavy"]) == (3, 1)
    path = f"/list/proposed/{answer.json()['id']}"
    assert editor.post(f"{path}/open", data=REASON).status_code == 303
    page = editor.get(path).text
    assert "1: letters or digits in their order" in page
    assert "1: more than a tenth of the false hits that a list may cost" in page


def test_columns_that_no_field_has_are_named(editor: TestClient) -> None:
    """On the page and in the answer, by their letters; a region that was not read is a weak match for ever."""
    content = b"Plate,Plate St.,Purpose,Case,Expires\nQ1X2,NH,stolen,1,2030-01-20\n"
    answer = editor.post("/v1/imports", data=FORM, files={"file": ("feed.csv", content)})
    assert answer.json()["dry_run"]["unread"] == ["B"]
    path = f"/list/proposed/{answer.json()['id']}"
    assert editor.post(f"{path}/open", data=REASON).status_code == 303
    assert "Not read: column B." in editor.get(path).text


MALFORMED = {
    "no form": ("text/csv", HEAD),
    "no boundary": ("multipart/form-data", HEAD),
    "another boundary": ("multipart/form-data; boundary=b", b"--a\r\n\r\nx\r\n--a--\r\n"),
    "no file": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="format"\r\n\r\ncsv\r\n--b--\r\n',
    ),
    "two files": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n' * 2 + b"--b--\r\n",
    ),
    "a part without a name": ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n"),
    "an endless field": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="source"\r\n\r\n' + b"x" * 999 + b"\r\n--b--\r\n",
    ),
    "many fields": (
        "multipart/form-data; boundary=b",
        b"".join(b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\nx\r\n' % n for n in range(99))
        + b"--b--\r\n",
    ),
}


@pytest.mark.parametrize(("kind", "body"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_form_that_is_none_changes_nothing(desk: Desk, editor: TestClient, kind: str, body: bytes) -> None:
    """Said in a problem document."""
    answer = editor.post("/v1/imports", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert desk.count(BatchRow) == 0
    assert left_behind(desk) == []


@pytest.mark.parametrize(
    "wrong", [{"format": "xls"}, {"country": "Frnce"}, {"days": "-1"}, {"more": "x"}], ids=str
)
def test_a_field_that_is_wrong_is_named(editor: TestClient, wrong: dict[str, str]) -> None:
    """The file is not read for it."""
    answer = editor.post("/v1/imports", data={**FORM, **wrong}, files={"file": ("feed.csv", feed(2))})
    assert answer.status_code == 422
    assert next(iter(wrong)) in answer.json()["detail"]


def test_an_import_asked_twice_with_one_key_is_one_import(desk: Desk, editor: TestClient) -> None:
    """Whatever boundary the sender's second attempt has."""
    key = {"Idempotency-Key": "feed-of-today"}
    answers = [
        editor.post("/v1/imports", data=FORM, files={"file": ("feed.csv", feed(3))}, headers=key)
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["dry_run"]["added"] == 3
    assert desk.count(BatchRow) == 1
    other = editor.post("/v1/imports", data=FORM, files={"file": ("feed.csv", feed(4))}, headers=key)
    assert other.status_code == 422


def test_rows_that_say_the_same_are_found_without_memory(editor: TestClient) -> None:
    """The second of two rows of one key is refused, however far apart they stand."""
    content = feed(450) + feed(1).removeprefix(HEAD.replace(b"\n", b",Filler\n"))
    answer = editor.post("/v1/imports", data=FORM, files={"file": ("feed.csv", content)})
    run = answer.json()["dry_run"]
    assert (run["rows"], run["added"], run["refused"]) == (451, 450, 1)
    assert "already" in run["reasons"][0]["reason"]


def test_a_full_disk_is_said_and_nothing_is_imported(desk: Desk, editor: TestClient) -> None:
    """A limit on this process's files stands for the disk."""
    who = resume(desk.service, editor.cookies["__Host-session"])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with tempfile.TemporaryFile() as file:
        file.write(feed(400, wide=10))
        file.seek(0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
        try:
            with pytest.raises(StateError, match="could not be sorted"):
                list_import.dry_run(desk.service, who, Upload("f", file, Format.CSV, "feed"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
    assert desk.count(BatchRow) == 0
    assert left_behind(desk) == []


IMPORTER = """
import sys
from pathlib import Path
from api.lists import list_import
from api.lists.list_import import Upload
from api.core.service import open_service
from api.accounts.sessions import resume
from api.core.settings import Settings
from hotlist.importers import Format
from tests.api_kit import HandClock, START
from datetime import timedelta
settings = Settings.model_validate_json(sys.argv[1])
service = open_service(settings, HandClock(START + timedelta(minutes=5)))
who = resume(service, sys.argv[2])
print("begins", flush=True)
with open(sys.argv[3], "rb") as file:
    list_import.dry_run(service, who, Upload("f", file, Format.CSV, "feed"))
"""


def test_an_import_killed_at_any_moment_leaves_nothing(tmp_path: Path) -> None:
    """SIGKILL, ever later, until one is fast enough to be stored; before that there is no row and no file."""
    desk = Desk(tmp_path / "state")
    token = desk.sign_in("edith", Role.EDITOR).cookies["__Host-session"]
    (tmp_path / "feed.csv").write_bytes(feed(20_000))
    line = [
        sys.executable,
        "-c",
        IMPORTER,
        desk.settings.model_dump_json(),
        token,
        str(tmp_path / "feed.csv"),
    ]
    killed = 0
    for attempt in range(12):
        with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ}) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begins\n"
            try:
                process.wait(0.05 * 1.8**attempt)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.returncode == 0:
            break
        killed += 1
        assert process.returncode == -signal.SIGKILL
        if "list.dry-run" in desk.acts():  # killed between its commit and its end
            break
        assert (desk.count(BatchRow), desk.count(ProposalRow)) == (0, 0)
        assert left_behind(desk) == []
    assert killed > 1, "nothing was killed"
    (batch,) = proposals.waiting(desk.service)
    assert batch.entries == desk.count(ProposalRow) == 20_000
    desk.service.close()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A process that may use little more memory than it starts with imports many times as much."""
    desk = Desk(tmp_path / "state")
    token = desk.sign_in("edith", Role.EDITOR).cookies["__Host-session"]
    (tmp_path / "feed.csv").write_bytes(feed(30_000, wide=4000))
    assert (tmp_path / "feed.csv").stat().st_size > 110_000_000
    measured = IMPORTER.replace(
        'print("begins"', "import resource\nbefore = resource.getrusage(0).ru_maxrss\nprint(before"
    )
    measured += "print(resource.getrusage(0).ru_maxrss - before)\n"
    line = [
        sys.executable,
        "-c",
        measured,
        desk.settings.model_dump_json(),
        token,
        str(tmp_path / "feed.csv"),
    ]
    started = time.monotonic()
    found = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    grown = int(found.stdout.split()[-1])
    assert grown < 80_000, f"{grown} KiB more for a file of 110 MB in {time.monotonic() - started:.0f} s"
    desk.service.close()


def test_a_list_from_the_field_is_read_as_it_is_said(editor: TestClient) -> None:
    """The service reads what the workbook reads: UTF-16, US dates in a stated order, letters with marks."""
    rows = ["Plate,State,Reason,Case,Expires", "M\u00dc 12,New Hampshire,stolen,1,01/20/2030"]
    text = "\n".join([*rows, "1E+05,ON,stolen,2,01/20/2030", ""])
    refused = editor.post("/v1/imports", data=FORM, files={"file": ("feed.csv", text.encode("utf-16"))})
    assert refused.status_code == 422
    said = {**FORM, "country": "USA", "dates": "mdy", "fold_marks": "true"}
    answer = editor.post("/v1/imports", data=said, files={"file": ("feed.csv", text.encode("utf-16"))})
    assert answer.status_code == 201
    assert (answer.json()["dry_run"]["added"], answer.json()["dry_run"]["refused"]) == (1, 1)
    assert "spreadsheet" in answer.text
