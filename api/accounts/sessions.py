"""Signing in and staying signed in: every limit of R13, with the clock handed in.

Five failures in fifteen minutes lock a name until an administrator releases it: it signs in no more. A session
that is open already goes on, or a stranger who knows a name could put a dispatcher out. A session ends after
thirty idle minutes and after twelve hours, and when an administrator disables the person; somebody unseen for
ninety days is disabled. What went wrong at a sign-in is never said: name, password and code fail alike.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.accounts import codes, credentials, presence
from api.accounts.endings import end
from api.accounts.people import Person, person_of
from api.core import audit
from api.core.audit import Act
from api.core.errors import SignInError
from api.core.service import Service
from api.core.settings import Staffed
from api.db.models import FailureRow, OpeningRow, PersonRow, RecoveryRow, SessionRow

FAILURES: Final = 5
FAILURES_WITHIN: Final = timedelta(minutes=15)
UNSEEN: Final = timedelta(days=90)
_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody's open session; `review_case` is the number that its reviews are opened with, once it is given."""

    person: Person
    digest: str = field(repr=False)
    purpose: str
    case_number: str
    review_case: str = ""


def sign_in(service: Service, name: str, password: str, code: str, *, replacing: str = "") -> str:
    """Open a session with a password and a TOTP or recovery code; return the cookie's token.

    The token is always new, and the session of the cookie that the browser had before, if any, ends: nobody
    can plant a session in somebody's browser and have them sign in to it.

    Raises:
        SignInError: something is wrong, or the person is locked or disabled. Recorded.
    """
    now, name = service.now(), _spelled(name)
    with service.database.read() as reading:
        stored = reading.scalar(select(PersonRow.password).where(PersonRow.name == name))
    known = credentials.check_password(stored, password)
    with service.database.begin() as session:
        row = session.scalar(select(PersonRow).where(PersonRow.name == name).with_for_update())
        known = known and row is not None and row.password == stored
        refused = _refusal(service, session, row, code, known=known)
        if row is not None and not refused:
            end(session, [codes.token_digest(replacing)])
            token = _open(session, row, now)
            audit.append(session, Act(f"person:{row.name}", "session.begin"), now)
            return token
        fail(session, name, row, refused, now)
    raise SignInError(
        "The name, password or code is not right, or the account is locked.",
        hint="After five failures in fifteen minutes an administrator must release the account.",
    )


def _spelled(name: str) -> str:
    """Return a name as names are stored; what cannot be a name is nobody's."""
    name = name.strip().lower()[:_NAME]
    return name if name.isascii() and name.isprintable() else ""


def _refusal(service: Service, session: Session, row: PersonRow | None, code: str, *, known: bool) -> str:
    """Return why a sign-in is refused, for the log, or empty; a used code is used up."""
    now = service.now()
    if row is None or not known:
        return "wrong name or password"
    if row.disabled is None and row.last_seen + UNSEEN <= now:
        row.disabled = now
    if row.disabled is not None:
        return "disabled"
    if row.locked is not None:
        return "locked"
    return "" if _second_factor(service, session, row, code) else "wrong code"


def _second_factor(service: Service, session: Session, row: PersonRow, code: str) -> bool:
    """Whether a TOTP code or a recovery code is right and was not used before."""
    if use_totp(service, row, code):
        return True
    recovery = session.get(RecoveryRow, codes.digest(code))
    if recovery is None or recovery.person != row.id:
        return False
    session.delete(recovery)
    return True


def use_totp(service: Service, row: PersonRow, code: str) -> bool:
    """Whether six digits are right and were not used before; they are used up."""
    secret = service.secrets.open(row.secret, f"totp:{row.id}").decode()
    step = credentials.totp_step(secret, code, service.now(), row.totp_step)
    if step is None:
        return False
    row.totp_step = step
    return True


def _open(session: Session, row: PersonRow, now: datetime) -> str:
    """Store a new session and forget the name's failures."""
    token = codes.new_token()
    row.last_seen = now
    session.add(SessionRow(digest=codes.token_digest(token), person=row.id, began=now, seen=now))
    session.execute(delete(FailureRow).where(FailureRow.name == row.name))
    return token


def fail(session: Session, name: str, row: PersonRow | None, why: str, now: datetime) -> None:
    """Count a failure, lock the name at the fifth, and record it."""
    session.add(FailureRow(name=name, at=now))
    session.flush()
    recent = session.scalar(
        select(func.count()).where(FailureRow.name == name, FailureRow.at > now - FAILURES_WITHIN)
    )
    if row is not None and row.locked is None and (recent or 0) >= FAILURES:
        row.locked = now
        audit.append(session, Act("service", "person.lock", f"person:{row.name}"), now)
    target = f"person:{row.name}" if row is not None else ""
    audit.append(session, Act("nobody", "session.refuse", target, result=why), now)


def resume(service: Service, token: str, *, quiet: bool = False) -> SignedIn:
    """Return whose session a cookie's token is; counts as activity unless `quiet`.

    Raises:
        SignInError: there is none, or it has ended.
    """
    now, digest = service.now(), codes.token_digest(token)
    with service.database.begin() if not quiet else service.database.read() as session:
        row = session.get(SessionRow, digest)
        if row is None or presence.ends_at(row, service.settings.staffed) <= now:
            raise SignInError("the session has ended")
        person = session.get_one(PersonRow, row.person)
        if person.disabled is not None:
            raise SignInError("the account is disabled")
        if not quiet:
            row.seen = person.last_seen = now
        return SignedIn(person_of(person), digest, row.purpose, row.case_number, row.review_case)


def sign_out(service: Service, who: SignedIn) -> None:
    """End a session."""
    now = service.now()
    with service.database.begin() as session:
        end(session, [who.digest])
        audit.append(session, Act(who.person.actor, "session.end"), now)


def forget_ended(session: Session, now: datetime, staffed: Staffed | None) -> None:
    """Drop sessions that have ended, and failures that no longer count."""
    ended = select(SessionRow.digest).where(presence.over(now, staffed))
    session.execute(delete(OpeningRow).where(OpeningRow.session.in_(ended)))
    session.execute(delete(SessionRow).where(SessionRow.digest.in_(ended.scalar_subquery())))
    session.execute(delete(FailureRow).where(FailureRow.at <= now - FAILURES_WITHIN))
