"""A list of thousands: chosen from, sorted, and paged, without a plate anywhere."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from api.accounts.people import Role
from api.lists.list_search import PAGE
from hotlist.entry import Purpose, Severity
from tests.api_kit import START, Desk, make_entry

MANY = 2 * PAGE + 10


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Return an editor's browser, of a department with a long list."""
    desk = Desk(tmp_path_factory.mktemp("list") / "state")
    for number in range(MANY):
        entry = make_entry(
            f"AB{number:05}",
            id=f"{number:08}",
            severity=Severity.URGENT if number % 50 == 0 else Severity.ROUTINE,
            purpose=Purpose.WARRANT if number == 7 else Purpose.STOLEN_VEHICLE,
            case_number=f"30-{number:06}",
            source="state feed" if number % 2 else "county list",
            expires=START + timedelta(days=1 + (MANY - number) / 10),
        )
        desk.approve(entry)
    yield desk.sign_in("edith", Role.EDITOR)
    desk.service.close()


def shown(page: str) -> list[str]:
    """Return the entries of a page, in order."""
    return re.findall(r"href=\"/list/entries/(\d+)\"", page)


def ids(numbers: range) -> list[str]:
    """Return the ids of entries."""
    return [f"{number:08}" for number in numbers]


def test_pages_go_both_ways_and_the_entry_that_ends_first_stands_first(editor: TestClient) -> None:
    """Every entry is on one page and no other."""
    first = editor.get("/list").text
    assert shown(first) == ids(range(MANY - 1, MANY - 1 - PAGE, -1))
    assert "Previous page" not in first
    assert f"{MANY} of {MANY} entries. Page 1 of 3." in first
    (second,) = re.findall(r'href="(/list\?[^"]*)">Next page', first)
    page = editor.get(second.replace("&amp;", "&")).text
    assert shown(page) == ids(range(MANY - 1 - PAGE, MANY - 1 - 2 * PAGE, -1))
    (back,) = re.findall(r'href="(/list\?[^"]*)">Previous page', page)
    assert shown(editor.get(back.replace("&amp;", "&")).text) == shown(first)
    last = editor.get("/list?page=3").text
    assert len(shown(last)) == MANY - 2 * PAGE
    assert "Next page" not in last
    assert "AB0" not in first + page + last


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("case_number=30-000123", ids(range(123, 124))),
        ("case_number= 30-000123 ", ids(range(123, 124))),
        ("case_number=30-0001", []),
        ("purpose=warrant", ids(range(7, 8))),
        ("severity=urgent", ids(range(200, -1, -50))),
        ("severity=urgent&source=state feed", []),
        ("severity=urgent&sort=severity", ids(range(0, 201, 50))),
        ("case_number=%27 OR 1=1 --", []),
    ],
)
def test_entries_are_chosen_and_a_choice_is_kept_over_pages(
    editor: TestClient, query: str, found: list[str]
) -> None:
    """A whole case number, never a part of one; what is typed is a value and no query."""
    assert shown(editor.get(f"/list?{query}").text) == found


def test_what_ends_soon_is_shown_alone(editor: TestClient) -> None:
    """Within a week."""
    page = editor.get("/list?soon=true").text
    soon = [number for number in range(MANY) if 1 + (MANY - number) / 10 <= 7]
    assert shown(page) == [f"{number:08}" for number in reversed(soon)]


def test_another_order(editor: TestClient) -> None:
    """By severity the urgent ones stand first; an unknown order is the usual one."""
    assert shown(editor.get("/list?sort=severity").text)[:5] == ids(range(0, 201, 50))
    assert shown(editor.get("/list?sort=plate").text) == shown(editor.get("/list").text)
