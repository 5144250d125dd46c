"""R15: the routes there are, all of them, by name. A new one is added here on purpose, or not at all."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount, Route

from api.accounts.people import Role
from tests.api_kit import Desk

ALLOWED = """
anybody        GET  /
admin          GET  /alerts
admin          POST /alerts/{name}/test
anybody        GET  /account
anybody        POST /account/password
anybody        POST /account/recovery-codes
anybody        POST /account/reset/withdraw
anybody        POST /account/sessions/end-others
auditor        GET  /audit
auditor        POST /audit/check
auditor        POST /audit/export
auditor        POST /audit/weeks/{week}
admin,auditor  GET  /devices
admin          POST /devices/register
admin          POST /devices/{device}/revoke
reviewer       GET  /hits/{hit}
reviewer       GET  /hits/{hit}/crop.jpg
reviewer       POST /hits/{hit}/disposition
reviewer       POST /hits/{hit}/hold
reviewer       POST /hits/{hit}/hold/agree
reviewer       POST /hits/{hit}/open
reviewer       POST /hits/{hit}/outcome
reviewer       POST /hits/{hit}/reading
reviewer       POST /hits/{hit}/release
reviewer       GET  /queue/next
reviewer       POST /queue/case/forget
editor,approver GET /list
editor         GET  /list/add
editor         POST /list/add
editor,approver GET /list/entries/{entry}
editor,approver POST /list/entries/{entry}/cancel
editor         GET  /list/entries/{entry}/change
editor,approver POST /list/entries/{entry}/open
editor,approver POST /list/find
editor         GET  /list/import
editor         POST /list/import
editor,approver GET /list/proposed/{batch}
approver       POST /list/proposed/{batch}/approve
editor,approver POST /list/proposed/{batch}/open
editor         POST /list/proposed/{batch}/put-forward
editor,approver POST /list/proposed/{batch}/withdraw
approver       POST /list/publish
admin          GET  /people
admin          POST /people/asked/{request_id}/agree
admin          POST /people/asked/{request_id}/withdraw
admin          GET  /v1/staff-requests
admin          POST /v1/staff-requests/{request_id}/agree
admin          POST /v1/staff-requests/{request_id}/withdraw
admin          POST /people/invite
admin          GET  /people/{name}
admin          POST /people/{name}/disable
admin          POST /people/{name}/release
admin          POST /people/{name}/reset
admin          POST /people/{name}/reset/withdraw
admin          POST /people/{name}/roles
auditor        GET  /precision
auditor        GET  /precision/plot.svg
reviewer       GET  /queue
reviewer       GET  /queue/events
admin,editor,approver,auditor GET /signing
admin          POST /signing/signers
admin,approver POST /signing/signers/{key}/confirm
admin          POST /signing/signers/{key}/revoke
editor,approver GET /signing/{version}/list
editor,approver POST /signing/{version}/open
editor,approver POST /signing/{version}/signature
approver       POST /signing/{version}/withdraw
public         GET  /public/report
public         GET  /public/report.csv
public         GET  /reset/{token}
public         POST /reset/{token}
public         GET  /reset/{token}/code.svg
anybody        GET  /report
anybody        GET  /report.csv
public         GET  /sign-in
public         POST /sign-in
anybody        POST /session/stay
anybody        POST /sign-out
public         MOUNT /static
device         POST /v1/devices/enrol
public         GET  /v1/certificate-authority
device         POST /v1/heartbeat
device         POST /v1/hits
device         GET  /v1/hotlist
anybody        GET  /v1/account
anybody        POST /v1/account/password
anybody        POST /v1/account/recovery-codes
anybody        POST /v1/account/reset/withdraw
anybody        POST /v1/account/sessions/end-others
auditor        GET  /v1/audit
auditor        GET  /v1/audit/flagged
auditor        POST /v1/audit/check
auditor        POST /v1/audit/export
auditor        GET  /v1/audit/weeks
auditor        POST /v1/audit/weeks/{week}
admin,auditor  GET  /v1/devices
admin          POST /v1/devices
admin,auditor  GET  /v1/devices/{device}
admin          POST /v1/devices/{device}/revoke
editor,approver GET /v1/entries
editor         POST /v1/entries
editor,approver POST /v1/entries/find
editor,approver GET /v1/entries/{entry}
editor         PUT  /v1/entries/{entry}
editor,approver POST /v1/entries/{entry}/cancel
editor,approver POST /v1/entries/{entry}/open
editor         POST /v1/imports
admin          POST /v1/invitations
admin          GET  /v1/people
admin          GET  /v1/people/{name}
admin          POST /v1/people/{name}/disable
admin          POST /v1/people/{name}/release
admin          POST /v1/people/{name}/reset
admin          POST /v1/people/{name}/reset/withdraw
admin          PUT  /v1/people/{name}/roles
auditor        GET  /v1/precision
editor,approver GET /v1/proposals
editor,approver GET /v1/proposals/{proposal}
approver       POST /v1/proposals/{proposal}/approve
editor,approver GET /v1/proposals/{proposal}/entries
editor,approver POST /v1/proposals/{proposal}/open
editor         POST /v1/proposals/{proposal}/put-forward
editor,approver POST /v1/proposals/{proposal}/withdraw
editor,approver GET /v1/publications
approver       POST /v1/publications
editor,approver GET /v1/publications/held
reviewer       GET  /v1/queue
reviewer       GET  /v1/hits/{hit}
reviewer       GET  /v1/hits/{hit}/crop
reviewer       POST /v1/hits/{hit}/open
reviewer       POST /v1/hits/{hit}/reading
reviewer       POST /v1/hits/{hit}/disposition
reviewer       POST /v1/hits/{hit}/outcome
reviewer       POST /v1/hits/{hit}/hold
reviewer       POST /v1/hits/{hit}/hold/agree
reviewer       POST /v1/hits/{hit}/release
anybody        GET  /v1/report
anybody        GET  /v1/report.csv
public         GET  /healthz
public         GET  /readyz
public         GET  /v1/openapi.json
public         GET  /welcome/{token}
public         POST /welcome/{token}
public         GET  /welcome/{token}/code.svg
"""
"""Who, how, where. "anybody" is signed in with whatever role; "device" is a signature; "public" is neither."""
ROLES = {
    "reviewer": Role.REVIEWER,
    "editor": Role.EDITOR,
    "approver": Role.APPROVER,
    "auditor": Role.AUDITOR,
    "admin": Role.ADMINISTRATOR,
}
TABLE = {
    (method, path): frozenset(who.split(","))
    for who, method, path in (line.split() for line in ALLOWED.strip().splitlines())
}
ENDLESS = {("GET", "/queue/events"), ("POST", "/sign-out")}
"""A stream that does not end, and what would end the session of the other rows' browser."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department."""
    desk = Desk(tmp_path / "state")
    yield desk
    desk.service.close()


def routes_of(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Yield every (method, path), through whatever the framework wraps routers in."""
    for route in routes:
        if isinstance(route, Mount):
            yield "MOUNT", route.path
        elif isinstance(route, Route):
            yield from ((method, route.path) for method in sorted((route.methods or set()) - {"HEAD"}))
        else:
            router = getattr(route, "original_router", None)
            assert router is not None, f"an unknown kind of route: {type(route).__name__}"
            yield from routes_of(router.routes)


def test_there_are_these_routes_and_no_others(desk: Desk) -> None:
    """None exports hits in bulk, shares, federates, or searches plates that were seen (R15)."""
    found = set(routes_of(desk.app.routes))
    assert found == set(TABLE)


def test_the_openapi_names_every_route_for_programs_and_no_page(desk: Desk) -> None:
    """What programs may call is all described."""
    paths = desk.client().get("/v1/openapi.json").json()["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    wanted = {(method, path) for method, path in TABLE if path.startswith("/v1/")}
    assert described == wanted - {("GET", "/v1/openapi.json")}


def filled(path: str) -> str:
    """Return a path with something in the place of each name."""
    path = path.replace("{hit}", "00000000-0000-4000-8000-000000000000").replace("{week}", "2029-W01")
    return re.sub(r"\{\w+\}", "nothing", path)


@pytest.mark.parametrize("route", [route for route in TABLE if route[0] != "MOUNT"], ids=" ".join)
def test_nobody_gets_in_without_signing_in(desk: Desk, route: tuple[str, str]) -> None:
    """Every page but the sign-in and a one-time link needs a session; every route of a device a signature."""
    (method, path), who = route, TABLE[route]
    answer = desk.client().request(method, filled(path))
    if who == {"public"}:
        assert answer.status_code in {200, 404, 422}
    elif path == "/v1/devices/enrol":
        assert answer.status_code == 422
    elif path.startswith("/v1/"):
        assert answer.status_code == 401
    else:
        assert (answer.status_code, answer.headers.get("location")) == (303, "/sign-in")


@pytest.mark.parametrize("name", ROLES)
def test_each_role_reaches_its_own_routes_and_no_other(desk: Desk, name: str) -> None:
    """Every route with every role: forbidden exactly where the table does not name it (R15)."""
    browser = desk.sign_in("somebody", ROLES[name])
    asked = 0
    for (method, path), who in TABLE.items():
        if (method, path) in ENDLESS or method == "MOUNT" or who & {"public", "device"}:
            continue
        answer = browser.request(method, filled(path))
        allowed = bool(who & {name, "anybody"})
        refused = answer.status_code == 403 and "this needs the role" in answer.text.lower()
        assert refused is not allowed, f"{method} {path} as {name}: {answer.status_code}"
        assert answer.status_code < 500, f"{method} {path} as {name}"
        assert answer.status_code != 401, f"{method} {path} as {name}"
        asked += 1
    assert asked == sum(not who & {"public", "device"} for who in TABLE.values()) - len(ENDLESS)


def test_a_live_stream_is_for_reviewers(desk: Desk) -> None:
    """The row that the table's test leaves out, because its answer does not end."""
    assert desk.sign_in("ada", Role.AUDITOR).get("/queue/events").status_code == 403
