"""Publishing the hot list: sealed to each device, and kept from growing stale.

A department chooses who signs (`list_signing`). Where its service does, entries carry the keys of the two
people behind each of them, and the service enforces that rule and signs; a list older than 24 hours stops
alerting on the edge (R7), so the newest one is issued anew every six hours, and at once when an entry is
cancelled. Where people sign, publishing makes a version that waits for them (api/lists/list_signing.py), and the
service states every six hours, and at each cancellation, that their version is current
(api/lists/list_statements.py).
"""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.core.errors import AbsentError, ConflictError
from api.core.service import Service
from api.db.models import CancelledRow, DeviceRow, ListRow
from api.devices.registry import Device
from api.lists import list_gaps, list_keys, list_signing, list_statements, list_versions
from hitonly_core.policy import LIST_VALID
from hotlist.signed_list.bundle import SignedList, make, seal
from hotlist.signed_list.list_format import Limits

RENEW: Final = list_statements.RENEW


def publish(service: Service, actor: str) -> int:
    """Make the next version of all entries in force: signed, or waiting for people; return its number.

    Raises:
        ConflictError: another publication was faster, or people are to sign and too few keys are confirmed.
    """
    if by_people(service):
        return list_signing.prepare(service, actor)
    return _sign_and_publish(service, actor)


def by_people(service: Service) -> bool:
    """Whether the next version waits for people's signatures."""
    with service.database.read() as session:
        return list_keys.people_decide(session, service)


def after_cancel(service: Service, actor: str) -> None:
    """Let a cancellation reach the devices at once (R7), whoever signs the list.

    Raises:
        ConflictError: another publication was faster.
    """
    with service.database.read() as session:
        theirs, published = list_keys.people_in_force(session, service), list_versions.newest(session)
    if published is None:
        return
    if theirs:
        _restate(service)
    else:
        _sign_and_publish(service, actor)


def renew(service: Service) -> bool:
    """Keep the newest list from growing stale, where six hours have passed; whether it did something.

    After an older database was put back it is issued at once: units may hold a later number, and refuse this one.

    While devices still trust the service and a first version waits for people, nothing is issued: it would be
    newer than theirs.
    """
    with service.database.read() as session:
        theirs, newest = list_keys.people_in_force(session, service), list_versions.newest(session)
        lost = newest is not None and list_gaps.after(session, newest.version)
    if newest is None:
        return False
    if theirs:
        return _restate(service)
    due = lost or newest.published + RENEW <= service.now()
    if not due or list_signing.waiting(service) is not None:
        return False
    try:
        _sign_and_publish(service, "service")
    except ConflictError:
        return False
    return True


def _restate(service: Service) -> bool:
    """State anew that the published version is current, where that is due; another worker may be faster."""
    try:
        with service.database.begin() as session:
            row = list_versions.newest(session)
            return row is not None and list_statements.restate(session, service, row, service.now())
    except IntegrityError:
        return False


def _sign_and_publish(service: Service, actor: str) -> int:
    """Make the next version and sign it with the service's key; return its number.

    Raises:
        ConflictError: another publication was faster.
    """
    now = service.now()
    try:
        with service.database.begin() as session:
            return _signed_by_service(session, service, actor, now)
    except IntegrityError:
        raise ConflictError("another version was published at the same moment") from None


def _signed_by_service(session: Session, service: Service, actor: str, now: datetime) -> int:
    """Store the next version in the caller's transaction."""
    list_signing.supersede(session)
    version, entries = list_versions.next_version(session), list_versions.entries(session, now)
    unsigned = make(
        entries,
        department=service.settings.department,
        version=version,
        issued=now,
        expires=now + LIST_VALID,
    )
    signed = unsigned.signed_by(service.secrets.service)
    list_versions.store(session, signed, version=version, count=len(entries), actor=actor, now=now)
    session.execute(delete(CancelledRow))
    return version


def latest(service: Service) -> ListRow | None:
    """Return the newest version, or None before the first."""
    with service.database.read() as session:
        return list_versions.newest(session)


def history(service: Service, limit: int = 20, before: int = 0) -> list[ListRow]:
    """Return versions, the newest first; with `before`, those before that number."""
    query = select(ListRow).order_by(ListRow.version.desc()).limit(limit)
    with service.database.read() as session:
        return list(session.scalars(query.where(ListRow.version < before) if before else query))


def held(service: Service) -> list[tuple[str, int]]:
    """Return which version each device last said that it holds; 0 for none."""
    with service.database.read() as session:
        rows = session.scalars(select(DeviceRow).where(DeviceRow.revoked.is_(None)).order_by(DeviceRow.id))
        return [(row.id, (row.heartbeat or {}).get("list_version", 0)) for row in rows]


def current_etag(service: Service) -> str | None:
    """Return the ETag of what devices fetch now: the version, and the word that it is current; None before any."""
    with service.database.read() as session:
        row = list_versions.newest(session)
        return _etag(session, service, row) if row else None


def _etag(session: Session, service: Service, row: ListRow) -> str:
    stated = list_statements.of_version(session, row.version)
    since = f"-{stated.issued.timestamp():.0f}" if stated else ""
    tag = service.secrets.blind(f"list {row.digest}")[:16]
    return f'"{row.version}-{tag}{since}"'


def sealed_for(service: Service, device: Device) -> tuple[str, bytes]:
    """Return the newest list's ETag, and the list sealed to one device.

    Raises:
        AbsentError: nothing was published yet.
    """
    with service.database.read() as session:
        row = list_versions.newest(session)
        if row is None or row.signed is None:
            raise AbsentError("no hot list has been published yet")
        signed, tag = SignedList.from_bytes(row.signed, Limits()), _etag(session, service, row)
        stated = list_statements.of_version(session, row.version)
        if stated is not None:
            signed = signed.stated_by(list_statements.read(stated))
    return tag, seal(signed, [device.seal_key])
