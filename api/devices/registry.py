"""Camera boxes: registered by a person, enrolled by a one-time code, known by key, revocable at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.accounts import codes
from api.core import audit
from api.core.audit import Act
from api.core.errors import AbsentError, ConflictError, DeviceError, InvalidError, RevokedError
from api.core.service import Service
from api.db.models import DeviceCodeRow, DeviceRow, NonceRow
from hitonly_core.errors import KeyFileError
from hitonly_core.keys import SealPublic, VerifyKey
from hitonly_core.policy import REQUEST_TOLERANCE
from protocol.signed_requests import Request, RequestSignatureError, SignedRequest, read_request

CODE_LIFE: Final = timedelta(days=1)
OFFLINE_AFTER: Final = timedelta(minutes=5)
_FORGOTTEN: Final = ("", "forgotten")
"""Stands among the nonces, under no device, and says up to when they were dropped."""

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")
]


class Registration(BaseModel):
    """What the law asks of a device before it may read (R18)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", examples=["camera-1"])]
    registration_id: Annotated[Line, Field(examples=["NH-2030-0017"])]
    make: Annotated[Line, Field(examples=["Example Optics"])]
    model: Annotated[Line, Field(examples=["EO-4"])]
    installed: Annotated[date, Field(examples=["2030-01-02"])]
    location: Annotated[Line, Field(examples=["Mill Road, northbound"])]
    agency: Annotated[Line, Field(examples=["Example Police Department"])]
    policy_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])]
    cameras: Annotated[
        tuple[Line, ...], Field(max_length=64, description="names that the unit gives its cameras")
    ] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """An enrolled device, as the routes know it."""

    id: str
    verify_key: VerifyKey = field(repr=False)
    seal_key: SealPublic = field(repr=False)


def register(service: Service, registration: Registration, actor: str) -> str:
    """Make a one-time enrolment code for a device; it is returned once and kept as a hash.

    Raises:
        ConflictError: a device of that id is enrolled already.
    """
    code, now = codes.new_code(), service.now()
    with service.database.begin() as session:
        if session.get(DeviceRow, registration.device) is not None:
            raise ConflictError(f"the device {registration.device} is enrolled already")
        row = DeviceCodeRow(
            digest=codes.digest(code),
            registration=registration.model_dump(mode="json"),
            created_by=actor,
            expires=now + CODE_LIFE,
        )
        session.add(row)
        audit.append(session, Act(actor, "device.register", f"device:{registration.device}"), now)
    return code


def enrol(service: Service, code: str, verify_key: VerifyKey, seal_key: SealPublic) -> str:
    """Take a device in under the registration that its code was made for; return its id.

    Raises:
        DeviceError: the code is unknown, used or too old.
        ConflictError: a device of that id is enrolled already.
    """
    now = service.now()
    with service.database.begin() as session:
        row = session.get(DeviceCodeRow, codes.digest(code), with_for_update=True)
        if row is None or row.expires <= now:
            raise DeviceError("the enrolment code is unknown, used or too old", hint="Ask for a new code.")
        registration = Registration.model_validate(row.registration)
        session.delete(row)
        device = DeviceRow(
            id=registration.device,
            registration=row.registration,
            verify_key=verify_key.raw,
            seal_key=seal_key.raw,
            enrolled=now,
        )
        session.add(device)
        try:
            session.flush()
        except IntegrityError:
            raise ConflictError(f"the device {registration.device} is enrolled already") from None
        detail = {"key": verify_key.id, "code_by": row.created_by}
        actor = f"device:{registration.device}"
        audit.append(session, Act(actor, "device.enrol", actor, detail=detail), now)
    return registration.device


def revoke(service: Service, device: str, actor: str, reason: str) -> None:
    """Refuse a device from now on; it cannot be taken back, only enrolled anew under another id.

    Raises:
        AbsentError: there is no such device.
        ConflictError: it is revoked already.
        InvalidError: no reason was given.
    """
    if not reason.strip():
        raise InvalidError("a revocation needs a reason")
    now = service.now()
    with service.database.begin() as session:
        row = session.get(DeviceRow, device, with_for_update=True)
        if row is None:
            raise AbsentError("there is no device of that id")
        if row.revoked is not None:
            raise ConflictError("the device is revoked already")
        row.revoked = now
        audit.append(
            session,
            Act(actor, "device.revoke", f"device:{device}", detail={"reason": reason.strip()[:200]}),
            now,
        )


def authenticate(service: Service, request: Request, headers: Mapping[str, str]) -> Device:
    """Find out which device signed a request; a second time the same request is a replay.

    Raises:
        DeviceError: unsigned, unknown, revoked, too old, or seen before.
    """
    try:
        return _accept(service, read_request(request, headers))
    except RequestSignatureError as problem:
        raise DeviceError(str(problem)) from None


def _accept(service: Service, request: SignedRequest) -> Device:
    """Check a signed request's device, time and nonce.

    Raises:
        DeviceError: unknown, too old, or seen before.
        RevokedError: signed by a device that was revoked.
    """
    now = service.now()
    with service.database.begin() as session:
        row = session.get(DeviceRow, request.key_id)
        device = _device(row) if row is not None else None
        if row is None or device is None or not request.holds(device.verify_key):
            raise DeviceError("the request is not signed by an enrolled device's key")
        if row.revoked is not None:
            raise RevokedError("the device is revoked")
        if abs(request.created - now.timestamp()) > REQUEST_TOLERANCE.total_seconds():
            raise DeviceError("the request was signed more than a minute ago or ahead")
        until = datetime.fromtimestamp(request.created, UTC) + REQUEST_TOLERANCE
        forgotten = session.get(NonceRow, _FORGOTTEN)
        if forgotten is not None and until <= forgotten.until:
            raise DeviceError("the request may have been made before: the service's clock was set back")
        session.add(NonceRow(device=row.id, nonce=request.nonce, until=until))
        try:
            session.flush()
        except IntegrityError:
            raise DeviceError("the request has been made before") from None
    return device


def still_enrolled(session: Session, device: str) -> DeviceRow:
    """Return a device's row, locked: a revocation meanwhile waits, and one before it is seen.

    Who signed a request was found out before, in a transaction that is over.

    Raises:
        RevokedError: it was revoked since.
    """
    row = session.get_one(DeviceRow, device, with_for_update=True)
    if row.revoked is not None:
        raise RevokedError("the device is revoked")
    return row


def forget_nonces(session: Session, now: datetime) -> None:
    """Drop nonces that are too old to be replayed, and remember up to when.

    A clock that stood ahead, or is set back, could otherwise make a request young again whose nonce is gone.
    """
    old = (NonceRow.until < now, NonceRow.device != "")
    newest = session.scalar(select(func.max(NonceRow.until)).where(*old))
    if newest is not None:
        refuse_until(session, newest)
        session.execute(delete(NonceRow).where(*old))


def refuse_until(session: Session, moment: datetime) -> None:
    """Take no request any more that could be taken up to a moment only, whatever the clock says then."""
    known = session.get(NonceRow, _FORGOTTEN)
    if known is None or known.until < moment:
        device, nonce = _FORGOTTEN
        session.merge(NonceRow(device=device, nonce=nonce, until=moment))


def device_keys(session: Session) -> dict[str, Device]:
    """Return every device that is not revoked, by id."""
    rows = session.scalars(select(DeviceRow).where(DeviceRow.revoked.is_(None)).order_by(DeviceRow.id))
    return {row.id: _device(row) for row in rows}


def parse_keys(verify_key: str, seal_key: str) -> tuple[VerifyKey, SealPublic]:
    """Read the two public keys that a device sends at enrolment.

    Raises:
        InvalidError: one of them is no such key.
    """
    try:
        return VerifyKey.from_text(verify_key), SealPublic.from_text(seal_key)
    except KeyFileError as problem:
        raise InvalidError(str(problem)) from None


def _device(row: DeviceRow) -> Device:
    return Device(row.id, VerifyKey(row.verify_key), SealPublic(row.seal_key))


def registration(service: Service, device: str) -> dict[str, str]:
    """Return what a device was registered with (R18)."""
    with service.database.read() as session:
        return {name: str(value) for name, value in session.get_one(DeviceRow, device).registration.items()}
