"""Opening a hit or an entry: a purpose and a case number first, then a record, then the thing (R11)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from api.accounts.sessions import SignedIn
from api.core import audit
from api.core.audit import Act
from api.core.errors import ReasonError
from api.core.service import Service
from api.db.models import OpeningRow, SessionRow

_CASE: Final = 40


class AccessPurpose(StrEnum):
    """Why somebody opens a hit or an entry."""

    REVIEW = "review-alert"
    LIST = "hot-list-upkeep"
    CASE = "case-work"
    OUTCOME = "record-outcome"
    HOLD = "legal-hold"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Opening:
    """Who opened what, and the reason given for it."""

    actor: str
    object: str
    purpose: str
    case_number: str = field(repr=False)

    def act(self, verb: str, result: str = "done") -> Act:
        """Return an act on the opened object, with the reason."""
        return Act(self.actor, verb, self.object, self.purpose, self.case_number, result)


def check_reason(purpose: str, case_number: str) -> str:
    """Return the case number, trimmed, when it and the purpose can stand in the log.

    Raises:
        ReasonError: the purpose is not one of the closed list, or there is no case number.
    """
    case_number = case_number.strip()
    if purpose not in set(AccessPurpose):
        raise ReasonError("choose a purpose")
    if not 1 <= len(case_number) <= _CASE or not case_number.isprintable():
        raise ReasonError(f"a case or dispatch number has 1 to {_CASE} characters")
    return case_number


def open_object(
    service: Service, session: Session, who: SignedIn, target: str, *, reason: tuple[str, str]
) -> None:
    """Record that somebody opens something, in the caller's transaction; the reason is a purpose and a case number.

    Raises:
        ReasonError: the purpose is not one of the closed list, or there is no case number.
    """
    purpose, now = reason[0], service.now()
    case_number = check_reason(*reason)
    session.merge(
        OpeningRow(session=who.digest, object=target, purpose=purpose, case_number=case_number, at=now)
    )
    row = session.get(SessionRow, who.digest)
    if row is not None:
        row.purpose, row.case_number = purpose, case_number
    verb = f"{target.partition(':')[0]}.open"
    audit.append(session, Act(who.person.actor, verb, target, purpose, case_number), now)


def use_for_reviews(service: Service, who: SignedIn, case_number: str) -> None:
    """Open hits that wait for review with this case number from now on, in this session; empty: ask again.

    Each hit is still opened with a record of its own (`open_object`); only the question is not repeated (R11).
    """
    with service.database.begin() as session:
        session.get_one(SessionRow, who.digest).review_case = case_number


def opening(session: Session, who: SignedIn, target: str) -> Opening:
    """Return the reason that this session gave for opening something.

    Raises:
        ReasonError: it gave none yet.
    """
    row = session.get(OpeningRow, (who.digest, target))
    if row is None:
        raise ReasonError("give a purpose and a case number first")
    return Opening(who.person.actor, target, row.purpose, row.case_number)


def check_opened(service: Service, who: SignedIn, target: str) -> None:
    """Refuse what this session gave no reason for.

    Raises:
        ReasonError: it gave none yet.
    """
    with service.database.read() as session:
        opening(session, who, target)
