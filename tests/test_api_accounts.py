"""One's own account, and the link for somebody who lost password or telephone (R13)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import select
from typer.testing import CliRunner

from api import upkeep
from api.accounts import people, resets
from api.accounts.people import Role
from api.accounts.routes.link_kit import COOKIE as LINK
from api.cli import app as command_line
from api.core.errors import AbsentError, ConflictError, InvalidError
from api.db.models import AuditRow, InvitationRow, PersonRow, RecoveryRow, SessionRow
from tests.api_kit import PASSWORD, Desk

NEW = "another long pass phrase"
BROWSER = "b" * 43
"""One browser that opens every link of these tests."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with an administrator."""
    desk = Desk(tmp_path / "state")
    desk.join("ada", Role.ADMINISTRATOR)
    yield desk
    desk.service.close()


def fresh(desk: Desk, name: str = "dora") -> str:
    """Return six digits that were not used before."""
    desk.clock.move(seconds=31)
    return desk.code(desk.totp[name])


def enters(desk: Desk, password: str, code: str, name: str = "dora") -> bool:
    """Whether somebody can sign in so."""
    form = {"name": name, "password": password, "code": code}
    return bool(desk.client().post("/sign-in", data=form).status_code == 303)


def change(desk: Desk, browser: TestClient, *, as_json: bool = False, **given: str) -> Response:
    """Ask for a new password, on the page or through JSON."""
    form = {"password": PASSWORD, "new": NEW, **({} if "code" in given else {"code": fresh(desk)}), **given}
    if as_json:
        answer: Response = browser.post("/v1/account/password", json=form)
    else:
        answer = browser.post("/account/password", data=form)
    return answer


def offered(desk: Desk, name: str = "dora") -> str:
    """Return a link's token that the administrator made through the page."""
    page = desk.sign_in("ada").post(f"/people/{name}/reset")
    assert page.status_code == 200, page.text
    return str(re.findall(r"/reset/([\w-]{43})<", page.text)[0])


def use(desk: Desk, token: str, *, password: str = NEW) -> Response:
    """Set new credentials with a link; keep the new secret."""
    found, browser = resets.open_reset(desk.service, token, BROWSER), desk.client()
    browser.cookies.set(LINK, found.browser)
    secret = found.secret
    answer: Response = browser.post(f"/reset/{token}", data={"password": password, "code": desk.code(secret)})
    if answer.status_code == 200:
        desk.totp["dora"] = secret
    return answer


def row_of(desk: Desk, name: str = "dora") -> PersonRow:
    """Return somebody's row."""
    with desk.service.database.read() as session:
        row: PersonRow = session.scalars(select(PersonRow).where(PersonRow.name == name)).one()
        return row


@pytest.mark.parametrize("way", ["page", "json"])
def test_a_new_password_ends_the_other_sessions_and_the_old_password(desk: Desk, way: str) -> None:
    """This session goes on; the others, and the old password, are worth nothing."""
    other, browser = desk.sign_in("dora"), desk.sign_in("dora")
    assert change(desk, browser, as_json=way == "json").status_code == (204 if way == "json" else 200)
    assert browser.get("/queue").status_code == 200
    assert other.get("/queue").status_code == 303
    assert not enters(desk, PASSWORD, fresh(desk))
    assert enters(desk, NEW, fresh(desk))
    assert row_of(desk).password.startswith("$argon2id$")
    assert "person.password" in desk.acts()


@pytest.mark.parametrize("new", ["short", "dora dora dora", PASSWORD, "x" * 201])
def test_a_new_password_keeps_the_rules_of_the_first(desk: Desk, new: str) -> None:
    """Long enough, not too long, without the name, and not the present one."""
    browser = desk.sign_in("dora")
    assert change(desk, browser, new=new).status_code == 422
    assert change(desk, browser, as_json=True, new=new).status_code == 422
    assert enters(desk, PASSWORD, fresh(desk))


def test_an_open_session_alone_changes_nothing(desk: Desk) -> None:
    """The present password and a fresh code are asked; a used code, or a recovery code, is no fresh one."""
    browser = desk.sign_in("dora")
    used = desk.code(desk.totp["dora"])
    assert change(desk, browser, code=used).status_code == 422
    assert change(desk, browser, code=desk.recovery["dora"][0]).status_code == 422
    assert change(desk, browser, password="not the password").status_code == 422
    assert browser.post("/v1/account/recovery-codes", json={"password": PASSWORD}).status_code == 422
    assert "person.password" not in desk.acts()
    code = fresh(desk)
    assert change(desk, browser, code=code).status_code == 200
    replayed = {"password": NEW, "code": code}
    assert browser.post("/account/recovery-codes", data=replayed).status_code == 422
    assert "person.recovery-codes" not in desk.acts()


def test_guessing_in_an_open_session_locks_and_ends_that_session_only(desk: Desk) -> None:
    """Five wrong proofs count like five failed sign-ins (R13); the person's other session goes on."""
    other, browser = desk.sign_in("dora"), desk.sign_in("dora")
    statuses = [change(desk, browser, code="000000").status_code for _ in range(5)]
    assert statuses == [422, 422, 422, 422, 303]
    assert browser.get("/queue").status_code == 303
    assert other.get("/queue").status_code == 200
    assert desk.acts().count("person.lock") == 1
    assert change(desk, other).status_code == 403
    assert "Failed sign-ins have locked your name" in other.get("/account").text
    assert not enters(desk, PASSWORD, fresh(desk))


@pytest.mark.parametrize("way", ["page", "json"])
def test_new_recovery_codes_replace_the_old_ones(desk: Desk, way: str) -> None:
    """Shown once; ten of them; an old one opens nothing."""
    browser = desk.sign_in("dora")
    proof = {"password": PASSWORD, "code": fresh(desk)}
    if way == "json":
        codes = browser.post("/v1/account/recovery-codes", json=proof).json()["codes"]
    else:
        page = browser.post("/account/recovery-codes", data=proof).text
        codes = re.findall(r"<code>([A-Z2-7-]{27})</code>", page)
    assert len(set(codes)) == 10
    assert not set(codes) & set(desk.recovery["dora"])
    assert codes[0] not in browser.get("/account").text
    assert not enters(desk, PASSWORD, desk.recovery["dora"][0])
    assert enters(desk, PASSWORD, codes[0])
    assert browser.get("/v1/account").json()["codes_left"] == 9


def test_one_sees_the_last_sign_in_and_ends_the_other_sessions(desk: Desk) -> None:
    """When one signed in before, what is open, and failed attempts; ended means ended."""
    other = desk.sign_in("dora")
    before = desk.clock.now
    assert enters(desk, "wrong password here", fresh(desk)) is False
    browser = desk.sign_in("dora")
    shown = browser.get("/v1/account").json()
    assert shown["last_sign_in"].startswith(f"{before:%Y-%m-%dT%H:%M:%S}")
    assert [one["present"] for one in shown["sessions"]] == [True, False]
    assert [line["act"] for line in shown["happenings"]][:2] == ["session.begin", "session.refuse"]
    assert "End the others" in browser.get("/account").text
    assert browser.post("/account/sessions/end-others").status_code == 303
    assert other.get("/account").status_code == 303
    assert len(browser.get("/v1/account").json()["sessions"]) == 1


def test_nobody_sees_what_happened_to_another(desk: Desk) -> None:
    """The records of an account are the person's own, and the administrator's."""
    desk.join("dora", Role.REVIEWER)
    enters(desk, "wrong password here", fresh(desk))
    seen = desk.sign_in("emil").get("/v1/account").text
    assert "dora" not in seen
    assert "session.refuse" in desk.sign_in("ada").get("/people/dora").text


def test_a_link_replaces_password_telephone_and_recovery_codes_and_keeps_the_person(desk: Desk) -> None:
    """Name, roles and signing key stay; everything that was lost is worth nothing; every session ends."""
    browser = desk.sign_in("dora", Role.EDITOR, Role.APPROVER)
    was, old = row_of(desk), desk.totp["dora"]
    token = offered(desk)
    assert browser.get("/list").status_code == 200, "nothing changes until the link is used"
    answer = use(desk, token)
    assert answer.status_code == 200
    codes = re.findall(r"<code>([A-Z2-7-]{27})</code>", answer.text)
    assert len(codes) == 10
    now = row_of(desk)
    assert (now.id, now.name, now.roles, now.key_id) == (was.id, was.name, was.roles, was.key_id)
    assert desk.service.secrets.open(now.signing_key, f"signing:{now.id}")
    assert browser.get("/list").status_code == 303
    desk.clock.move(seconds=31)
    assert not enters(desk, PASSWORD, desk.code(desk.totp["dora"]))
    assert not enters(desk, NEW, desk.code(old))
    assert not enters(desk, NEW, desk.recovery["dora"][0])
    assert enters(desk, NEW, desk.code(desk.totp["dora"]))
    assert enters(desk, NEW, codes[0])


def test_the_log_names_both_and_no_secret(desk: Desk) -> None:
    """Who made the link, who used it; the auditor sees it flagged, the person on their page."""
    browser = desk.sign_in("dora")
    token = offered(desk)
    page = browser.get("/account").text
    assert "ada has made a link" in page
    assert use(desk, token).status_code == 200
    with desk.service.database.read() as session:
        rows = list(session.scalars(select(AuditRow).where(AuditRow.act.startswith("person.reset"))))
    assert [(row.actor, row.act, row.object) for row in rows] == [
        ("person:ada", "person.reset-offer", "person:dora"),
        ("person:dora", "person.reset", "person:dora"),
    ]
    assert '"offered_by":"person:ada"' in rows[1].detail
    assert "person.reset" in desk.sign_in("carl", Role.AUDITOR).get("/audit").text
    dump = desk.dump()
    assert b"person.reset-offer" in dump
    for secret in (token, NEW, desk.totp["dora"]):
        assert secret.encode() not in dump


def test_a_link_works_once_for_an_hour_and_only_the_newest(desk: Desk) -> None:
    """Replayed, late, replaced by a second one, or withdrawn by its person: worth nothing."""
    browser = desk.sign_in("dora")
    first, second = offered(desk), offered(desk)
    assert desk.client().get(f"/reset/{first}").status_code == 404
    desk.clock.move(minutes=59)
    assert use(desk, second).status_code == 200
    assert desk.client().post(f"/reset/{second}", data={"password": NEW, "code": "0"}).status_code == 404
    late = offered(desk)
    desk.clock.move(hours=1)
    for path in ("", "/code.svg"):
        assert desk.client().get(f"/reset/{late}{path}").status_code == 404
    upkeep.clean(desk.service)
    assert desk.count(InvitationRow) == 0
    withdrawn = offered(desk)
    assert enters(desk, NEW, fresh(desk)), "who did not lose anything still gets in"
    browser = desk.client()
    form = {"name": "dora", "password": NEW, "code": fresh(desk)}
    browser.post("/sign-in", data=form)
    assert browser.post("/account/reset/withdraw").status_code == 303
    assert desk.client().get(f"/reset/{withdrawn}").status_code == 404
    assert browser.post("/v1/account/reset/withdraw").status_code == 404
    assert "person.reset-withdraw" in desk.acts()


def test_the_code_that_set_the_telephone_signs_nobody_in(desk: Desk) -> None:
    """A code seen at the link's page is used up there (RFC 6238, 5.2)."""
    desk.join("dora", Role.REVIEWER)
    use(desk, offered(desk))
    code = desk.code(desk.totp["dora"])
    assert not enters(desk, NEW, code)
    assert enters(desk, NEW, fresh(desk))


def test_a_wrong_code_or_password_leaves_the_link_open_and_the_account_as_it_was(desk: Desk) -> None:
    """The form says what is wrong; nothing was changed."""
    browser = desk.sign_in("dora")
    token, was = offered(desk), row_of(desk)
    unopened = desk.client().post(f"/reset/{token}", data={"password": NEW, "code": "000000"})
    assert unopened.status_code == 403, "a link is for the browser that opened it"
    mine = desk.client()
    mine.cookies.set(LINK, BROWSER)
    assert mine.get(f"/reset/{token}").status_code == 200
    wrong = mine.post(f"/reset/{token}", data={"password": NEW, "code": "000000"})
    assert wrong.status_code == 422
    assert "six digits" in wrong.text
    assert use(desk, token, password="short").status_code == 422
    assert use(desk, token, password="dora and a long one").status_code == 422
    assert (row_of(desk).password, row_of(desk).secret) == (was.password, was.secret)
    assert browser.get("/queue").status_code == 200
    assert use(desk, token).status_code == 200


def test_a_link_and_an_invitation_are_not_each_other(desk: Desk) -> None:
    """With a link nobody makes a new person; with an invitation nobody takes an account over."""
    desk.join("dora", Role.REVIEWER)
    token = offered(desk)
    assert desk.client().get(f"/welcome/{token}").status_code == 404
    form = {"name": "eve", "full_name": "Eve", "password": PASSWORD, "code": "000000"}
    assert desk.client().post(f"/welcome/{token}", data=form).status_code == 404
    invited = people.invite(desk.service, people.FIRST_ROLES, "service")
    assert desk.client().get(f"/reset/{invited}").status_code == 404
    assert desk.client().post(f"/reset/{invited}", data={"password": NEW, "code": "0"}).status_code == 404


def test_a_link_ends_a_lock_and_never_a_disabling(desk: Desk) -> None:
    """Who locked themselves out with a forgotten password gets in; who was disabled does not (R13)."""
    desk.join("dora", Role.REVIEWER)
    for _ in range(5):
        enters(desk, "wrong password here", fresh(desk))
    use(desk, offered(desk))
    assert enters(desk, NEW, fresh(desk))
    token = offered(desk)
    people.disable(desk.service, "dora", "person:ada")
    people.release(desk.service, "dora", "person:ada")
    assert desk.client().get(f"/reset/{token}").status_code == 404, "disabling withdrew it"
    people.disable(desk.service, "dora", "person:ada")
    with pytest.raises(ConflictError):
        resets.issue(desk.service, "dora", "person:ada")
    people.release(desk.service, "dora", "person:ada")
    desk.clock.move(days=90)
    with pytest.raises(ConflictError):
        resets.issue(desk.service, "dora", "person:ada")


def test_nobody_makes_a_link_for_themselves_or_for_nobody(desk: Desk) -> None:
    """One's own password is changed with a proof, not with a link."""
    with pytest.raises(InvalidError):
        resets.issue(desk.service, "ada", "person:ada")
    with pytest.raises(AbsentError):
        resets.issue(desk.service, "nobody", "person:ada")
    browser = desk.sign_in("ada")
    assert browser.post("/people/ada/reset").status_code == 422
    assert browser.get("/people/nobody").status_code == 404


def test_the_link_through_json_is_the_same_link(desk: Desk) -> None:
    """Made, used, withdrawn; the answer names when it ends."""
    desk.join("dora", Role.REVIEWER)
    browser = desk.sign_in("ada")
    made = browser.post("/v1/people/dora/reset")
    assert made.status_code == 201
    assert use(desk, made.json()["link"].rpartition("/")[2]).status_code == 200
    assert browser.post("/v1/people/dora/reset/withdraw").status_code == 404
    browser.post("/v1/people/dora/reset")
    assert browser.post("/v1/people/dora/reset/withdraw").status_code == 204
    assert browser.post("/v1/people/ada/reset").status_code == 422


def test_the_last_administrator_gets_a_link_on_the_machine(desk: Desk) -> None:
    """`alpr-api people reset` prints it; the log says that it was the operator."""
    line = ["people", "reset", "ada", "--state", str(desk.settings.state)]
    printed = CliRunner().invoke(command_line, line)
    assert printed.exit_code == 0, printed.output
    token = printed.output.strip().rpartition("/reset/")[2]
    assert len(token) == 43
    assert "person.reset-offer" in desk.acts()


OWN = ["/account", "/v1/account"]
ADMINISTRATORS = [
    ("GET", "/people/dora"),
    ("POST", "/people/dora/reset"),
    ("POST", "/people/dora/reset/withdraw"),
    ("POST", "/v1/people/dora/reset"),
    ("POST", "/v1/people/dora/reset/withdraw"),
]


@pytest.mark.parametrize("role", Role)
def test_each_role_has_its_own_account_and_only_administrators_make_links(desk: Desk, role: Role) -> None:
    """The account's page is everybody's; another's is the administrator's alone (R15)."""
    desk.join("dora", Role.REVIEWER)
    browser = desk.sign_in("somebody", role)
    assert [browser.get(path).status_code for path in OWN] == [200, 200]
    for method, path in ADMINISTRATORS:
        answer = browser.request(method, path)
        refused = answer.status_code == 403 and "this needs the role" in answer.text.lower()
        assert refused is (role is not Role.ADMINISTRATOR), (method, path, answer.status_code)
    allowed = "person.reset-offer" in desk.acts()
    assert allowed is (role is Role.ADMINISTRATOR)


def test_a_replaced_person_leaves_no_old_rows(desk: Desk) -> None:
    """Sessions, links and old recovery codes are gone from the tables, not only refused."""
    desk.sign_in("dora")
    use(desk, offered(desk))
    identity = row_of(desk).id
    with desk.service.database.read() as session:
        assert not list(session.scalars(select(SessionRow).where(SessionRow.person == identity)))
        assert not list(session.scalars(select(InvitationRow).where(InvitationRow.person == identity)))
        codes = list(session.scalars(select(RecoveryRow).where(RecoveryRow.person == identity)))
    assert len(codes) == 10
