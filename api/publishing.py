"""Publishing the hot list: signed by the service, sealed to each device, and renewed before it grows stale.

The entries carry the keys of the two people behind each of them; the service enforces that rule and signs
the list. Devices learn the service's key at enrolment. A list older than 24 hours stops alerting on the edge
(R7), so the newest one is issued anew every six hours, and at once when an entry is cancelled.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api import audit
from api.audit import Act
from api.db.models import DeviceRow, EntryRow, ListRow
from api.devices import Device
from api.errors import AbsentError, ConflictError
from api.service import Service
from hotlist.bundle import SignedList, make, seal
from hotlist.entry import entry_from_json
from hotlist.keyset import KeySet, Person
from hotlist.list_format import Limits

RENEW: Final = timedelta(hours=6)
LIFE: Final = timedelta(hours=48)
"""A list's own end; the edge stops at 24 hours anyway."""


def key_set(service: Service) -> KeySet:
    """Return whose signatures devices must ask for."""
    return KeySet(threshold=1, people=(Person("service", service.secrets.service.public),))


def publish(service: Service, actor: str) -> int:
    """Make the next version of all entries in force, and sign it; return its number.

    Raises:
        ConflictError: another publication was faster.
    """
    now = service.now()
    try:
        with service.database.begin() as session:
            version = _publish(session, service, actor, now)
    except IntegrityError:
        raise ConflictError("another version was published at the same moment") from None
    return version


def _publish(session: Session, service: Service, actor: str, now: datetime) -> int:
    """Store the next version in the caller's transaction."""
    last = session.scalar(select(ListRow.version).order_by(ListRow.version.desc()).limit(1)) or 0
    rows = session.scalars(select(EntryRow).where(EntryRow.expires > now).order_by(EntryRow.id))
    entries = [entry_from_json(row.body) for row in rows]
    unsigned = make(
        entries,
        department=service.settings.department,
        version=last + 1,
        issued=now,
        expires=now + LIFE,
    )
    signed = unsigned.signed_by(service.secrets.service)
    session.execute(update(ListRow).values(signed=None))
    row = ListRow(
        version=last + 1,
        published=now,
        published_by=actor,
        entries=len(entries),
        digest=signed.digest.hex(),
        signed=signed.to_bytes(),
    )
    session.add(row)
    detail: dict[str, str | int] = {"entries": len(entries), "sha256": row.digest}
    audit.append(session, Act(actor, "list.publish", f"list:{last + 1}", detail=detail), now)
    return last + 1


def renew(service: Service) -> bool:
    """Issue the newest list anew when it is six hours old, so that it does not grow stale; whether it did."""
    newest = latest(service)
    if newest is None or newest.published + RENEW > service.now():
        return False
    try:
        publish(service, "service")
    except ConflictError:
        return False
    return True


def latest(service: Service) -> ListRow | None:
    """Return the newest version, or None before the first."""
    with service.database.read() as session:
        return session.scalar(select(ListRow).order_by(ListRow.version.desc()).limit(1))


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


def etag(row: ListRow) -> str:
    """Return the ETag of a version."""
    return f'"{row.version}-{row.digest[:16]}"'


def sealed_for(service: Service, device: Device) -> tuple[str, bytes]:
    """Return the newest list's ETag, and the list sealed to one device.

    Raises:
        AbsentError: nothing was published yet.
    """
    row = latest(service)
    if row is None or row.signed is None:
        raise AbsentError("no hot list has been published yet")
    return etag(row), seal(SignedList.from_bytes(row.signed, Limits()), [device.seal_key])
