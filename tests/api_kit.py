"""What the tests of the service share: real hits, real crops, a clock that is moved by hand."""

import atexit
import io
import json
import re
import secrets
import shutil
import tempfile
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

import pyotp
from fastapi.testclient import TestClient
from httpx import Client, Response
from PIL import Image, ImageDraw
from sqlalchemy import func, select, text

from api.accounts import people
from api.accounts.people import Role
from api.accounts.routes.link_kit import COOKIE as LINK
from api.core.service import open_service
from api.core.settings import Settings
from api.db.models import AuditRow, Base, EntryRow, ListRow, PersonRow, new_version
from api.devices import registry
from api.devices.authority import prepare_authority
from api.devices.registry import Registration
from api.web.app import create_app
from hitonly_core.keys import SealKey, SealPublic, SigningKey, VerifyKey
from hitonly_core.wall_clock import ClockState
from hotlist.entry import Entry, Purpose, Severity, Vehicle, entry_to_json
from hotlist.matching.match import Match, MatchKind
from protocol.hit import Hit, HitClock, seal_hit
from protocol.signed_requests import Request, sign_request

START = datetime(2030, 1, 7, 3, 0, tzinfo=UTC)
PLATE = "ZQ57KPX"


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self.passed = timedelta(0)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def move(self, **amount: float) -> None:
        """Let time pass, or set the clock back, by a `timedelta`'s arguments."""
        self.now += timedelta(**amount)
        self.passed += max(timedelta(**amount), timedelta(0))

    def boot(self) -> int:
        """Return the nanoseconds that have passed: a clock that is set back does not move it."""
        return self.passed // timedelta(microseconds=1) * 1000


def crop_jpeg(text: str = PLATE, size: tuple[int, int] = (200, 64)) -> bytes:
    """Draw a plate and return it as a JPEG."""
    picture = Image.new("RGB", size, (236, 236, 228))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((2, 2, size[0] - 3, size[1] - 3), outline=(20, 20, 20), width=2)
    draw.text((14, 8), text, fill=(10, 10, 10), font_size=42)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def make_entry(plate: str = PLATE, *, severity: Severity = Severity.URGENT, **changes: object) -> Entry:
    """Return an entry that holds now and for a week."""
    members: dict[str, object] = {
        "id": "entry-" + plate.lower(),
        "plate": plate,
        "region": "GB",
        "purpose": Purpose.STOLEN_VEHICLE,
        "case_number": "30-000123",
        "source": "county list",
        "author": "0" * 16,
        "approver": "1" * 16,
        "created": START - timedelta(hours=5),
        "effective": START - timedelta(hours=4),
        "expires": START + timedelta(days=7),
        "verified": START - timedelta(hours=4),
        "severity": severity,
        "vehicle": Vehicle(make="Ford", model="Focus", colour="blue", year=2019),
    }
    return Entry(**{**members, **changes})  # type: ignore[arg-type]


def make_hit(
    device: str = "camera-1",
    *,
    entry: Entry | None = None,
    read: str | None = None,
    hit: UUID | None = None,
    captured: datetime = START,
    region: str = "GB",
) -> Hit:
    """Return a hit of one entry, with a drawn crop."""
    entry = entry or make_entry()
    match = Match(
        entry=entry,
        kind=MatchKind.EXACT,
        probability=0.984,
        doubtful=(2,),
        why="Every character is the likeliest one, and the region agrees.",
        list_version=1,
    )
    return Hit(
        id=hit or uuid4(),
        device=device,
        camera="north gate",
        place="Mill Road, northbound",
        captured=captured,
        clock=HitClock(ClockState.SYNCHRONISED, "", 0),
        plate_read=read or entry.plate,
        alternatives=(),
        region_read=region,
        matches=(match,),
        crop_jpeg=crop_jpeg(entry.plate),
        software="hitonly 0.1.0",
        models=("a" * 64, "b" * 64),
    )


PASSWORD = "a long enough pass phrase"
RETRY = timedelta(seconds=31)


class Box:
    """A camera box as the service sees it: its keys, and requests signed by them."""

    def __init__(self, client: Client, clock: HandClock, device: str = "camera-1") -> None:
        self.client = client
        self.clock = clock
        self.id = device
        self.key = SigningKey.generate()
        self.seal = SealKey.generate()
        self.department: SealPublic | None = None
        self.service: VerifyKey | None = None
        self.answer: dict[str, str] = {}

    def headers(self, method: str, path: str, body: bytes, key_id: str = "") -> dict[str, str]:
        """Sign a request as now; the headers can be sent once."""
        name, _, query = path.partition("?")
        return sign_request(
            Request(method, self.client.base_url.netloc.decode(), name, query, body),
            key=self.key,
            key_id=key_id or self.id,
            created=int(self.clock.now.timestamp()),
            nonce=secrets.token_urlsafe(18),
        )

    def send(self, method: str, path: str, body: bytes = b"", *, key_id: str = "") -> Response:
        """Send a signed request."""
        headers = {"Content-Type": "application/json", **self.headers(method, path, body, key_id)}
        answer: Response = self.client.request(method, path, content=body, headers=headers)
        return answer

    def enrol(self, code: str) -> Response:
        """Enrol, and keep what the department answers."""
        body = {"code": code, "verify_key": self.key.public.to_text(), "seal_key": self.seal.public.to_text()}
        answer = self.send("POST", "/v1/devices/enrol", json.dumps(body).encode(), key_id="enrolling")
        if answer.status_code == 200:
            self.answer = answer.json()
            self.id = self.answer["device"]
            self.department = SealPublic.from_text(answer.json()["department_seal_key"])
            self.service = VerifyKey.from_text(answer.json()["service_verify_key"])
        return answer

    def sealed(self, hit: Hit) -> bytes:
        """Seal and sign a hit for the department."""
        assert self.department is not None
        return seal_hit(hit, department=self.department, device_key=self.key)

    def deliver(self, *envelopes: bytes) -> Response:
        """Deliver sealed hits."""
        body = json.dumps({"envelopes": [envelope.decode() for envelope in envelopes]}).encode()
        return self.send("POST", "/v1/hits", body)


@cache
def _fresh_state() -> Path:
    """Return a state folder with keys and empty tables, made once for all tests of a process."""
    folder = Path(tempfile.mkdtemp(prefix="hitonly-"))
    atexit.register(shutil.rmtree, folder)
    open_service(Settings(state=folder / "state")).close()
    prepare_authority(folder / "state", ["testserver"], START)
    return folder / "state"


class Desk:
    """A department: the service on a hand-moved clock, people who sign in, and camera boxes."""

    def __init__(self, state: Path, **settings: object) -> None:
        self.clock = HandClock()
        shutil.copytree(_fresh_state(), state)
        settings = {"public_url": "https://testserver", **settings}
        self.settings = Settings.model_validate({"state": state, **settings})
        self.app = create_app(self.settings, self.clock, self.clock.boot, background=False)
        self.service = self.app.state.service
        self.totp: dict[str, str] = {}
        self.recovery: dict[str, list[str]] = {}

    def client(self) -> TestClient:
        """Return a browser of its own, which says that its requests come from our own page."""
        headers = {"Sec-Fetch-Site": "same-origin"}
        return TestClient(self.app, base_url="https://testserver", headers=headers, follow_redirects=False)

    def join(self, name: str, *roles: Role) -> None:
        """Invite somebody and set their account up through the page.

        Roles that nobody may hold together (R23) are written past the service, for tests whose matter is another.
        """
        apart = len(roles) > 1 and {Role.AUDITOR, Role.EDITOR} & set(roles)
        token = people.invite(self.service, frozenset({Role.REVIEWER} if apart else roles), "service")
        offered = people.open_invitation(self.service, token)
        secret, client = offered.secret, self.client()
        client.cookies.set(LINK, offered.browser)
        form = {"name": name, "full_name": name.title(), "password": PASSWORD, "code": self.code(secret)}
        answer = client.post(f"/welcome/{token}", data=form)
        assert answer.status_code == 200, answer.text
        if apart:
            with self.service.database.begin() as session:
                session.scalars(select(PersonRow).where(PersonRow.name == name)).one().roles = sorted(roles)
        self.totp[name] = secret
        self.recovery[name] = re.findall(r"<code>([A-Z2-7-]{27})</code>", answer.text)

    def code(self, secret: str) -> str:
        """Return the six digits that an authenticator shows now."""
        return pyotp.TOTP(secret).at(self.clock.now)

    def sign_in(self, name: str, *roles: Role) -> TestClient:
        """Return the browser of somebody signed in, who joins first where they are new."""
        if name not in self.totp:
            self.join(name, *(roles or (Role.REVIEWER,)))
        self.clock.now += RETRY
        client = self.client()
        form = {"name": name, "password": PASSWORD, "code": self.code(self.totp[name])}
        answer = client.post("/sign-in", data=form)
        assert answer.status_code == 303, answer.text
        return client

    def published(self) -> None:
        """Say that version 1 of the hot list was published now, for boxes whose hits name it."""
        with self.service.database.begin() as session:
            row = ListRow(
                version=1,
                published=self.clock.now,
                published_by="person:arno",
                entries=1,
                digest="0" * 64,
                signed=None,
            )
            session.merge(row)

    def box(self, device: str = "camera-1", *, published: bool = True) -> Box:
        """Return an enrolled camera box, which may have a published list."""
        if published:
            self.published()
        code = registry.register(self.service, registration(device), "person:admin")
        box = Box(TestClient(self.app, base_url="https://testserver"), self.clock, device)
        assert box.enrol(code).status_code == 200
        return box

    def approve(self, entry: Entry) -> None:
        """Put an approved entry on the department's list."""
        with self.service.database.begin() as session:
            row = EntryRow(
                id=entry.id,
                key=f"{entry.plate}|{entry.region}|{entry.case_number}",
                body=entry_to_json(entry),
                author="editor",
                approver="approver",
                expires=entry.expires,
                version=new_version(),
            )
            session.merge(row)

    def acts(self) -> list[str]:
        """Return every act of the audit log, in order."""
        with self.service.database.read() as session:
            return list(session.scalars(select(AuditRow.act).order_by(AuditRow.seq)))

    def count(self, table: type[Base]) -> int:
        """Return how many rows a table has."""
        with self.service.database.read() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def dump(self) -> bytes:
        """Return every byte of the database files, as a thief would have them."""
        with self.service.database.begin() as session:
            session.execute(text("SELECT 1"))
        return b"".join(path.read_bytes() for path in self.settings.state.glob("service.sqlite3*"))


def registration(device: str = "camera-1") -> Registration:
    """Return what a device is registered with."""
    return Registration(
        device=device,
        registration_id="NH-2030-0017",
        make="Example Optics",
        model="EO-4",
        installed=date(2030, 1, 2),
        location="Mill Road, northbound",
        agency="Example Police Department",
        policy_sha256="c" * 64,
        cameras=("north gate",),
    )
