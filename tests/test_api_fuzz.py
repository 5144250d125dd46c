"""Every field of every route, of the envelope and of the opened hit, with everything that has ever broken a parser.

The fields are taken from the application itself: a new route, form field, query, JSON member or member of a hit
is covered without a change here.
"""

import base64
import functools
import json
import shutil
import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.routing import BaseRoute

from api.accounts import codes
from api.accounts.people import Role
from api.db.models import Base, HitRow, PersonRow, SessionRow
from protocol.hit import FORMAT, Envelope, Hit, hit_to_bytes
from protocol.padding import pad
from tests.api_kit import PLATE, Box, Desk, make_entry, make_hit
from tests.postgres_kit import BIN, Cluster

CANARY: Final = "QX99CANARY"
"""Stands in plates, names and paths that are sent; it must not come back in a log or a problem document."""
TEXTS: Final = (
    "",
    " ",
    CANARY,
    "ZQ57\u041a\u0420\u0425",
    "\u202eXPK75QZ",
    "Z\u200bQ57KPX",
    "\x00",
    "a\x00b",
    "\r\nSet-Cookie: a=b",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "' OR 1=1 --",
    "../../etc/passwd",
    "%s%n{0}",
    "\U0001f697" * 3,
    "A" * 5000,
    "9" * 5000,
    "-1",
    "0",
    "1e400",
    "NaN",
    "Infinity",
    "9223372036854775808",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "9999-12-31",
    "0001-W01",
    "[]",
)
JSONS: Final = (
    *(json.dumps(text) for text in TEXTS),
    '"\\ud800"',
    '"\\u0000"',
    "null",
    "true",
    "-1",
    "0",
    "1.5",
    "1e400",
    "NaN",
    "-Infinity",
    "9" * 400,
    "9223372036854775808",
    "-9223372036854775809",
    "[]",
    "{}",
    '{"a": {"b": []}}',
    "[" * 400 + "]" * 400,
    "[" * 50_000 + "]" * 50_000,
)
REASON: Final = {"purpose": "review-alert", "case_number": "30-4711"}
HARD: Final = ("\x00", "a\x00b", "A" * 5000, "9" * 5000, "9223372036854775808", "9999-12-31")
"""What PostgreSQL refuses and SQLite takes: tried on PostgreSQL; all of them are tried on SQLite."""
USUAL: Final = {
    "purpose": "review-alert",
    "case_number": "30-4711",
    "plate": PLATE,
    "region": "GB",
    "disposition": "misread",
    "outcome": "stop",
    "reason": "a reason",
    "authority": "a court",
    "until": "2031-01-01",
    "name": "mallory",
    "full_name": "Mallory",
    "password": "a long enough pass phrase",
    "code": "000000",
    "source": "county list",
    "severity": "urgent",
    "expires": "2030-01-12",
    "format": "csv",
    "country": "US",
    "days": "20",
    "role": "reviewer",
    "device": "camera-9",
    "registration_id": "NH-1",
    "make": "Example",
    "model": "E",
    "installed": "2030-01-02",
    "location": "Mill Road",
    "agency": "Example PD",
    "policy_sha256": "c" * 64,
    "note": "a note",
}
"""What a form is filled with beside the one field that is fuzzed, so that the field is reached."""
UNTOUCHED: Final = {"audit", "audit_nodes", "rates", "nonces", "failures", "sessions", "lookups", "openings"}
"""Tables that a refused request may write to; people's `last_seen` and `locked` are left out below.

Five wrong passwords lock their person out of new sign-ins, also when they are given with a change of it (R13).
"""
LIMITS: Final = {
    "device_per_minute": 10**6,
    "sign_in_per_minute": 10**6,
    "refused_per_minute": 10**6,
    "unit_records_per_minute": 10**6,
}


class Target:
    """A department with somebody of every role, a camera box and a hit that is open."""

    def __init__(self, url: str | None) -> None:
        self.texts = HARD if url else TEXTS
        self.jsons = tuple(map(json.dumps, HARD)) + JSONS[len(TEXTS) :] if url else JSONS
        self.folder = Path(tempfile.mkdtemp(prefix="hitonly-fuzz-"))
        self.desk = Desk(self.folder / "state", database_url=url, limits=LIMITS)
        self.desk.join("ada", *Role)
        self.desk.approve(make_entry())
        self.box = self.desk.box()
        self.desk.box("camera-2")
        self.hit = make_hit()
        self.box.deliver(self.box.sealed(self.hit))
        self.browser = self.desk.client()
        self.browser.cookies.set("__Host-session", self.session())
        self.browser.post(f"/hits/{self.hit.id}/open", data=USUAL)

    def session(self) -> str:
        """Open a session without the cost of a password; return its token."""
        token, now = codes.new_token(), self.desk.clock()
        with self.desk.service.database.begin() as session:
            person = session.scalars(select(PersonRow.id).where(PersonRow.name == "ada")).one()
            session.add(SessionRow(digest=codes.token_digest(token), person=person, began=now, seen=now))
        return token

    def fresh(self) -> TestClient:
        """Return the browser, signed in anew."""
        self.browser.cookies.set("__Host-session", self.session())
        return self.browser

    def state(self) -> dict[str, list[str]]:
        """Return every row of every table that a refused request must leave as it was; refusals are counted."""
        found = {}
        with self.desk.service.database.read() as session:
            for table in Base.metadata.sorted_tables:
                if table.name not in UNTOUCHED:
                    columns = [column for column in table.c if column.name not in {"last_seen", "locked"}]
                    rows = map(repr, session.execute(select(*columns)))
                    found[table.name] = sorted(
                        row for row in rows if table.name != "counts" or "'refused:" not in row
                    )
        return found

    def close(self) -> None:
        """Put everything away."""
        self.desk.service.close()
        shutil.rmtree(self.folder)


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system(str(BIN / "initdb")))],
)
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Return one department for the file, on each kind of database."""
    cluster = Cluster() if request.param == "postgresql" else None
    made = Target(cluster.database() if cluster else None)
    yield made
    made.close()
    if cluster:
        cluster.stop()


def walk(routes: list[BaseRoute]) -> Iterator[APIRoute]:
    """Yield every route, through whatever the framework wraps routers in."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from walk(route.original_router.routes)


@functools.cache
def application() -> tuple[list[APIRoute], dict[str, Any]]:
    """Return the routes and the OpenAPI, read from an application that is only made for that."""
    folder = Path(tempfile.mkdtemp(prefix="hitonly-routes-"))
    desk = Desk(folder / "state")
    found = list(walk(desk.app.routes)), desk.app.openapi()
    desk.service.close()
    shutil.rmtree(folder)
    return found


ROUTES = {
    f"{method} {route.path}": route for route in application()[0] for method in sorted(route.methods or ())
}
STREAMS: Final = {"GET /queue/events"}
"""Has no field, and does not end by itself."""


def check(answer: Response, what: str) -> bool:
    """Hold an answer against the rules: never a 5xx, and a refusal in our words; return whether it is one."""
    assert answer.status_code < 500, what
    if answer.status_code < 400:
        return False
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind == ("application/problem+json" if "/v1/" in what else "text/html"), what
    assert "default-src 'none'" in answer.headers["content-security-policy"], what
    if "/v1/" in what:
        assert CANARY not in answer.text, what
    assert "<script>alert" not in answer.text, what
    return True


def path_of(route: APIRoute, target: Target, **given: str) -> str:
    """Return a route's path with its parameters filled in: as they are known, or as given."""
    known = {"hit": str(target.hit.id), "entry": make_entry().id, "device": "camera-2", "name": "ada"}
    known |= {"token": "x", "batch": "0" * 32, "week": "2030-W01"} | given
    parts = {
        name.name: urllib.parse.quote(known.get(name.name, "x"), safe="")
        for name in route.dependant.path_params
    }
    return route.path.format(**parts)


def ask(target: Target, name: str, path: str, **more: Any) -> Response:  # noqa: ANN401 - httpx's own
    """Send a request as the signed-in person, or signed by the device where a device calls."""
    method, pattern = name.split()
    if pattern in DEVICE_BODIES:
        body = more.get("content", b"")
        path += "?" + urllib.parse.urlencode(more["params"]) if more.get("params") else ""
        key_id = "enrolling" if pattern.endswith("enrol") else ""
        return target.box.send(method, path, body, key_id=key_id)
    answer: Response = target.browser.request(method, path, **more)
    if answer.headers.get("location") == "/sign-in":
        target.fresh()
    return answer


DEVICE_BODIES: Final = {"/v1/devices/enrol", "/v1/hits", "/v1/heartbeat", "/v1/hotlist"}
"""What devices call."""


@pytest.mark.parametrize("name", sorted(set(ROUTES) - STREAMS))
def test_no_field_of_any_route_breaks_the_service(
    target: Target, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Path, query and form fields, one at a time, each with every text; and no log line holds what was sent."""
    route = ROUTES[name]
    forms = {field.name: USUAL.get(field.name, "x") for field in route.dependant.body_params}
    places = [("path", field.name) for field in route.dependant.path_params]
    places += [("query", field.name) for field in route.dependant.query_params]
    places += [("form", field) for field in forms if "/v1/" not in route.path]
    before = target.state()
    for place, field in places:
        refused = True
        for text in target.texts:
            more: dict[str, Any] = {}
            if place != "form" and forms and "/v1/" not in route.path:
                more["data"] = forms
            if place == "form":
                more["data"] = {**forms, field: text}
            if "file" in forms and "data" in more:
                content = more["data"].pop("file").encode()
                more["files"] = {"file": (text[:40] or "x", content)}
            if place == "query":
                more["params"] = {field: text}
            path = path_of(route, target, **({field: text} if place == "path" else {}))
            answer = ask(target, name, path, **more)
            refused = check(answer, f"{name} {place} {field} {text[:40]!r}") and refused
        if refused:
            assert target.state() == before, f"{name} {place} {field}"
        else:
            before = target.state()
    assert CANARY not in "".join(capfd.readouterr())


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON body's schema of every route that takes one."""
    described = application()[1]
    found = {}
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            content = route.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                schema = content["application/json"]["schema"]
                name = schema.get("$ref", "").rpartition("/")[2]
                found[f"{method.upper()} {path}"] = (
                    described["components"]["schemas"][name] if name else schema
                )
    return found


def usual(name: str, schema: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return a value of a member that can be taken, so that the member beside it is reached."""
    if schema.get("examples"):
        return schema["examples"][0]
    kinds: dict[str, Any] = {"array": [], "object": {}, "integer": 0, "boolean": False}
    return USUAL.get(name, kinds.get(schema.get("type", ""), "x"))


@pytest.mark.parametrize("name", sorted(schemas()))
def test_no_member_of_any_json_body_breaks_the_service(
    target: Target, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each member, and one that does not exist, with every JSON value; the body as a whole too."""
    schema = schemas()[name]
    members = {field: json.dumps(usual(field, one)) for field, one in schema["properties"].items()}
    bodies = [value.encode() for value in target.jsons]
    for field in (*members, "unknown"):
        for value in target.jsons:
            filled = {**members, field: value}
            bodies.append(
                ("{" + ", ".join(f"{json.dumps(one)}: {text}" for one, text in filled.items()) + "}").encode()
            )
    bodies += [b"", b"\xff\xfe", b"{", b'{"a": 1', b"\x00" * 100]
    before = target.state()
    headers = {"Content-Type": "application/json"}
    for body in bodies:
        answer = ask(target, name, path_of(ROUTES[name], target), content=body, headers=headers)
        if not check(answer, f"{name} {body[:120]!r}"):
            before = target.state()
    assert target.state() == before, name
    assert CANARY not in "".join(capfd.readouterr())


def leaves(body: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401
    """Yield the path of every value inside, objects and lists too."""
    yield path
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in items:
        yield from leaves(value, (*path, name))


MARK: Final = "\u241f mark \u241f"


def with_value(body: Any, path: tuple[str | int, ...], value: str) -> bytes:  # noqa: ANN401
    """Return the JSON with one value replaced by any JSON text, valid or not."""
    changed = json.loads(json.dumps(body))
    if not path:
        return value.encode()
    inside = changed
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = MARK
    return (
        json.dumps(changed, ensure_ascii=False).replace(json.dumps(MARK, ensure_ascii=False), value).encode()
    )


def envelope(box: Box, content: bytes, hit: Hit) -> bytes:
    """Seal and sign any bytes as a hit, as a device with other software could."""
    assert box.department is not None
    sealed = box.department.seal(pad(content), info=f"{FORMAT}\0{box.id}\0{hit.id}".encode())
    unsigned = Envelope(hit.id, box.id, sealed, b"")
    return Envelope(hit.id, box.id, sealed, box.key.sign(unsigned.signed_bytes())).to_bytes()


def test_no_field_of_a_hit_from_a_hostile_device_breaks_the_service(
    target: Target, capfd: pytest.CaptureFixture[str]
) -> None:
    """An enrolled device signs and seals whatever it likes: each is stored whole or refused alone, recorded."""
    body = json.loads(hit_to_bytes(make_hit()))
    body["alternatives"] = [["ZQ57KPY", 0.1]]
    stored = refused = 0
    for path in leaves(body):
        before, batch = target.state(), []
        for value in target.jsons:
            hit = make_hit()
            body["id"] = str(hit.id)
            batch.append(envelope(target.box, with_value(body, path, value), hit))
        acts = target.desk.acts().count("hit.refuse")
        results = []
        for start in range(0, len(batch), 32):
            answer = target.box.deliver(*batch[start : start + 32])
            assert answer.status_code == 200, path
            assert CANARY not in answer.text
            results += [one["status"] for one in answer.json()["results"]]
        assert set(results) <= {"stored", "refused"}, path
        recorded = target.desk.acts().count("hit.refuse") - acts
        assert recorded == results.count("refused"), (
            f"{path}: each is recorded, below the bound on a unit's records"
        )
        if "stored" not in results:
            assert target.state() == before, path
        stored, refused = stored + results.count("stored"), refused + results.count("refused")
    assert target.desk.acts().count("hit.refuse") > 100
    assert stored > 10, "the control: harmless values are taken"
    assert refused > stored
    show_everything(target)
    assert CANARY not in "".join(capfd.readouterr())


def show_everything(target: Target) -> None:
    """Whatever was stored can be shown: the queue, and each hit read blind and compared."""
    browser = target.fresh()
    assert browser.get("/queue").status_code == 200
    with target.desk.service.database.read() as session:
        ids = list(session.scalars(select(HitRow.id)))
    for hit in ids:
        assert browser.post(f"/hits/{hit}/open", data=REASON).status_code == 303
        assert browser.get(f"/hits/{hit}").status_code == 200
        assert browser.get(f"/hits/{hit}/crop.jpg").status_code == 200
        assert browser.post(f"/hits/{hit}/reading", data={**USUAL, "sure": "yes"}).status_code in {200, 303}
        assert browser.get(f"/hits/{hit}").status_code in {200, 410}
    target.hit = make_hit()
    target.box.deliver(target.box.sealed(target.hit))
    browser.post(f"/hits/{target.hit.id}/open", data=USUAL)


def test_no_member_of_an_envelope_breaks_the_service(target: Target) -> None:
    """Each member with every JSON value: refused, and nothing but the record of it is written."""
    good = json.loads(target.box.sealed(make_hit()))
    before = target.state()
    bad = [with_value(good, path, value).decode() for path in leaves(good) for value in JSONS]
    for start in range(0, len(bad), 32):
        body = json.dumps({"envelopes": [one[:250_000] for one in bad[start : start + 32]]}).encode()
        answer = target.box.send("POST", "/v1/hits", body)
        assert answer.status_code == 200, answer.text
        assert {one["status"] for one in answer.json()["results"]} == {"refused"}
    assert target.state() == before


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.integers(0, 10**6), cut=st.integers(0, 3), put=st.binary(max_size=4))
def test_an_envelope_altered_anywhere_is_refused(target: Target, place: int, cut: int, put: bytes) -> None:
    """One bit, one byte, a piece cut out or put in: the signature no longer holds, or the JSON."""
    good = target.box.sealed(make_hit())
    at = place % len(good)
    bad = good[:at] + put + good[at + cut :]
    if bad == good or not bad.isascii() or json_equal(bad, good):
        return
    before = target.state()
    body = json.dumps({"envelopes": [bad.decode()]}).encode()
    assert target.box.send("POST", "/v1/hits", body).json()["results"][0]["status"] == "refused"
    assert target.state() == before


def json_equal(one: bytes, other: bytes) -> bool:
    """Whether two texts are the same JSON, with other blanks or base64's unused bits."""
    try:
        return all(
            left == right or base64.b64decode(left) == base64.b64decode(right)
            for left, right in zip(json.loads(one).values(), json.loads(other).values(), strict=True)
        )
    except (ValueError, AttributeError):
        return False


HEADERS: Final = (
    "Accept", "Authorization", "Content-Digest", "Content-Encoding", "Content-Type", "Cookie", "Host",
    "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Origin", "Range", "Referer", "Sec-Fetch-Site",
    "Signature", "Signature-Input", "X-Forwarded-For", "X-Forwarded-Proto",
)  # fmt: skip
ODD: Final = (
    "http://[", "//[::1", "[", "]", ":", "::1", "localhost:99999999", "multipart/form-data", "W/", '"', ";", "=",
    ",", "multipart/form-data; boundary=", "application/json; charset=utf-99", "bytes=0-", "\xff\xfe",
    "__Host-session=", 'device=("@method");created=99999999999999999999',
)  # fmt: skip
"""What has broken parsers of headers."""
HEADED: Final = (
    "GET /queue", "POST /sign-in", "POST /list/import", "POST /v1/entries", "PUT /v1/entries/{entry}",
    "POST /v1/imports", "GET /v1/entries", "GET /v1/hotlist", "POST /v1/heartbeat", "POST /v1/devices/enrol",
)  # fmt: skip
"""A page, forms with and without a file, JSON, conditional requests, and what devices call."""


@pytest.mark.parametrize("name", HEADED)
def test_no_header_of_any_kind_of_route_breaks_the_service(
    target: Target, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each header alone with every text, as raw bytes, from a signed-in browser and from a unit."""
    method, pattern = name.split()
    before = target.state()
    content = b"" if method == "GET" else b"{}" if "/v1/" in name else b"name=x"
    for header in HEADERS:
        for text in (*(one for one in TEXTS if "\n" not in one), *ODD):
            headers = {} if pattern not in DEVICE_BODIES else target.box.headers(method, pattern, content)
            sent = {name.lower().encode(): value.encode() for name, value in headers.items()}
            sent[header.lower().encode()] = text.encode("utf-8" if text.isascii() else "latin-1", "replace")
            answer = target.browser.request(
                method, path_of(ROUTES[name], target), content=content, headers=list(sent.items())
            )
            assert answer.status_code < 500, (name, header, text)
            assert CANARY not in answer.text or "/v1/" not in name
            if answer.status_code < 400 and method != "GET":
                before = target.state()
    assert target.state() == before
    target.fresh()
    assert CANARY not in "".join(capfd.readouterr())


def test_the_fuzzer_reaches_every_field_that_there_is() -> None:
    """The control: routes, forms, JSON members and a hit's members are found, among them some we know."""
    fields = {
        field.name
        for route in ROUTES.values()
        for field in (*route.dependant.body_params, *route.dependant.query_params)
    }
    assert {"plate", "case_number", "until", "policy_sha256", "before", "year"} <= fields
    assert {"POST /v1/hits", "POST /v1/heartbeat", "POST /v1/devices/enrol"} <= set(schemas())
    paths = set(leaves(json.loads(hit_to_bytes(make_hit()))))
    assert {("captured",), ("matches", 0, "entry", "plate"), ("matches", 0, "doubtful", 0)} <= paths
