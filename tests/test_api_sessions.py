"""What ends a session, what a stranger's browser cannot do with one, and what the listener refuses."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from api.accounts import people, sessions
from api.accounts.people import Role
from api.core.errors import ApiError, SignInError
from api.db.models import OpeningRow, SessionRow
from api.hits.routes.queue_events import STREAMS, Watchers, _picture
from api.web.security import BodyLimit
from tests.api_kit import PASSWORD, PLATE, Desk, make_entry, make_hit


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department."""
    desk = Desk(tmp_path / "state")
    yield desk
    desk.service.close()


def test_a_sign_in_makes_a_new_token_and_ends_the_session_that_the_browser_had(desk: Desk) -> None:
    """A token planted in somebody's browser is never theirs, and the old one is worth nothing afterwards."""
    browser = desk.sign_in("dora")
    old = browser.cookies["__Host-session"]
    desk.clock.move(seconds=31)
    form = {"name": "dora", "password": PASSWORD, "code": desk.code(desk.totp["dora"])}
    assert browser.post("/sign-in", data=form).status_code == 303
    assert browser.cookies["__Host-session"] != old
    assert desk.count(SessionRow) == 1
    with pytest.raises(SignInError):
        sessions.resume(desk.service, old)
    planted = desk.client()
    planted.cookies.set("__Host-session", "chosen-by-somebody-else")
    desk.clock.move(seconds=31)
    form["code"] = desk.code(desk.totp["dora"])
    planted.post("/sign-in", data=form)
    with pytest.raises(SignInError):
        sessions.resume(desk.service, "chosen-by-somebody-else")


def test_a_change_of_roles_ends_every_session_of_that_person_and_no_other(desk: Desk) -> None:
    """New rights begin with a new sign-in; reasons given in the old sessions are gone too."""
    desk.join("ada", Role.ADMINISTRATOR)
    dora, emil = desk.sign_in("dora"), desk.sign_in("emil")
    desk.approve(make_entry())
    box, hit = desk.box(), make_hit()
    box.deliver(box.sealed(hit))
    dora.post(f"/hits/{hit.id}/open", data={"purpose": "review-alert", "case_number": "1"})
    assert desk.count(OpeningRow) == 1
    people.set_roles(desk.service, "dora", frozenset({Role.AUDITOR}), "person:admin")
    assert dora.get("/audit").status_code == 303
    assert emil.get("/queue").status_code == 200
    assert desk.count(OpeningRow) == 0


def test_a_session_does_not_come_back_with_the_release_of_the_account(desk: Desk) -> None:
    """Disabled, then released: who is let in again signs in again, and old failures are forgotten (R13)."""
    desk.join("ada", Role.ADMINISTRATOR)
    browser = desk.sign_in("dora")
    wrong = {"name": "dora", "password": "wrong", "code": "0"}
    for _ in range(5):
        desk.client().post("/sign-in", data=wrong)
    people.disable(desk.service, "dora", "person:ada")
    people.release(desk.service, "dora", "person:ada")
    assert browser.get("/queue").status_code == 303
    desk.client().post("/sign-in", data=wrong)
    assert desk.acts().count("person.lock") == 1
    assert desk.sign_in("dora").get("/queue").status_code == 200


@pytest.mark.parametrize("end", ["sign-out", "disable", "roles", "idle"])
def test_the_live_queue_ends_with_the_session(desk: Desk, end: str) -> None:
    """Each picture is made for a session that still stands and still may look; watching is no activity (R13)."""
    desk.join("ada", Role.ADMINISTRATOR)
    browser = desk.sign_in("dora")
    token = browser.cookies["__Host-session"]
    assert _picture(desk.service, token) == ("queue", "[]")
    if end == "sign-out":
        browser.post("/sign-out")
    elif end == "disable":
        people.disable(desk.service, "dora", "person:ada")
    elif end == "roles":
        people.set_roles(desk.service, "dora", frozenset({Role.EDITOR}), "person:ada")
    for _ in range(31 if end == "idle" else 0):
        desk.clock.move(minutes=1)
        try:
            _picture(desk.service, token)
        except ApiError:
            break
    with pytest.raises(ApiError):
        _picture(desk.service, token)


def test_one_person_cannot_hold_every_thread_with_streams() -> None:
    """So many queues at once for one person; a closed one makes room, and others are not counted with them."""
    watchers = Watchers()
    held = [watchers.watching("dora") for _ in range(STREAMS)]
    for one in held:
        watchers.check("dora")
        one.__enter__()
    with pytest.raises(ApiError, match="open already"):
        watchers.check("dora")
    watchers.check("emil")
    held[0].__exit__(None, None, None)
    watchers.check("dora")


@pytest.mark.parametrize("changes", [{"plate": "QQ11AAA"}, {"region": "US-NH"}])
def test_an_entry_corrected_since_refutes(desk: Desk, changes: dict[str, str]) -> None:
    """Same id, another plate or region: what was matched is on the list no more, or never was (R7, R9)."""
    desk.approve(make_entry(**{"id": "entry-1", "plate": PLATE, **changes}))  # type: ignore[arg-type]
    box, hit = desk.box(), make_hit(entry=make_entry(id="entry-1"))
    box.deliver(box.sealed(hit))
    browser = desk.sign_in("dora")
    browser.post(f"/hits/{hit.id}/open", data={"purpose": "review-alert", "case_number": "1"})
    answer = browser.post(f"/hits/{hit.id}/reading", data={"plate": PLATE, "region": "GB", "sure": "yes"})
    assert "stale entry" in answer.text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("testserver", 200),
        ("localhost:8443", 200),
        ("127.0.0.1:8443", 200),
        ("[::1]:8443", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("localhost@evil.example", 421),
        ("", 421),
        ("[::1", 421),
    ],
)
def test_without_tls_only_known_names_are_answered(desk: Desk, host: str, status: int) -> None:
    """A site that points its own name at this machine gets nothing (DNS rebinding)."""
    answer = desk.client().get("/sign-in", headers={"Host": host})
    assert answer.status_code == status
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    "path", ["/queue/", "/sign-in/", "/v1/hits/", "//evil.example/", "/sign-in?next=//evil.example"]
)
def test_no_answer_leads_elsewhere(desk: Desk, path: str) -> None:
    """No redirect is made of what was asked: neither of a slash nor of a `next`."""
    browser = desk.sign_in("dora")
    answer = browser.get(path, headers={"Host": "testserver"})
    assert answer.headers.get("location", "/").startswith("/")
    assert "evil" not in answer.headers.get("location", "")
    form = {"name": "dora", "password": PASSWORD}
    desk.clock.move(seconds=31)
    form["code"] = desk.code(desk.totp["dora"])
    assert browser.post("/sign-in?next=//evil.example", data=form).headers["location"] == "/"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH"])
def test_other_methods_do_nothing(desk: Desk, method: str) -> None:
    """405, with the same headers as everything."""
    browser = desk.sign_in("dora")
    for path in ("/queue", "/sign-out", "/v1/hits"):
        answer = browser.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["x-frame-options"] == "DENY"
    assert browser.get("/queue").status_code == 200


def test_crops_hits_and_failures_are_never_kept_by_a_cache_or_framed(desk: Desk) -> None:
    """no-store, no-referrer, nosniff and no frame, on pages, pictures, problems and unknown paths."""
    desk.approve(make_entry())
    box, hit = desk.box(), make_hit()
    box.deliver(box.sealed(hit))
    browser = desk.sign_in("dora")
    path = f"/hits/{hit.id}"
    browser.post(f"{path}/open", data={"purpose": "review-alert", "case_number": "1"})
    for one in (
        path,
        f"{path}/crop.jpg",
        f"/v1{path}",
        f"/v1{path}/crop",
        "/queue",
        "/nowhere",
        "/v1/nowhere",
    ):
        headers = browser.get(one).headers
        assert headers["cache-control"] == "no-store", one
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def _slow(seconds: float) -> tuple[int, list[str]]:
    """Send a body that never ends, one byte at a time; return the status and what was recorded."""
    said: list[str] = []
    sent: list[Message] = []

    async def refused(_: Scope, problem: ApiError) -> None:
        said.append(problem.slug)

    async def never(_: Scope, __: Receive, ___: Send) -> None:
        raise AssertionError("the body has not arrived")

    async def receive() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    limit = BodyLimit(never, limit=10**6, refused=refused, seconds=seconds)
    scope = {"type": "http", "method": "POST", "path": "/v1/hits", "headers": [], "query_string": b""}
    await limit(scope, receive, send)
    return int(sent[0]["status"]), said


def test_a_body_that_dribbles_in_is_cut_off(desk: Desk) -> None:
    """408 when its time is over, and a record; the application never sees it."""
    del desk
    assert asyncio.run(_slow(0.2)) == (408, ["too-large"])


def test_a_body_without_a_length_is_cut_off_at_the_limit(desk: Desk) -> None:
    """Chunked, fifty megabytes: refused after the limit, with a problem document and an audit line."""

    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * 1_000_000

    answer = desk.client().post("/v1/hits", content=chunks())
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:hitonly:problem:too-large")
    assert desk.acts() == ["request.refuse"]


def test_an_unforeseen_failure_is_a_problem_document_with_every_header(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 in our words, without the failure's own: it could hold a plate."""

    def fail(_: object) -> None:
        raise RuntimeError(PLATE)

    monkeypatch.setattr("api.hits.routes.review_api.review.queue", fail)
    answer = desk.sign_in("dora").get("/v1/queue")
    assert answer.status_code == 500
    assert json.loads(answer.content)["type"] == "urn:hitonly:problem:fault"
    assert PLATE not in answer.text
    assert "content-security-policy" in answer.headers
