"""Publishing the hot list: sealed to each device, kept from growing stale, and in step with what is in force.

A department chooses who signs (`list_signing`). Where its service does, entries carry the keys of the two
people behind each of them, and the service enforces that rule and signs; a list older than 24 hours stops
alerting on the edge (R7), so the newest one is issued anew every six hours, and at once when an entry is
cancelled or approved. Where people sign, publishing makes a version that waits for them
(api/lists/list_signing.py), and the service states every six hours, and at each cancellation, that their version
is current (api/lists/list_statements.py).

An act on the list and its publication are two transactions, because an act must not fail with a publication.
They are held together by three things: publications take turns, and each reads what is in force after its turn
has come; whoever acted is told whether devices fetch it already; and every 20 seconds each worker compares what
was published with what is in force, and publishes again where they differ (api/lists/publisher.py).
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.core.errors import AbsentError, AuditError
from api.core.service import Service
from api.db.locks import Turn, take_turn
from api.db.models import CancelledRow, DeviceRow, ListRow
from api.devices.registry import Device
from api.lists import list_keys, list_signing, list_statements, list_versions
from hitonly_core.policy import LIST_VALID
from hotlist.signed_list.bundle import SignedList, make, seal
from hotlist.signed_list.list_format import Limits

RENEW: Final = list_statements.RENEW
_PAUSES: Final = (0.1, 0.4, 0.0)
"""Seconds after each attempt at a publication that the database broke off; the last is the last."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """What devices fetch now, compared with what is in force.

    Attributes:
        version: the published version; None while no list has ever been published, or it cannot be asked now.
        rid: whether it names no entry that was cancelled.
        whole: whether it holds every entry in force as well.
    """

    version: int | None
    rid: bool
    whole: bool


def publish(service: Service, actor: str) -> int:
    """Make the next version of all entries in force: signed, or waiting for people; return its number.

    Raises:
        ConflictError: people are to sign and too few keys are confirmed.
    """
    if by_people(service):
        return list_signing.prepare(service, actor)
    with service.database.begin() as session:
        take_turn(session, Turn.LIST)
        return _sign(session, service, actor, service.now())


def by_people(service: Service) -> bool:
    """Whether the next version waits for people's signatures."""
    with service.database.read() as session:
        return list_keys.people_decide(session, service)


def after_act(service: Service, actor: str) -> Standing:
    """Let an act on the list, which is done already, reach the devices (R7), and say whether it does.

    Nothing that goes wrong here undoes the act or makes its answer an error: what is not published now is
    published by the next comparison. What others do at the same moment does not count against it.
    """
    for pause in _PAUSES:
        try:
            return _reconcile(service, actor)[0]
        except (SQLAlchemyError, AuditError) as problem:
            _LOG.warning("a publication was broken off: %s", type(problem).__name__)
            time.sleep(pause)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the act before it was done
            _LOG.error("the hot list could not be published: %s", type(problem).__name__)
            break
    try:
        return standing(service)
    except SQLAlchemyError:
        return Standing(None, rid=False, whole=False)


def renew(service: Service) -> bool:
    """Publish again where the list is not what is in force, or is six hours old; whether it did something.

    While devices still trust the service and a first version waits for people, only a cancelled entry is a reason:
    what the service issues would be newer than theirs.
    """
    with service.database.read() as session:
        row = list_versions.newest(session)
        if row is None or not _due(session, service, row):
            return False
    return _reconcile(service, "service")[1]


def standing(service: Service) -> Standing:
    """Compare what devices fetch now with what is in force."""
    with service.database.read() as session:
        return _standing(session, service)


def _reconcile(service: Service, actor: str) -> tuple[Standing, bool]:
    """Publish what is due, when it is our turn: another's publication may have done it meanwhile.

    Returns:
        How every act that was done before our turn stands now; and whether something was published.
    """
    with service.database.begin() as session:
        take_turn(session, Turn.LIST)
        row = list_versions.newest(session)
        if row is None:
            return Standing(None, rid=True, whole=False), False
        theirs, now = list_keys.people_in_force(session, service), service.now()
        if not _due(session, service, row):
            whole = not theirs and not list_signing.waits(session, now)
            return Standing(
                row.version, rid=not theirs or list_statements.states(session, row), whole=whole
            ), False
        if theirs:
            stated = list_statements.restate(session, service, row, now)
            return Standing(row.version, rid=stated, whole=False), stated
        return Standing(_sign(session, service, actor, now), rid=True, whole=True), True


def _due(session: Session, service: Service, row: ListRow) -> bool:
    """Whether what devices fetch must be made anew now."""
    now = service.now()
    if list_keys.people_in_force(session, service):
        return list_statements.due(session, row, now)
    if row.published + RENEW > now and row.holds == list_versions.holds(session, now):
        return False
    return not list_signing.waits(session, now) or list_versions.names_cancelled(session, row, now)


def _standing(session: Session, service: Service) -> Standing:
    row, now = list_versions.newest(session), service.now()
    if row is None:
        return Standing(None, rid=True, whole=False)
    if list_keys.people_in_force(session, service):
        return Standing(row.version, rid=list_statements.tells_all(session, row), whole=False)
    whole = row.holds == list_versions.holds(session, now)
    rid = whole or not list_versions.names_cancelled(session, row, now)
    return Standing(row.version, rid=rid, whole=whole)


def _sign(session: Session, service: Service, actor: str, now: datetime) -> int:
    """Make the next version and sign it with the service's key, in its turn; return its number."""
    list_signing.supersede(session)
    version, (entries, holding) = list_versions.next_version(session), list_versions.entries(session, now)
    unsigned = make(
        entries,
        department=service.settings.department,
        version=version,
        issued=now,
        expires=now + LIST_VALID,
    )
    signed = unsigned.signed_by(service.secrets.service)
    list_versions.store(
        session, signed, version=version, count=len(entries), actor=actor, now=now, holding=holding
    )
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
