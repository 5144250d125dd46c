from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import Response
from sqlalchemy import select

from api import upkeep
from api.accounts import people
from api.accounts.people import Role
from api.accounts.routes.link_kit import COOKIE as LINK
from api.core.errors import ConflictError
from api.db.models import PersonRow, SessionRow
from tests.api_kit import PASSWORD, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department."""
    desk = Desk(tmp_path / "state")
    yield desk
    desk.service.close()


def attempt(desk: Desk, name: str, password: str = PASSWORD, code: str | None = None) -> Response:
    """Try to sign in with a fresh code, or the one given."""
    desk.clock.move(seconds=31)
    form = {"name": name, "password": password, "code": code or desk.code(desk.totp.get(name, "A" * 32))}
    answer: Response = desk.client().post("/sign-in", data=form)
    return answer


def test_the_notice_stands_before_the_sign_in(desk: Desk) -> None:
    """What the use of the system means is said before anybody enters (R13)."""
    assert "Use is recorded and reviewed" in desk.client().get("/sign-in").text


@pytest.mark.parametrize(("minutes", "status"), [(29.9, 200), (30, 303)])
def test_a_session_ends_after_thirty_idle_minutes(desk: Desk, minutes: float, status: int) -> None:
    """To the minute (R13)."""
    browser = desk.sign_in("dora")
    desk.clock.move(minutes=minutes)
    assert browser.get("/queue").status_code == status


def test_a_session_ends_after_twelve_hours_however_busy(desk: Desk) -> None:
    """Activity does not stretch it (R13)."""
    browser = desk.sign_in("dora")
    for _ in range(35):
        desk.clock.move(minutes=20)
        assert browser.get("/queue").status_code == 200
    desk.clock.move(minutes=20)
    assert browser.get("/queue").status_code == 303


def test_five_failures_lock_until_an_administrator_releases(desk: Desk) -> None:
    """The right password does not help once locked; waiting does not either (R13)."""
    desk.join("dora", Role.REVIEWER)
    for _ in range(5):
        assert attempt(desk, "dora", "wrong password").status_code == 401
    assert attempt(desk, "dora").status_code == 401
    desk.clock.move(days=2)
    assert attempt(desk, "dora").status_code == 401
    people.release(desk.service, "dora", "person:admin")
    assert attempt(desk, "dora").status_code == 303
    assert {"person.lock", "person.release", "session.refuse"} <= set(desk.acts())


def test_four_failures_and_a_fifth_after_the_quarter_of_an_hour_do_not_lock(desk: Desk) -> None:
    """Only failures within fifteen minutes count together (R13)."""
    desk.join("dora", Role.REVIEWER)
    for _ in range(4):
        attempt(desk, "dora", "wrong password")
    desk.clock.move(minutes=15)
    attempt(desk, "dora", "wrong password")
    assert attempt(desk, "dora").status_code == 303


def test_a_stranger_who_knows_a_name_puts_nobody_out(desk: Desk) -> None:
    """Failed sign-ins stop new sign-ins; who is signed in goes on, until an administrator disables (R13)."""
    desk.join("ada", Role.ADMINISTRATOR)
    browser = desk.sign_in("dora")
    for _ in range(7):
        attempt(desk, "dora", "wrong password")
    assert desk.acts().count("person.lock") == 1
    assert attempt(desk, "dora").status_code == 401
    assert browser.get("/queue").status_code == 200
    people.disable(desk.service, "dora", "person:ada")
    assert browser.get("/queue").status_code == 303


@pytest.mark.parametrize(("days", "status"), [(89, 303), (90, 401)])
def test_ninety_unseen_days_disable(desk: Desk, days: int, status: int) -> None:
    """Disabled, until an administrator releases (R13)."""
    desk.join("dora", Role.REVIEWER)
    desk.clock.move(days=days)
    assert attempt(desk, "dora").status_code == status
    people.release(desk.service, "dora", "person:admin")
    assert attempt(desk, "dora").status_code == 303


def test_a_code_works_once_and_a_recovery_code_works_once(desk: Desk) -> None:
    """Six digits seen over a shoulder are worth nothing a second time (RFC 6238, 5.2)."""
    desk.join("dora", Role.REVIEWER)
    desk.clock.move(seconds=31)
    code = desk.code(desk.totp["dora"])
    form = {"name": "dora", "password": PASSWORD, "code": code}
    assert desk.client().post("/sign-in", data=form).status_code == 303
    assert desk.client().post("/sign-in", data=form).status_code == 401
    form["code"] = desk.recovery["dora"][0]
    assert desk.client().post("/sign-in", data=form).status_code == 303
    assert desk.client().post("/sign-in", data=form).status_code == 401


def test_an_unknown_name_and_a_wrong_password_are_answered_alike(desk: Desk) -> None:
    """Nobody learns which names exist."""
    desk.join("dora", Role.REVIEWER)
    assert attempt(desk, "nobody").text == attempt(desk, "dora", "wrong password").text


def test_a_link_works_once_and_for_a_day(desk: Desk) -> None:
    """An invitation is used up by the account it makes, or by time."""
    used = people.invite(desk.service, frozenset({Role.REVIEWER}), "service")
    desk.join("dora", Role.REVIEWER)
    offered, browser = people.open_invitation(desk.service, used), desk.client()
    browser.cookies.set(LINK, offered.browser)
    form = {"name": "eve", "full_name": "Eve", "password": PASSWORD, "code": desk.code(offered.secret)}
    assert browser.post(f"/welcome/{used}", data={**form, "password": "short"}).status_code == 422
    assert browser.post(f"/welcome/{used}", data={**form, "name": "dora"}).status_code == 409
    assert browser.post(f"/welcome/{used}", data=form).status_code == 200
    assert browser.post(f"/welcome/{used}", data=form).status_code == 404
    late = people.invite(desk.service, frozenset({Role.REVIEWER}), "service")
    desk.clock.move(days=1)
    assert desk.client().get(f"/welcome/{late}").status_code == 404


def test_the_first_link_is_offered_only_while_there_is_nobody(desk: Desk) -> None:
    """Once somebody is in, people come by invitation."""
    assert people.first_invitation(desk.service)
    desk.join("dora", *Role)
    assert people.first_invitation(desk.service) is None


def test_the_last_administrator_stays(desk: Desk) -> None:
    """Nobody can leave the service without one."""
    desk.join("dora", *Role)
    with pytest.raises(ConflictError):
        people.disable(desk.service, "dora", "person:dora")
    with pytest.raises(ConflictError):
        people.set_roles(desk.service, "dora", frozenset({Role.REVIEWER}), "person:dora")


def test_a_role_opens_its_own_pages_only(desk: Desk) -> None:
    """An auditor reviews no hit."""
    browser = desk.sign_in("ada", Role.AUDITOR)
    assert browser.get("/queue").status_code == 403


def test_the_cookie_and_the_headers_are_strict(desk: Desk) -> None:
    """`__Host-`, Secure, HttpOnly; no inline script or style is allowed, nothing is stored."""
    desk.join("dora", Role.REVIEWER)
    answer = attempt(desk, "dora")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    assert all(word in cookie for word in ("HttpOnly", "Secure", "Path=/", "SameSite=lax"))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://testserver"}, 303),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
    ids=str,
)
def test_an_act_started_by_another_site_is_refused_and_recorded(
    desk: Desk, headers: dict[str, str], status: int
) -> None:
    """By Sec-Fetch-Site, then by Origin; with a cookie and neither of them, no act."""
    browser = desk.sign_in("dora")
    del browser.headers["Sec-Fetch-Site"]
    assert browser.post("/sign-out", headers=headers).status_code == status
    assert ("request.refuse" in desk.acts()) == (status == 403)


def test_no_password_secret_or_token_lies_in_the_data(desk: Desk) -> None:
    """A stolen database signs nobody in; only hashes and sealed values are stored."""
    browser = desk.sign_in("dora")
    dump = desk.dump()
    assert b"dora" in dump
    assert PASSWORD.encode() not in dump
    assert desk.totp["dora"].encode() not in dump
    assert browser.cookies["__Host-session"].encode() not in dump
    assert desk.recovery["dora"][0].encode() not in dump


def test_ended_sessions_are_dropped(desk: Desk) -> None:
    """Nothing of a session is left when it is over."""
    desk.sign_in("dora")
    desk.clock.move(minutes=31)
    upkeep.clean(desk.service)
    assert desk.count(SessionRow) == 0
    with desk.service.database.read() as session:
        assert session.scalars(select(PersonRow.name)).all() == ["dora"]
