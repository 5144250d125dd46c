"""Going on with an older database that was put back: only on the machine, with a reason, recorded and flagged.

What was used up or taken away since the backup is good again in the old database: sessions, one-time links and
codes, recovery codes. All of them end here. What cannot be known, such as units revoked
since, a person must do again.
"""

from typing import Final

from sqlalchemy import delete

from api.core import audit
from api.core.audit import Act
from api.core.errors import ConflictError, InvalidError, StateError
from api.core.high_water import Mark
from api.core.service import Service, open_service
from api.core.settings import Settings
from api.db.models import DeviceCodeRow, InvitationRow, OpeningRow, RecoveryRow, RepeatRow, SessionRow

ACT: Final = "database.accept-restore"
_REASON: Final = 200
_ENDED: Final = (OpeningRow, SessionRow, RecoveryRow, InvitationRow, DeviceCodeRow, RepeatRow)


def accept(settings: Settings, reason: str) -> str:
    """Record that a database was restored, end what it brought back, and begin a new mark; return since when.

    Raises:
        InvalidError: there is no reason.
        ConflictError: the database is the one that the service wrote last.
        StateError: the state folder or the database cannot be used.
    """
    reason = reason.strip()
    if not reason or not reason.isprintable() or len(reason) > _REASON:
        raise InvalidError(f"a reason has 1 to {_REASON} characters")
    service = open_service(settings, restored=True)
    try:
        problem = service.high_water.problem(service.database)
        if not problem:
            raise ConflictError(
                "the database is the one that this service wrote last: there is nothing to accept"
            )
        since = _record(service, reason, problem)
        service.high_water.replace(service.database, service.now(), service.hit_now())
    finally:
        service.close()
    return since


def _record(service: Service, reason: str, problem: str) -> str:
    """Write the record and end what the old database brought back, in one transaction; return since when."""
    mark = _kept(service)
    with service.database.begin() as session:
        detail: dict[str, str | int] = {
            "reason": reason,
            "found": audit.size(session),
            "problem": problem[:_REASON],
        }
        if mark is not None and mark.end is not None:
            detail |= {"expected": mark.end.seq, "root": mark.end.digest, "signed": mark.end.at}
        for table in _ENDED:
            session.execute(delete(table))
        audit.append(session, Act("operator", ACT, result="flagged", detail=detail), service.now())
    return f"up to {mark.end.at}" if mark is not None and mark.end is not None else "since"


def _kept(service: Service) -> Mark | None:
    """Return the mark, or None where it is missing or torn."""
    try:
        return service.high_water.read()
    except StateError:
        return None
