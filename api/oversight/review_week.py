"""What an auditor does: search the log, check the chain, sign the week off (R12, R21)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from api.accounts.sessions import SignedIn
from api.core import audit, audit_tree
from api.core.audit import Act
from api.core.errors import AuditError, ChainError, ConflictError, InvalidError, StateError
from api.core.service import Service
from api.db.models import AuditRow, SignOffRow

PAGE: Final = 100
BROKEN: Final = "BROKEN"
"""What the result of a check begins with when the chain does not hold."""
_FLAGGED: Final = (
    "lookup.repeated", "device.chain-broken", "person.lock", "person.reset",
    "device.log-contradicted", "database.accept-restore", "database.restore", "database.backup",
    "hit.lost", "hit.hold", "hit.renew-hold", "hit.release-hold", "person.invite", "person.roles",
)  # fmt: skip
_MARK: Final = "flagged"
"""The result of an act that was flagged as it was done, whatever act it is."""
_WANTED: Final = or_(AuditRow.act.in_(_FLAGGED), AuditRow.result == _MARK)


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show of the log; empty means all."""

    actor: str = ""
    act: str = ""
    object: str = ""
    purpose: str = ""
    before: int = 0


@dataclass(frozen=True, slots=True)
class Week:
    """One week of the log, and who signed it off."""

    name: str
    records: int
    flagged: int
    signed_by: str
    note: str


def read(service: Service, who: SignedIn, wanted: Filter) -> list[AuditRow]:
    """Return a page of the log to somebody, the newest first; reading it is in it."""
    service.record(Act(who.person.actor, "audit.read"))
    return records(service, wanted)


def records(service: Service, wanted: Filter) -> list[AuditRow]:
    """Return a page of the log, the newest first."""
    query = select(AuditRow).order_by(AuditRow.seq.desc()).limit(PAGE)
    for name in ("actor", "act", "object", "purpose"):
        text = getattr(wanted, name)
        if text:
            query = query.where(getattr(AuditRow, name).startswith(text, autoescape=True))
    if wanted.before:
        query = query.where(AuditRow.seq < wanted.before)
    with service.database.read() as session:
        return list(session.scalars(query))


def read_flagged(service: Service, who: SignedIn) -> list[AuditRow]:
    """Return the last flagged records to somebody; reading them is in the log."""
    service.record(Act(who.person.actor, "audit.read"))
    return flagged(service)


def flagged(service: Service, limit: int = 20) -> list[AuditRow]:
    """Return the records that want an auditor's eye, the newest first."""
    query = select(AuditRow).where(_WANTED).order_by(AuditRow.seq.desc()).limit(limit)
    with service.database.read() as session:
        return list(session.scalars(query))


def check(service: Service, who: SignedIn) -> str:
    """Check the whole chain for somebody, which is in the log too; return the result in words."""
    found = check_chain(service)
    service.record(Act(who.person.actor, "audit.check", result=found.partition(":")[0][:80]))
    return found


def check_chain(service: Service) -> str:
    """Check the whole log against its checkpoints and the end kept outside the database; return it in words."""
    try:
        mark = service.high_water.read()
        with service.database.read() as session:
            rows = session.scalars(select(AuditRow).order_by(AuditRow.seq)).yield_per(1000)
            bodies = ({**audit.record(row), "digest": row.digest} for row in rows)
            marks = audit.checkpoints(session)
            held = [mark.end] if mark and mark.end else []
            number, root = audit.verify(bodies, marks, service.secrets.service.public, held=held)
            if number and audit_tree.root(session, number) != root:
                return f"{BROKEN}: the stored tree is not that of the records"
    except (ChainError, StateError, AuditError) as problem:
        return f"{BROKEN}: {problem}"
    return f"{number} records and {len(marks)} checkpoints, unbroken"


def weeks(service: Service, number: int = 6) -> list[Week]:
    """Return the last whole weeks, the newest first."""
    monday = _monday(service.now())
    with service.database.read() as session:
        return [_week(session, monday - timedelta(weeks=back)) for back in range(1, number + 1)]


def sign_off(service: Service, who: SignedIn, week: str, note: str) -> None:
    """Record that an auditor has reviewed a week; once, and only a week that is over.

    Raises:
        InvalidError: it is no week, or is not over yet.
        ConflictError: it is signed off already.
    """
    now = service.now()
    try:
        begins = datetime.strptime(f"{week}-1", "%G-W%V-%u").replace(tzinfo=UTC)
        ends = begins + timedelta(weeks=1)
    except (ValueError, OverflowError):
        raise InvalidError("that is no week") from None
    if ends > now or f"{begins:%G-W%V}" != week:
        raise InvalidError("the week is not over yet, or not written as 2030-W02")
    with service.database.begin() as session:
        if session.get(SignOffRow, week) is not None:
            raise ConflictError("the week is signed off already")
        seq = audit.append(session, Act(who.person.actor, "audit.sign-off", week), now)
        session.add(SignOffRow(week=week, person=who.person.name, at=now, seq=seq, note=note.strip()[:400]))


def _monday(now: datetime) -> datetime:
    """Return the beginning of the present week, UTC."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def _week(session: Session, begins: datetime) -> Week:
    """Return one week."""
    start, end = f"{begins:%Y-%m-%d}", f"{begins + timedelta(weeks=1):%Y-%m-%d}"
    week = (AuditRow.at >= start, AuditRow.at < end)
    name = f"{begins:%G-W%V}"
    signed = session.get(SignOffRow, name)
    return Week(
        name=name,
        records=session.scalar(select(func.count()).select_from(AuditRow).where(*week)) or 0,
        flagged=session.scalar(select(func.count()).select_from(AuditRow).where(*week, _WANTED)) or 0,
        signed_by=signed.person if signed else "",
        note=signed.note if signed else "",
    )
