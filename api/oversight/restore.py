"""Going on with an older database that was put back: only on the machine, with a reason, recorded and flagged.

What was used up or taken away since the backup is good again in the old database: sessions, one-time links and
codes, recovery codes. All of them end here. So does a hit whose key is not here any more. Numbers of hot lists that
may have been published since are set aside, because units refuse a lower one. What cannot be known, such as units
revoked since, a person must do again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.core import audit
from api.core.audit import Act
from api.core.errors import ConflictError, InvalidError, StateError
from api.core.high_water import Mark
from api.core.service import Service, open_service
from api.core.serving import stopped
from api.core.settings import Settings
from api.db.models import (
    AuditRow,
    DeviceCodeRow,
    InvitationRow,
    OpeningRow,
    RecoveryRow,
    RepeatRow,
    SessionRow,
    StaffRequestRow,
)
from api.devices import registry
from api.hits import hits
from api.lists import list_gaps, list_versions
from hitonly_core.policy import REQUEST_TOLERANCE

ACT: Final = "database.accept-restore"
_REASON: Final = 200
_ENDED: Final = (
    OpeningRow,
    SessionRow,
    RecoveryRow,
    InvitationRow,
    DeviceCodeRow,
    RepeatRow,
    StaffRequestRow,
)


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What going on with an older database did.

    Attributes:
        until: the newest moment that the lost database is known to have reached; None where nobody knows.
        since: the last moment that the older database knows of; None where it holds nothing.
        lost_hits: how many hits ended because their keys are not here.
        next_list: the number that the next hot list has.
    """

    until: str | None
    since: str | None
    lost_hits: int
    next_list: int


def accept(settings: Settings, reason: str) -> TakenOver:
    """Record that a database was restored, end what it brought back, and begin a new mark.

    Raises:
        InvalidError: there is no reason.
        ConflictError: the database is the one that the service wrote last.
        StateError: the service runs, or the state folder or the database cannot be used.
    """
    reason = checked_reason(reason)
    with stopped(settings.state):
        service = open_service(settings, restored=True)
        try:
            if not service.high_water.problem(service.database):
                raise ConflictError(
                    "the database is the one that this service wrote last: there is nothing to accept"
                )
            with service.database.begin() as session:
                taken = take_over(session, service, ACT, reason)
            service.high_water.replace(service.database, service.now(), service.hit_now())
        finally:
            service.close()
    return taken


def checked_reason(reason: str) -> str:
    """Return a reason that can stand in the log.

    Raises:
        InvalidError: there is none.
    """
    reason = reason.strip()
    if not reason or not reason.isprintable() or len(reason) > _REASON:
        raise InvalidError(f"a reason has 1 to {_REASON} characters")
    return reason


def take_over(session: Session, service: Service, act: str, reason: str) -> TakenOver:
    """End what an older database brought back, set lost lists' numbers aside and record it, in one transaction."""
    mark, now = _kept(service), service.now()
    since = session.scalar(select(AuditRow.at).order_by(AuditRow.seq.desc()).limit(1))
    detail: dict[str, str | int] = {"reason": reason, "found": audit.size(session)}
    if mark is None:
        detail["problem"] = "the mark beside the keys is missing or torn"
    until = None
    if mark is not None and mark.end is not None and (problem := audit.contradiction(session, mark.end)):
        until = mark.end.at
        detail["problem"] = problem[:_REASON]
        detail |= {"expected": mark.end.seq, "root": mark.end.digest, "signed": mark.end.at}
    for table in _ENDED:
        session.execute(delete(table))
    registry.refuse_until(session, now + REQUEST_TOLERANCE)  # the nonces since are lost
    lost = hits.end_without_keys(session, service)
    if since is not None:
        list_gaps.set_aside(session, since=datetime.fromisoformat(since), now=now)
    number = list_versions.next_version(session)
    detail |= {"hits_lost": lost, "next_list": number}
    audit.append(session, Act("operator", act, result="flagged", detail=detail), now)
    return TakenOver(until, since, lost, number)


def _kept(service: Service) -> Mark | None:
    """Return the mark, or None where it is missing or torn."""
    try:
        return service.high_water.read()
    except StateError:
        return None
