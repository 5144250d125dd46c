"""Hits as they lie in the database: their status in columns, their contents in the vault, their end.

Every change goes through `change`, and every change of status through `Change.to`: it writes the status, the
audit record and, at an end, the counts, in one transaction, and destroys the key after it is committed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.core import audit, lifecycle
from api.core.audit import Act
from api.core.counts import Kind, count
from api.core.errors import DestroyedError
from api.core.lifecycle import Hold, Outcome, State, Status
from api.core.service import Service, month
from api.db.models import HitRow
from protocol.hit import Hit, hit_from_bytes

LOST: Final = "hit.lost"
"""An older database was put back, and the hit's key is not there."""


@dataclass(slots=True)
class Change:
    """One hit, locked for one transaction.

    Attributes:
        session: the transaction.
        row: the hit's row.
        now: the time that hits end by.
        wall: the wall clock's, for the log.
        ended: whether the hit is ended by it.
    """

    session: Session
    row: HitRow
    now: datetime
    wall: datetime
    ended: bool = field(default=False)

    @property
    def status(self) -> Status:
        """Where the hit stands."""
        return status_of(self.row)

    def to(self, status: Status, act: Act) -> None:
        """Put the hit into a status that the state machine returned, and record the act."""
        before = self.status
        audit.append(self.session, act, self.wall)
        for outcome in sorted(status.outcomes - before.outcomes):
            count(self.session, kind_of(self.row), f"outcome:{outcome}")
        if before.state is State.PENDING and status.state is State.CONFIRMED:
            count(self.session, kind_of(self.row), State.CONFIRMED)
        if status.final:
            self._end(status)
            return
        self.row.state, self.row.deadline = status.state, status.deadline
        self.row.compared = status.compared
        self.row.outcomes = sorted(status.outcomes)
        self.row.hold, self.row.hold_asked = _hold_to_json(status.hold), _hold_to_json(status.asked)

    def _end(self, status: Status) -> None:
        """Count what became of the hit and remove its row; its key goes after the commit."""
        what = status.state.value + (f":{status.mistake}" if status.mistake else "")
        count(self.session, kind_of(self.row), what)
        self.session.delete(self.row)
        self.ended = True


@contextmanager
def change(service: Service, hit: UUID) -> Iterator[Change]:
    """Lock a hit and give it for one change; at an end its key is destroyed after the commit.

    Raises:
        DestroyedError: the hit is not there any more, or its deadline has just passed.
    """
    expire_if_due(service, hit)
    with service.database.begin() as session:
        row = session.get(HitRow, str(hit), with_for_update=True)
        if row is None:
            raise DestroyedError("there is no such hit, or it has been destroyed")
        changing = Change(session, row, service.hit_now(), service.now())
        yield changing
    if changing.ended:
        service.vault.destroy([str(hit)])


def expire_if_due(service: Service, hit: UUID) -> bool:
    """End a hit whose deadline has passed; return whether it was ended now."""
    now = service.hit_now()
    with service.database.begin() as session:
        row = session.get(HitRow, str(hit), with_for_update=True)
        if row is None:
            return False
        changing = Change(session, row, now, service.now())
        status = lifecycle.tick(changing.status, now)
        if status != changing.status:
            act = Act("service", f"hit.{status.state}", f"hit:{hit}")
            changing.to(status, act)
    if changing.ended:
        service.vault.destroy([str(hit)])
    return changing.ended


def end_without_keys(session: Session, service: Service) -> int:
    """End every hit whose key is not here, in the caller's transaction: nobody can open it. Return how many.

    They count as expired, and each is a record.
    """
    held = service.vault.held()
    lost = [row for row in session.scalars(select(HitRow)) if row.id not in held]
    for row in lost:
        count(session, kind_of(row), State.EXPIRED)
        session.delete(row)
        audit.append(session, Act("operator", LOST, f"hit:{row.id}", result="flagged"), service.now())
    return len(lost)


def contents(service: Service, row: HitRow) -> Hit:
    """Open a hit's contents.

    Raises:
        DestroyedError: its key is gone.
    """
    return hit_from_bytes(service.vault.open(row.id, row.sealed))


def get(session: Session, hit: UUID) -> HitRow:
    """Return a hit's row.

    Raises:
        DestroyedError: it is not there, or not any more.
    """
    row = session.get(HitRow, str(hit))
    if row is None:
        raise DestroyedError("there is no such hit, or it has been destroyed")
    return row


def status_of(row: HitRow) -> Status:
    """Return a row's status."""
    return Status(
        state=State(row.state),
        deadline=row.deadline,
        compared=row.compared,
        outcomes=frozenset(Outcome(name) for name in row.outcomes),
        hold=_hold_from_json(row.hold),
        doubted=row.doubted_by is not None,
        asked=_hold_from_json(row.hold_asked),
    )


def kind_of(row: HitRow) -> Kind:
    """Return what a hit is counted under: the month it was received in."""
    return Kind(month(row.received), row.device, row.camera, row.kind, row.source)


def live(session: Session) -> set[str]:
    """Return the ids of every hit that is still there."""
    return set(session.scalars(select(HitRow.id)))


def _hold_to_json(hold: Hold | None) -> dict[str, str] | None:
    if hold is None:
        return None
    people = {"asked_by": hold.asked_by, "agreed_by": hold.agreed_by, "id": hold.id}
    return {"reason": hold.reason, "authority": hold.authority, "until": hold.until.isoformat(), **people}


def _hold_from_json(body: dict[str, str] | None) -> Hold | None:
    if body is None:
        return None
    until = datetime.fromisoformat(body["until"])
    return Hold(body["reason"], body["authority"], until, body["asked_by"], body["agreed_by"], body["id"])
