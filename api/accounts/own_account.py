"""One's own account: what is open and what happened, a new password, new recovery codes, ending sessions (R13).

Whoever changes something proves again who they are, with the present password and a fresh TOTP code: an open
session alone is not enough. A wrong proof counts as a failed sign-in; the one that locks the name also ends the
session it was given in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import func, not_, or_, select
from sqlalchemy.orm import Session

from api.accounts import credentials, presence, resets
from api.accounts.endings import end, end_sessions
from api.accounts.people import new_recovery_codes
from api.accounts.resets import Offer
from api.accounts.sessions import SignedIn, fail, use_totp
from api.core import audit
from api.core.audit import Act
from api.core.clock import stamp
from api.core.errors import ForbiddenError, InvalidError, SignInError
from api.core.service import Service
from api.db.models import AuditRow, PersonRow, RecoveryRow, SessionRow

LOOK_BACK: Final = timedelta(days=30)
SHOWN: Final = 12
Result = TypeVar("Result")
_OF_ACCOUNTS: Final = ("session.begin", "session.refuse", "session.end-others")


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that it is the person and not only their browser."""

    password: str = field(repr=False)
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that is open: when it began, when it was last used, and whether it is the asker's."""

    began: datetime
    seen: datetime
    present: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """A record of the log about an account."""

    at: datetime
    actor: str
    act: str
    result: str


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """What somebody sees of their account.

    Attributes:
        last_sign_in: before the present session, within `LOOK_BACK`; None where there was none.
        locked: whether failed sign-ins have locked the name.
        sessions: those that are open, the newest first.
        codes_left: unused recovery codes.
        link: an open link to set new credentials.
        happenings: the account's last records, the newest first.
    """

    last_sign_in: datetime | None
    locked: bool
    sessions: list[OpenSession]
    codes_left: int
    link: Offer | None
    happenings: list[Happening]


def overview(service: Service, who: SignedIn) -> OwnAccount:
    """Return what somebody sees of their own account."""
    now = service.now()
    with service.database.read() as session:
        row = session.get_one(PersonRow, who.person.id)
        ended = presence.over(now, service.settings.staffed)
        mine = select(SessionRow).where(SessionRow.person == row.id, not_(ended))
        opened = list(session.scalars(mine.order_by(SessionRow.began.desc())))
        began = next((one.began for one in opened if one.digest == who.digest), now)
        codes = select(func.count()).select_from(RecoveryRow).where(RecoveryRow.person == row.id)
        return OwnAccount(
            last_sign_in=_sign_in_before(session, who.person.actor, began, now),
            locked=row.locked is not None,
            sessions=[OpenSession(one.began, one.seen, one.digest == who.digest) for one in opened],
            codes_left=session.scalar(codes) or 0,
            link=resets.offer(session, row.id, now),
            happenings=happenings(session, row.name, now),
        )


def happenings(session: Session, name: str, now: datetime) -> list[Happening]:
    """Return the last records about an account: sign-ins, refusals, and what was changed and by whom."""
    actor = f"person:{name}"
    query = select(AuditRow).where(
        AuditRow.at >= stamp(now - LOOK_BACK),
        or_(AuditRow.act.in_(_OF_ACCOUNTS), AuditRow.act.startswith("person.")),
        or_(AuditRow.object == actor, (AuditRow.actor == actor) & (AuditRow.object == "")),
    )
    rows = session.scalars(query.order_by(AuditRow.seq.desc()).limit(SHOWN))
    return [Happening(datetime.fromisoformat(row.at), row.actor, row.act, row.result) for row in rows]


def change_password(service: Service, who: SignedIn, proof: Proof, new: str) -> None:
    """Set a new password and end the person's other sessions.

    Raises:
        InvalidError: the new password cannot be used or is the present one, or the proof is wrong.
        ForbiddenError: failed sign-ins have locked the name.
        SignInError: the session is over.
    """
    if new == proof.password:
        raise InvalidError("the new password is the present one")
    hashed = credentials.hash_password(new, who.person.name)

    def change(session: Session, row: PersonRow) -> None:
        row.password = hashed
        end_sessions(session, row.id, but=who.digest)
        audit.append(session, Act(who.person.actor, "person.password", who.person.actor), service.now())

    _proven(service, who, proof, change)


def renew_codes(service: Service, who: SignedIn, proof: Proof) -> list[str]:
    """Make new recovery codes, which are returned once; the old ones work no more.

    Raises:
        InvalidError: the proof is wrong.
        ForbiddenError: failed sign-ins have locked the name.
        SignInError: the session is over.
    """

    def renew(session: Session, row: PersonRow) -> list[str]:
        fresh = new_recovery_codes(session, row.id)
        audit.append(session, Act(who.person.actor, "person.recovery-codes", who.person.actor), service.now())
        return fresh

    return _proven(service, who, proof, renew)


def end_others(service: Service, who: SignedIn) -> None:
    """End every session of the person but this one."""
    with service.database.begin() as session:
        end_sessions(session, who.person.id, but=who.digest)
        audit.append(session, Act(who.person.actor, "session.end-others"), service.now())


def _proven(
    service: Service, who: SignedIn, proof: Proof, act: Callable[[Session, PersonRow], Result]
) -> Result:
    """Do something for somebody who proves who they are, in one transaction; a wrong proof is recorded.

    Raises:
        InvalidError: the proof is wrong.
        ForbiddenError: failed sign-ins have locked the name.
        SignInError: the session is over, or this failure has ended it.
    """
    now = service.now()
    with service.database.read() as reading:
        stored = reading.get_one(PersonRow, who.person.id).password
    known = credentials.check_password(stored, proof.password)
    with service.database.begin() as session:
        row = session.get_one(PersonRow, who.person.id, with_for_update=True)
        if session.get(SessionRow, who.digest) is None:
            raise SignInError("the session has ended")
        if row.locked is not None:
            hint = "An administrator releases it."
            raise ForbiddenError("failed sign-ins have locked the account", hint=hint)
        if known and row.password == stored and use_totp(service, row, proof.code):
            return act(session, row)
        fail(session, row.name, row, "wrong proof", now)
        over = row.locked is not None
        if over:
            end(session, [who.digest])
    if over:
        raise SignInError("failed attempts have locked the account", hint="An administrator releases it.")
    raise InvalidError(
        "the present password or the six digits are not right",
        hint="Each code works once: wait for the next one. Five failures lock the account.",
    )


def _sign_in_before(session: Session, actor: str, began: datetime, now: datetime) -> datetime | None:
    """Return when somebody signed in last before a session began."""
    query = select(AuditRow.at).where(
        AuditRow.actor == actor,
        AuditRow.object == "",
        AuditRow.act == "session.begin",
        AuditRow.at >= stamp(now - LOOK_BACK),
        AuditRow.at < stamp(began),
    )
    found = session.scalar(query.order_by(AuditRow.seq.desc()).limit(1))
    return datetime.fromisoformat(found) if found is not None else None
