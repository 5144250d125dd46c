"""A department with a running service, people at real browsers, hits, and a network path that can freeze."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pyotp
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select, update

from api.accounts import people
from api.accounts.people import Application, Role
from api.core.service import Service, open_service
from api.core.settings import Settings
from api.db.models import AuditRow, DeviceRow, EntryRow, ListRow, SessionRow
from api.devices import registry
from hotlist.entry import Entry, entry_to_json
from tests.api_kit import PASSWORD, Box, HandClock, make_entry, make_hit, registration
from tests.browser_kit import ARGUMENTS, CHROMIUM
from tests.test_api_browser import Person, Server, client, running

DAYS = timedelta(days=7)


def listed(now: datetime) -> Entry:
    """Return the listed entry, as it is now."""
    hour = timedelta(hours=1)
    return make_entry(
        created=now - 3 * hour, effective=now - 2 * hour, verified=now - 2 * hour, expires=now + DAYS
    )


@dataclass
class Department:
    """A running service and a hand on its database: what a test changes there, the service sees at once."""

    server: Server
    service: Service
    folder: Path
    line: httpx.Client
    codes: dict[str, str] = field(default_factory=dict)
    box: Box | None = None

    def person(self, browser: Browser, name: str, *roles: Role, url: str = "") -> Person:
        """Return somebody signed in at a browser of their own; a reviewer where no role is named."""
        someone = Person(browser, self.server, name, self.folder)
        self.sign_in(someone.page, name, *roles, url=url)
        return someone

    def sign_in(self, page: Page, name: str, *roles: Role, url: str = "") -> None:
        """Sign somebody in, who joins first where they are new."""
        page.goto((url or self.server.url) + "/sign-in")
        self.enter(page, name, *roles)

    def enter(self, page: Page, name: str, *roles: Role) -> None:
        """Fill the sign-in form that a page shows, with a code that was not used yet."""
        if name not in self.codes:
            token = people.invite(self.service, frozenset(roles or (Role.REVIEWER,)), "service")
            offered = people.open_invitation(self.service, token)
            application = Application(name, name.title(), PASSWORD, pyotp.TOTP(offered.secret).now())
            fresh = people.accept(self.service, token, application, offered.browser)
            self.codes.update({name: " ".join(fresh)})
        code, _, rest = self.codes[name].partition(" ")
        self.codes[name] = rest
        page.locator("[name=name]").fill(name)
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("[name=code]").fill(code)
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in").click()

    def camera(self) -> Box:
        """Enrol a unit with two cameras that are online, and publish a list for its hits."""
        now = datetime.now(UTC)
        with self.service.database.begin() as session:
            session.merge(
                ListRow(
                    version=1,
                    published=now,
                    published_by="person:arno",
                    entries=1,
                    digest="0" * 64,
                    signed=None,
                )
            )
            entry = listed(now)
            session.merge(
                EntryRow(
                    id=entry.id,
                    key=f"{entry.plate}|{entry.region}|{entry.case_number}",
                    body=entry_to_json(entry),
                    author="editor",
                    approver="approver",
                    expires=entry.expires,
                )
            )
        code = registry.register(self.service, registration(), "person:admin")
        self.box = Box(self.line, HandClock(now))
        assert self.box.enrol(code).status_code == 200
        self.says(north="online", south="online")
        return self.box

    def says(self, **cameras: str) -> None:
        """Put a heartbeat of the unit into the database, as if it had just come."""
        with self.service.database.begin() as session:
            unit = session.get_one(DeviceRow, "camera-1")
            unit.heard = datetime.now(UTC)
            unit.heartbeat = {"software": "1", "list_version": 1, "cameras": cameras, "degraded": []}

    def hit(self, *, region: str = "GB", read: str | None = None) -> UUID:
        """Deliver a hit of the listed plate; return its id."""
        box = self.box or self.camera()
        box.clock.now = now = datetime.now(UTC)
        made = make_hit(entry=listed(now), captured=now, hit=uuid4(), region=region, read=read)
        answer = box.deliver(box.sealed(made))
        assert answer.json()["results"][0]["status"] == "stored", answer.text
        return made.id

    def idle(self, **ago: float) -> None:
        """Make every session's last act lie so long ago, as a `timedelta`'s arguments."""
        with self.service.database.begin() as session:
            session.execute(update(SessionRow).values(seen=datetime.now(UTC) - timedelta(**ago)))

    def records(self, act: str) -> list[AuditRow]:
        """Return the audit records of one act, in order."""
        with self.service.database.read() as session:
            return list(session.scalars(select(AuditRow).where(AuditRow.act == act).order_by(AuditRow.seq)))


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium, and stop it."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


@contextmanager
def department(folder: Path, settings: str = "") -> Iterator[Department]:
    """Run a service on an empty state folder."""
    state, config = folder / "state", folder / "service.toml"
    config.write_text(settings)
    with running(state, "--config", str(config)) as server, client(server.url, state) as line:
        service = open_service(Settings(state=state))
        try:
            yield Department(server, service, folder, line)
        finally:
            service.close()


class FreezingPath:
    """A TCP path to a server that can freeze: it stays open, takes what is sent, and forwards nothing."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (str(parts.hostname), int(parts.port or 0))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        self._frozen = threading.Event()
        self._cut = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Begin to forward."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and close every connection."""
        self._stopped.set()
        self._thread.join(timeout=10)

    def freeze(self) -> None:
        """Forward nothing any more; nobody is told."""
        self._frozen.set()

    def cut(self) -> None:
        """Close every connection, and each new one at once."""
        self._cut.set()

    def mend(self) -> None:
        """Take connections again."""
        self._cut.clear()

    def thaw(self) -> None:
        """Forward again, also what was held back."""
        self._frozen.clear()

    def _run(self) -> None:
        """Forward both ways until stopped."""
        pairs: dict[socket.socket, socket.socket] = {}
        with selectors.DefaultSelector() as ready, contextlib.ExitStack() as open_sockets:
            open_sockets.enter_context(self._listener)
            ready.register(self._listener, selectors.EVENT_READ)
            while not self._stopped.is_set():
                if self._frozen.is_set():
                    self._stopped.wait(0.05)
                    continue
                if self._cut.is_set():
                    for half in tuple(pairs):
                        ready.unregister(half)
                        half.close()
                    pairs.clear()
                for key, _ in ready.select(0.05):
                    one = key.fileobj
                    assert isinstance(one, socket.socket)
                    if one is self._listener:
                        with contextlib.suppress(OSError):
                            if self._cut.is_set():
                                one.accept()[0].close()
                            else:
                                self._join(one, ready, pairs, open_sockets)
                    elif one in pairs:
                        self._pass_on(one, ready, pairs)

    def _join(
        self,
        listener: socket.socket,
        ready: selectors.BaseSelector,
        pairs: dict[socket.socket, socket.socket],
        open_sockets: contextlib.ExitStack,
    ) -> None:
        """Take a connection and make its other half."""
        near = open_sockets.enter_context(listener.accept()[0])
        far = open_sockets.enter_context(socket.create_connection(self._target))
        pairs.update({near: far, far: near})
        for half in (near, far):
            ready.register(half, selectors.EVENT_READ)

    @staticmethod
    def _pass_on(
        one: socket.socket, ready: selectors.BaseSelector, pairs: dict[socket.socket, socket.socket]
    ) -> None:
        """Forward what came, or close both halves."""
        other = pairs[one]
        try:
            if data := one.recv(65536):
                other.sendall(data)
                return
        except OSError:
            pass
        for half in (one, other):
            ready.unregister(half)
            pairs.pop(half)
            half.close()
