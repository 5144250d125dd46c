"""Whether somebody is still there (R13): what counts as presence, and how long a session has left.

Somebody's own acts count. Watching the live queue counts only where the department says in writing that its
consoles are staffed (`staffed` in the settings), and then only so many hours after the last act. Twelve hours after
the sign-in every session ends, whatever is set.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from api.core import audit
from api.core.audit import Act
from api.core.service import Service
from api.core.settings import Staffed
from api.db.models import AuditRow, SessionRow

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
_SETTING: Final = "setting.staffed"
_OFF: Final = "off"
_NOTED: Final = timedelta(minutes=1)
"""How fine watching is noted: one write a minute for each open session."""


@dataclass(frozen=True, slots=True)
class Left:
    """How long a session has left, in whole seconds.

    Attributes:
        seconds: until it ends by itself.
        stays: whether an act would make it last longer: not at the end of its twelve hours.
    """

    seconds: int
    stays: bool


def ends_at(row: SessionRow, staffed: Staffed | None) -> datetime:
    """Return when a session ends if nothing is done in it and nobody watches."""
    present = row.seen
    if staffed is not None and row.watched is not None:
        present = max(present, min(row.watched, row.seen + staffed.bound))
    return min(present + IDLE, row.began + LONGEST)


def over(now: datetime, staffed: Staffed | None) -> ColumnElement[bool]:
    """Return the same rule as a condition on `SessionRow`, for those that have ended."""
    idle = SessionRow.seen <= now - IDLE
    if staffed is not None:
        unwatched = or_(SessionRow.watched.is_(None), SessionRow.watched <= now - IDLE)
        idle = and_(idle, or_(unwatched, SessionRow.seen <= now - IDLE - staffed.bound))
    return or_(idle, SessionRow.began <= now - LONGEST)


def left(service: Service, digest: str) -> Left:
    """Return how long the session of a token's digest has left."""
    now = service.now()
    with service.database.read() as session:
        row = session.get(SessionRow, digest)
        if row is None:
            return Left(0, stays=False)
        end = ends_at(row, service.settings.staffed)
        return Left(max(0, (end - now) // timedelta(seconds=1)), stays=end < row.began + LONGEST)


def note_watching(service: Service, digest: str) -> None:
    """Note that a session's live queue is open, where the department's consoles are staffed."""
    now = service.now()
    if service.settings.staffed is None:
        return
    with service.database.read() as session:
        row = session.get(SessionRow, digest)
        if row is None or (row.watched is not None and now < row.watched + _NOTED):
            return
    with service.database.begin() as session:
        row = session.get(SessionRow, digest, with_for_update=True)
        if row is not None:
            row.watched = now


def record_setting(service: Service) -> None:
    """Put the written setting into the audit log when it has changed since it was last put there."""
    staffed = service.settings.staffed
    said: dict[str, str | int] = {} if staffed is None else staffed.model_dump()
    act = Act("service", _SETTING, result="on" if staffed else _OFF, detail=said)
    with service.database.begin() as session:
        if _changed(session, act):
            audit.append(session, act, service.now())


def _changed(session: Session, act: Act) -> bool:
    """Whether the log's last word on the setting is another; "off" needs no record before it was ever on."""
    query = select(AuditRow).where(AuditRow.act == _SETTING).order_by(AuditRow.seq.desc()).limit(1)
    last = session.scalar(query)
    if last is None:
        return act.result != _OFF
    return (last.result, last.detail) != (act.result, audit.detail_text(act))
