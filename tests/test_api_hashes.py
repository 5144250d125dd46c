"""No unkeyed hash of a plate leaves the service or lies in it: all that it writes is searched for one (R4).

Looked for are hashes of the plate, and of every text around it that somebody who knows the rest can rebuild: the
request, the entry as it was proposed and in force, the published list.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import select

from api.accounts.people import Role
from api.core.audit import Act
from api.db.models import EntryRow, ListRow, ProposalRow
from api.oversight import audit_export
from api.oversight.metrics import ServiceCollector
from hitonly_core.canonical import canonical
from hotlist.signed_list.bundle import SignedList
from hotlist.signed_list.list_format import Limits
from tests.api_kit import PLATE, Desk, make_hit

ENTRY = {
    "plate": PLATE, "region": "GB", "purpose": "stolen-vehicle", "severity": "urgent", "case_number": "30-000123",
    "source": "county list", "expires": "2030-01-20",
}  # fmt: skip
REASON = {"purpose": "hot-list-upkeep", "case_number": "30-4711"}
HASHES = ("sha256", "sha1", "md5", "blake2b", "blake2s", "sha512", "sha3_256")
PART = 8
"""A hash cut down to this many bytes still tells one plate from every other."""


def forms(content: bytes) -> Iterator[bytes]:
    """Yield what an unkeyed hash of a content looks like: raw, hexadecimal and in base64, its first 8 bytes."""
    for name in HASHES:
        for digest in {hashlib.new(name, content).digest(), hashlib.new(name, content[::-1]).digest()}:
            yield digest[:PART]
            yield digest[:PART].hex().encode()
            yield digest[:PART].hex().upper().encode()
            yield base64.b64encode(digest)[: PART * 4 // 3]
            yield base64.urlsafe_b64encode(digest)[: PART * 4 // 3]
    for digest in (hashlib.blake2b(content, digest_size=size).digest() for size in (16, 20, 32)):
        yield from (digest[:PART], digest[:PART].hex().encode(), base64.b64encode(digest)[:10])


def found(texts: set[bytes], where: dict[str, bytes]) -> list[tuple[str, int]]:
    """Return in which outputs a hash of which text stands."""
    numbered = list(enumerate(sorted(texts)))
    return [
        (name, number)
        for (name, content), (number, text) in product(where.items(), numbered)
        if any(form in content for form in forms(text))
    ]


def spellings(plate: str) -> set[bytes]:
    """Return a plate as it may be written before it is hashed."""
    words = {
        plate,
        plate.lower(),
        f"{plate[:4]} {plate[4:]}",
        f"{plate}|GB",
        f"GB:{plate}",
        f"{plate}|GB|30-000123",
    }
    return {word.encode() for word in words} | {json.dumps(word).encode() for word in words}


class Heard:
    """A browser, and every header and address that went over the wire."""

    def __init__(self, browser: TestClient) -> None:
        self.browser, self.heads = browser, bytearray()

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 - a response
        """Send a request; remember the answer's headers."""
        answer = self.browser.request(method, path, json=body, headers=headers)
        assert answer.status_code < 400, answer.text
        self.heads += f"{path}\n{answer.headers}\n".encode()
        return answer


def outputs(desk: Desk, heads: bytes, logs: str) -> dict[str, bytes]:
    """Return everything that the service wrote, by where."""
    registry = CollectorRegistry()
    registry.register(ServiceCollector(desk.service))
    with desk.service.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files = {path.name: path.read_bytes() for path in desk.settings.state.iterdir() if path.is_file()}
    return {
        **files,
        "export": b"".join(audit_export.export(desk.service, "person:ada")),
        "metrics": generate_latest(registry),
        "headers": bytes(heads),
        "logs": logs.encode(),
    }


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department."""
    desk = Desk(tmp_path / "state")
    yield desk
    desk.service.close()


def test_no_unkeyed_hash_of_a_plate_is_written_anywhere(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    """Proposed, approved, published, looked up, hit, read, and cancelled: then everything is searched."""
    box = desk.box(published=False)
    edith, arno = Heard(desk.sign_in("edith", Role.EDITOR)), Heard(desk.sign_in("arno", Role.APPROVER))
    texts = spellings(PLATE) | {canonical(ENTRY), json.dumps(ENTRY).encode()}
    path = edith("POST", "/v1/entries", ENTRY, **{"Idempotency-Key": "one"}).headers["location"]
    with desk.service.database.read() as session:
        texts |= {canonical(row.body) for row in session.scalars(select(ProposalRow))}
    arno("POST", f"{path}/open", REASON)
    arno("POST", f"{path}/approve")
    arno("POST", "/v1/publications")
    with desk.service.database.read() as session:
        texts |= {canonical(row.body) for row in session.scalars(select(EntryRow))}
        whole = session.scalars(select(ListRow)).one().signed
    assert whole
    signed = SignedList.from_bytes(whole, Limits())
    texts |= {whole, signed.packed}
    (line,) = edith("GET", "/v1/entries").json()["items"]
    for _ in range(6):
        edith("POST", "/v1/entries/find", {**REASON, "plate": PLATE})
        edith("POST", f"/v1/entries/{line['id']}/open", REASON)
        edith("GET", f"/v1/entries/{line['id']}")
    assert "lookup.repeated" in desk.acts()
    assert box.send("GET", "/v1/hotlist").headers["etag"]
    dora, hit = Heard(desk.sign_in("dora")), make_hit(captured=desk.clock())
    box.deliver(box.sealed(hit))
    if desk.acts()[-1] == "hit.receive":
        dora("POST", f"/v1/hits/{hit.id}/open", {**REASON, "purpose": "review-alert"})
        dora("POST", f"/v1/hits/{hit.id}/reading", {"plate": PLATE, "region": "GB"})
    edith("POST", f"/v1/entries/{line['id']}/cancel", {"reason": "found"})
    heads = edith.heads + arno.heads + dora.heads
    written = outputs(desk, bytes(heads), "".join(capfd.readouterr()))
    assert all(written[name] for name in ("service.sqlite3", "export", "metrics", "headers", "logs"))
    assert found(texts, written) == []
    digest = signed.digest.hex().encode()
    assert not [
        name for name, content in written.items() if digest[:16] in content or signed.digest[:8] in content
    ]


@pytest.mark.parametrize("name", HASHES)
def test_the_search_finds_a_planted_hash(desk: Desk, name: str) -> None:
    """The control: in hexadecimal in the log and so in the database and the export; raw and in base64 anywhere."""
    digest = hashlib.new(name, PLATE.encode()).digest()
    desk.service.record(Act("service", "test", detail={"sha": digest.hex()[:32]}))
    written = outputs(desk, base64.b64encode(digest), "")
    written["raw"] = b"x" * 7 + digest + b"y"
    places = {place for place, _ in found(spellings(PLATE), written)}
    assert places == {"service.sqlite3", "export", "headers", "raw"}
