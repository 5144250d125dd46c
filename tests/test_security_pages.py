"""docs/threat-model.md and docs/security-controls.md: each line names tests that exist, or says that none does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
THREATS = ROOT / "docs" / "threat-model.md"
CONTROLS = ROOT / "docs" / "security-controls.md"
NAMED = re.compile(r"`(test_\w+\.py::test_\w+)`")
LOOSE = re.compile(r"`(test_\w+(?:\.py)?)`")
ATTACKERS = (
    "stranger", "reviewer", "editor", "approver", "administrator", "auditor", "database administrator",
    "rogue unit", "thief of a unit", "thief of the server's disk", "thief of a backup",
)  # fmt: skip
CHAPTERS = 17
"""Of the Application Security Verification Standard, version 5."""


def named(page: str) -> set[str]:
    """Return the node ids that a page names, without the folder."""
    return set(NAMED.findall(page))


def collected(names: set[str]) -> set[str]:
    """Return those of the node ids that pytest itself collects, without parameters."""
    files = sorted({name.partition("::")[0] for name in names})
    there = [f"tests/{name}" for name in files if (ROOT / "tests" / name).exists()]
    line = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *there]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return {
        found.partition("[")[0].removeprefix("tests/") for found in done.stdout.splitlines() if "::" in found
    }


def rows(page: str) -> list[list[str]]:
    """Return the cells of every table's rows, without heads and rules."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    after = [below.startswith(("|--", "|:-")) for below in [*lines[1:], ""]]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line, head in zip(lines, after, strict=True) if not head]
    return [[cell.strip() for cell in row] for row in cells if set("".join(row).strip()) - set("-: ")]


def unheld(page: str) -> list[str]:
    """Return the rows of the attackers' tables that name no test and do not say that nothing prevents it."""
    lines = [row for row in rows(page) if row[0] in {"can", "cannot"}]
    return [
        row[1] for row in lines if not NAMED.search(row[2]) and (row[2] != "stated" or row[0] == "cannot")
    ]


def test_every_test_that_the_pages_name_is_one_that_pytest_collects() -> None:
    """A test that was renamed or taken away is renamed or answered anew on the pages too."""
    names = named(THREATS.read_text()) | named(CONTROLS.read_text())
    assert len(names) > 100
    assert not names - collected(names)


@pytest.mark.parametrize(
    "name",
    [
        "test_hit.py::test_that_was_never_written",
        "test_no_such_file.py::test_a_hit_shows_no_plate_in_its_repr",
    ],
)
def test_a_name_that_does_not_exist_is_found(name: str) -> None:
    """The control: beside a real name, an invented one is what is missing."""
    real = "test_hit.py::test_a_hit_shows_no_plate_in_its_repr"
    assert named(f"held by `{name}`, `{real}`") - collected({name, real}) == {name}


def test_no_page_names_a_test_without_its_file() -> None:
    """Only a whole node id can be checked."""
    for page in (THREATS, CONTROLS):
        loose = set(LOOSE.findall(page.read_text()))
        assert not loose, f"{page.name}: {loose}"


def test_every_attacker_can_and_cannot_something_and_each_line_is_held() -> None:
    """One table for each; what somebody cannot do is held by a test, what they can is too, or is stated."""
    page = THREATS.read_text()
    titles = {
        title.lower(): body
        for title, body in re.findall(r"^### (?:An?|The) (.+?)\n(.*?)(?=^##)", page, re.MULTILINE | re.DOTALL)
    }
    assert set(ATTACKERS) <= set(titles)
    for name in ATTACKERS:
        assert {row[0] for row in rows(titles[name])} == {"can", "cannot"}, name
    assert not unheld(page)


def test_a_line_that_nothing_holds_is_found() -> None:
    """The control: what somebody cannot do needs a test, and is never only stated."""
    lines = (
        "| | What | Held by |",
        "|---|---|---|",
        "| cannot | fly | stated |",
        "| can | walk | stated |",
        "| can | run | |",
    )
    table = "\n".join(lines)
    assert unheld(table) == ["fly", "run"]


def test_every_chapter_is_answered_with_a_test_a_page_or_a_no() -> None:
    """Each row of the controls says yes, partly, no or that it does not apply, and a yes names what holds it."""
    page = CONTROLS.read_text()
    assert [int(n) for n in re.findall(r"^### V(\d+) ", page, re.MULTILINE)] == list(range(1, CHAPTERS + 1))
    answers = [row for row in rows(page) if len(row) == 3]
    assert len(answers) > 80
    for asked, answer, held in answers:
        assert answer in {"yes", "partly", "no", "does not apply"}, asked
        assert held, asked
        if answer in {"yes", "partly"}:
            assert NAMED.search(held) or re.search(r"\]\([\w./#-]+\)|`[\w/]+\.\w+`", held), asked


def test_every_page_that_the_controls_lean_on_is_there() -> None:
    """A link to a page of docs, and a file of the source, exists."""
    page = CONTROLS.read_text()
    for link in re.findall(r"\]\(([\w./-]+?)(?:#[\w-]*)?\)", page):
        assert (ROOT / "docs" / link).exists(), link
    files = set(re.findall(r"`((?:api|edge|hitonly_core|protocol|hotlist|deploy|scripts)/[\w./-]+)`", page))
    assert files
    assert not [name for name in files if not (ROOT / name).exists()]
