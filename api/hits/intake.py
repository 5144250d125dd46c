"""Taking hits in: each envelope opened, checked and stored by itself, and acknowledged when it is durable.

Delivery is idempotent: an id that was accepted is acknowledged again, also when the hit is long gone; the
same id with other bytes is refused. A refused envelope changes nothing but the audit log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.core import audit, lifecycle
from api.core.audit import Act
from api.core.counts import RECEIVED, REFUSED_LIST, Kind, count
from api.core.errors import ApiError, ConflictError, InvalidError, ListVersionError, TooManyError
from api.core.lifecycle import Status
from api.core.rate_limits import UnitRecords
from api.core.service import Service, month
from api.db.models import DeviceRow, HitRow, SeenRow
from api.devices.registry import Device, still_enrolled
from api.hits.alerting import alert_queue
from api.hits.derived import derive, severity_of
from api.hits.hit_time import Basis, HitTime, time_of
from api.hits.hit_validation import check_contents
from api.hits.hits import kind_of
from api.lists.list_age import check_lists
from protocol.acknowledgement import Acknowledgement, acknowledge, envelope_digest
from protocol.hit import Envelope, EnvelopeError, Hit, hit_to_bytes, open_hit

_RESULT: Final = 80


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one envelope.

    Attributes:
        ack: the signed acknowledgement, or None when it was refused.
        new: whether it was stored now.
        problem: why it was refused.
    """

    ack: Acknowledgement | None
    new: bool = False
    problem: ApiError | None = None


def take(service: Service, device: Device, content: bytes) -> Taken:
    """Take one envelope of an authenticated device in, or refuse it alone.

    Every one is a record that stays, so a device has so many in a minute; what is over is refused, counted, and
    summed up in one record (`api.core.rate_limits.UnitRecords`). The device keeps what was refused and tries again.
    """
    records = UnitRecords(service, service.settings.limits.unit_records_per_minute)
    try:
        records.take(device.id)
        hit = _open(service, device, content)
        digest = envelope_digest(content)
        try:
            received = _store(service, hit, digest)
            service.bell.ring()
        except IntegrityError:
            received = None
        if received is not None:
            return Taken(_signed(service, hit, digest, received), new=True)
        return Taken(_acknowledge_again(service, hit, digest))
    except (ApiError, EnvelopeError) as problem:
        fault = problem if isinstance(problem, ApiError) else InvalidError(str(problem))
        if not isinstance(fault, TooManyError):
            _refuse(service, device, fault)
        return Taken(None, problem=fault)


def _refuse(service: Service, device: Device, fault: ApiError) -> None:
    """Record a refusal; one for the hot list's sake is counted, for the devices' page."""
    now = service.now()
    with service.database.begin() as session:
        if isinstance(fault, ListVersionError):
            count(session, Kind(month(now), device.id, "", "", ""), REFUSED_LIST)
        audit.append(session, Act(f"device:{device.id}", "hit.refuse", result=str(fault)[:_RESULT]), now)


def _open(service: Service, device: Device, content: bytes) -> Hit:
    """Open an envelope and check everything inside.

    Raises:
        EnvelopeError: with the step that failed.
        InvalidError: another device's, or with a field that a hit may not have.
    """
    if Envelope.from_bytes(content).device != device.id:
        raise InvalidError("the envelope is another device's")
    hit = open_hit(content, department=service.secrets.department, device_key=device.verify_key)
    check_contents(hit, service.now())
    return hit


def _store(service: Service, hit: Hit, digest: str) -> datetime | None:
    """Store a hit in one transaction with its audit record; return when it came, None when it was known before.

    The id is claimed first: a second delivery at the same moment waits here, and cannot replace the key.

    Raises:
        IntegrityError: another delivery of the same id was faster.
        ListVersionError: the device cannot rightly have matched it against the list that it names.
        RevokedError: the device was revoked meanwhile.
    """
    now = service.now()
    with service.database.begin() as session:
        if session.get(SeenRow, str(hit.id)) is not None:
            return None
        device = still_enrolled(session, hit.device)
        when = time_of(hit, enrolled=device.enrolled, now=now, heartbeat=device.heartbeat, heard=device.heard)
        certain = when.basis is not Basis.NOT_CERTAIN
        check_lists(session, hit, captured=when.moment if certain else None)
        hit, otherwise = derive(session, hit)
        session.add(SeenRow(id=str(hit.id), device=hit.device, digest=digest, received=now))
        session.flush()
        status = lifecycle.arrive(when.moment, service.hit_now(), service.deadlines)
        row = _row(service, device, hit, status, when)
        row.received = now
        count(session, kind_of(row), RECEIVED)
        if status.final:
            count(session, kind_of(row), status.state)
        else:
            row.sealed = service.vault.seal(row.id, hit_to_bytes(hit), now)
            session.add(row)
            alert_queue.enqueue(session, service, row)
        _record(session, service, hit, status, otherwise)
    return now


def _record(session: Session, service: Service, hit: Hit, status: Status, otherwise: Sequence[str]) -> None:
    """Write the audit record of a hit's arrival, and of what its device said otherwise than the department."""
    detail: dict[str, str | int] = {"camera": hit.camera, "list_version": hit.matches[0].list_version}
    if otherwise:
        detail["otherwise"] = " ".join(otherwise)
    act = Act(f"device:{hit.device}", "hit.receive", f"hit:{hit.id}", result=status.state, detail=detail)
    audit.append(session, act, service.now())


def _row(service: Service, device: DeviceRow, hit: Hit, status: Status, when: HitTime) -> HitRow:
    """Return a hit's row, without its contents; the place is the registration's, not what the device says."""
    best = hit.matches[0]
    return HitRow(
        id=str(hit.id),
        device=hit.device,
        camera=hit.camera,
        captured=when.moment,
        basis=when.basis.name,
        severity=severity_of(hit),
        kind=best.kind.value,
        source=best.entry.source,
        place=device.registration["location"],
        purpose=best.entry.purpose.value,
        alike=service.secrets.blind(f"alike|{best.entry.id}|{hit.device}|{hit.camera}"),
        list_version=best.list_version,
        state=status.state.value,
        deadline=status.deadline,
        compared=False,
        outcomes=[],
    )


def _acknowledge_again(service: Service, hit: Hit, digest: str) -> Acknowledgement:
    """Sign that a hit which was known before is held, from what is stored.

    Raises:
        ConflictError: the id was accepted before with other bytes, or from another device.
    """
    with service.database.read() as session:
        seen = session.get_one(SeenRow, str(hit.id))
    if (seen.device, seen.digest) != (hit.device, digest):
        raise ConflictError("this hit's id was accepted before with other contents")
    return _signed(service, hit, digest, seen.received)


def _signed(service: Service, hit: Hit, digest: str, received: datetime) -> Acknowledgement:
    return acknowledge(hit.id, hit.device, digest, received, service.secrets.service)
