"""R15: the routes there are, all of them, by name. A new one is added here on purpose, or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount, Route

from api.people import Role
from tests.api_kit import Desk

ALLOWED = """
GET /
GET /audit
POST /audit/check
POST /audit/export
POST /audit/weeks/{week}
GET /devices
POST /devices/register
POST /devices/{device}/revoke
GET /hits/{hit}
GET /hits/{hit}/crop.jpg
POST /hits/{hit}/disposition
POST /hits/{hit}/hold
POST /hits/{hit}/open
POST /hits/{hit}/outcome
POST /hits/{hit}/reading
POST /hits/{hit}/release
GET /list
GET /list/add
POST /list/add
GET /list/entries/{entry}
POST /list/entries/{entry}/cancel
GET /list/entries/{entry}/change
POST /list/entries/{entry}/open
POST /list/find
GET /list/import
POST /list/import
GET /list/proposed/{batch}
POST /list/proposed/{batch}/approve
POST /list/proposed/{batch}/open
POST /list/proposed/{batch}/put-forward
POST /list/proposed/{batch}/withdraw
POST /list/publish
GET /signing
POST /signing/signers
POST /signing/signers/{key}/confirm
POST /signing/signers/{key}/revoke
GET /signing/{version}/list
POST /signing/{version}/open
POST /signing/{version}/signature
POST /signing/{version}/withdraw
GET /people
POST /people/invite
POST /people/{name}/disable
POST /people/{name}/release
POST /people/{name}/roles
GET /precision
GET /precision/plot.svg
GET /queue
GET /queue/events
GET /public/report
GET /public/report.csv
GET /report
GET /report.csv
GET /sign-in
POST /sign-in
POST /sign-out
MOUNT /static
POST /v1/devices/enrol
POST /v1/heartbeat
POST /v1/hits
GET /v1/hotlist
GET /v1/audit
GET /v1/entries
GET /v1/queue
GET /v1/hits/{hit}
GET /v1/hits/{hit}/crop
POST /v1/hits/{hit}/open
POST /v1/hits/{hit}/reading
POST /v1/hits/{hit}/disposition
POST /v1/hits/{hit}/outcome
POST /v1/hits/{hit}/hold
POST /v1/hits/{hit}/release
GET /v1/openapi.json
GET /welcome/{token}
POST /welcome/{token}
GET /welcome/{token}/code.svg
"""
PUBLIC = {"/", "/sign-in", "/static", "/v1/openapi.json"}


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
    found = {f"{method} {path}" for method, path in routes_of(desk.app.routes)}
    assert found == set(ALLOWED.split("\n")) - {""}


def test_the_openapi_names_every_route_for_programs_and_no_page(desk: Desk) -> None:
    """What programs may call is all described."""
    paths = desk.client().get("/v1/openapi.json").json()["paths"]
    wanted = {line.split()[1] for line in ALLOWED.split("\n") if " /v1/" in line}
    assert set(paths) == wanted - {"/v1/openapi.json"}


@pytest.mark.parametrize("line", [line for line in ALLOWED.split("\n") if line.startswith(("GET", "POST"))])
def test_nobody_gets_in_without_signing_in_and_no_role_gets_everywhere(desk: Desk, line: str) -> None:
    """Every page but the sign-in and a one-time link needs a session; every route of a device a signature."""
    method, path = line.split()
    filled = path.replace("{hit}", "00000000-0000-4000-8000-000000000000").replace("{token}", "x")
    answer = desk.client().request(method, filled)
    if path in PUBLIC - {"/"}:
        assert answer.status_code in {200, 422}
    elif path.startswith("/public/"):
        assert answer.status_code == 404
    elif path.startswith("/welcome/"):
        assert answer.status_code in {404, 422}
    elif path == "/v1/devices/enrol":
        assert answer.status_code == 422
    elif path.startswith("/v1/"):
        assert answer.status_code == 401
    else:
        assert (answer.status_code, answer.headers.get("location")) == (303, "/sign-in")


def test_a_reviewer_reaches_no_other_roles_pages(desk: Desk) -> None:
    """Forbidden, not shown."""
    browser = desk.sign_in("dora", Role.REVIEWER)
    for path in ("/list", "/list/add", "/people", "/signing", "/devices", "/audit", "/precision"):
        assert browser.get(path).status_code == 403, path
    for path in ("/people/invite", "/devices/register", "/list/publish", "/signing/signers", "/audit/export"):
        assert browser.post(path).status_code == 403, path
