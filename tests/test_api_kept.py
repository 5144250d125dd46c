"""What was typed survives a sign-in, for the person who typed it and for nobody else, and is stored nowhere."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from api.accounts.people import Role
from api.db.models import HitRow
from tests.api_kit import PASSWORD, PLATE, Desk, make_entry, make_hit

REASON = {"purpose": "review-alert", "case_number": "30-4711"}
TYPED = {"plate": "zv10 fsc", "region": "IE"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with one entry and two reviewers."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    desk.join("emil", Role.REVIEWER)
    yield desk
    desk.service.close()


def hidden(page: str) -> dict[str, str]:
    """Return a page's hidden fields."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in found}


def enter(desk: Desk, browser: TestClient, name: str, kept: str) -> Response:
    """Sign in on the page that keeps a form."""
    desk.clock.move(seconds=31)
    form = {"name": name, "password": PASSWORD, "code": desk.code(desk.totp[name]), "kept": kept}
    answer: Response = browser.post("/sign-in", data=form)
    return answer


def interrupted(desk: Desk, path: str, form: dict[str, str], browser: TestClient) -> str:
    """Send a form after half an hour of nothing; return what the sign-in page keeps, or empty."""
    desk.clock.move(minutes=31)
    answer = browser.post(path, data=form)
    assert answer.status_code in {303, 401}
    return hidden(answer.text).get("kept", "")


def test_a_typed_reading_comes_back_where_it_was(desk: Desk) -> None:
    """Sign in, say why again, and the reading stands in its form; nothing was compared on the way."""
    browser = desk.sign_in("dora")
    box, hit = desk.box(), make_hit()
    box.deliver(box.sealed(hit))
    path = f"/hits/{hit.id}"
    browser.post(f"{path}/open", data=REASON)
    kept = interrupted(desk, f"{path}/reading", {**TYPED, "sure": "yes"}, browser)
    assert kept
    assert "FSC" not in kept.upper()
    page = enter(desk, browser, "dora", kept)
    assert page.status_code == 200
    assert "zv10 fsc" in page.text
    reason = browser.post(f"{path}/reading", data=hidden(page.text))
    assert "Why do you open this?" in reason.text
    back = browser.post(f"{path}/open", data={**hidden(reason.text), **REASON})
    assert 'value="ZV10FSC"' in back.text
    assert '<option value="IE" selected>' in back.text
    assert desk.count(HitRow) == 1
    assert "hit.read-blind" not in desk.acts()


def test_it_comes_back_to_nobody_else_and_not_late(desk: Desk) -> None:
    """Another person at the same browser, a quarter of an hour later, or an altered form: nothing is shown."""
    browser = desk.sign_in("dora")
    kept = interrupted(desk, "/hits/00000000-0000-4000-8000-000000000000/reading", TYPED, browser)
    assert enter(desk, browser, "emil", kept).headers["location"] == "/"
    assert enter(desk, desk.client(), "dora", kept[:-8] + "AAAAAAA=").headers["location"] == "/"
    assert "zv10 fsc" in enter(desk, desk.client(), "dora", kept).text
    desk.clock.move(minutes=15)
    assert enter(desk, desk.client(), "dora", kept).headers["location"] == "/"


def test_a_wrong_code_does_not_lose_it(desk: Desk) -> None:
    """The sign-in page that says so carries the form still."""
    browser = desk.sign_in("dora")
    kept = interrupted(desk, "/list/add", {"plate": PLATE, "source": "county"}, browser)
    wrong = browser.post("/sign-in", data={"name": "dora", "password": PASSWORD, "code": "0", "kept": kept})
    assert hidden(wrong.text)["kept"] == kept


@pytest.mark.parametrize(
    "form",
    [
        {"password": PASSWORD, "code": "123456", "new": "another long pass phrase"},
        {},
        {"note": "x" * 9000},
    ],
    ids=["secrets", "nothing", "too long"],
)
def test_some_forms_are_not_kept(desk: Desk, form: dict[str, str]) -> None:
    """A password never, nothing at all, and what is too long for a field."""
    browser = desk.sign_in("dora")
    assert interrupted(desk, "/account/password", {"note": "control"}, browser)
    assert not interrupted(desk, "/account/password", form, browser)


def test_a_stranger_keeps_nothing(desk: Desk) -> None:
    """Without the cookie that says whose browser it is, a form leads to the sign-in page and is dropped."""
    answer = desk.client().post("/list/add", data={"plate": PLATE})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


def test_after_signing_out_nothing_is_kept(desk: Desk) -> None:
    """Whoever signs out has finished."""
    browser = desk.sign_in("dora")
    browser.post("/sign-out")
    assert not interrupted(desk, "/list/add", {"plate": PLATE}, browser)


def test_what_is_kept_is_in_no_file(desk: Desk) -> None:
    """The database holds nothing of it; the control is."""
    browser = desk.sign_in("dora")
    interrupted(desk, "/list/add", {"plate": "ZV10FSC", "note": "canary-note"}, browser)
    dump = desk.dump()
    assert b"dora" in dump
    assert b"canary-note" not in dump
