"""What the tests of people's signatures share: people with their own keys, and the steps through the pages."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from fastapi.testclient import TestClient
from httpx import Response

from api.accounts.people import Person as Account
from api.accounts.people import Role
from api.lists import list_keys, list_signing
from hitonly_core.keys import SigningKey
from hotlist.authoring.desk import review
from hotlist.signed_list.bundle import HotList
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.trust import TrustedState, accept
from tests.api_kit import Box, Desk

REASON = {"purpose": "hot-list-upkeep", "case_number": "30-4711"}


@dataclass
class Signer:
    """Somebody with an account, and a key that the service never sees."""

    name: str
    browser: TestClient
    key: SigningKey = field(default_factory=SigningKey.generate)
    seen: bytes | None = None

    def hand_in(self, desk: Desk, version: int) -> Response:
        """Download what waits, look at it at one's own desk, sign it, and hand the signature in."""
        path = f"/signing/{version}"
        assert self.browser.post(f"{path}/open", data=REASON).status_code == 303
        found = review(self.browser.get(f"{path}/list").content, self.key, self.seen, desk.clock.now)
        self.seen = found.signed.to_bytes()
        return self.upload(version, found.detached.to_bytes())

    def upload(self, version: int, content: bytes) -> Response:
        """Hand a signature in."""
        files = {"file": ("mine.sig", content)}
        answer: Response = self.browser.post(f"/signing/{version}/signature", files=files)
        return answer


ADA = Account("ada", "ada", "Ada", frozenset({Role.ADMINISTRATOR}))
CORA = Account("cora", "cora", "Cora", frozenset({Role.APPROVER}))


def signer(desk: Desk, name: str) -> Signer:
    """Return an approver whose key an administrator registered and somebody else confirmed."""
    made = Signer(name, desk.sign_in(name, Role.APPROVER, Role.EDITOR))
    register(desk, made)
    return made


def sign_in_again(desk: Desk, *people: Signer) -> None:
    """Sign people in whose sessions have ended."""
    for each in people:
        each.browser = desk.sign_in(each.name)


def register(desk: Desk, made: Signer) -> None:
    """Register somebody's key, and let a second person confirm it."""
    key = list_keys.register(desk.service, ADA, made.name, made.key.public.to_text())
    list_keys.confirm(desk.service, CORA, key, key)


def waits(desk: Desk) -> int:
    """Return the number of the version that waits."""
    found = list_signing.waiting(desk.service)
    assert found is not None
    return found.version


def published(desk: Desk, *people: Signer) -> int:
    """Make a version and have these people sign it; return its number."""
    assert people[0].browser.post("/list/publish").headers["location"] == "/list"
    version = waits(desk)
    for each in people:
        answer = each.hand_in(desk, version)
        assert answer.status_code == 303, re.sub(r"<[^>]+>", " ", answer.text)
    return version


@dataclass
class Camera:
    """An enrolled box and what it trusts, as its own store would keep it."""

    box: Box
    state: TrustedState

    @classmethod
    def of(cls, desk: Desk, device: str = "camera-1") -> "Camera":
        """Enrol a box; it trusts whom the department told it to."""
        box = desk.box(device, published=False)
        return cls(box, TrustedState("department", KeySet.from_bytes(box.answer["hot_list_keys"].encode())))

    def poll(self, now: datetime) -> HotList:
        """Fetch what the department serves and take it through every step, as the box does."""
        return self.offer(self.box.send("GET", "/v1/hotlist").content, now)

    def offer(self, content: bytes, now: datetime) -> HotList:
        """Take a file from wherever through every step."""
        accepted = accept(content, device_key=self.box.seal, trusted=self.state, now=now)
        self.state = accepted.state
        return accepted.list
