"""Asking twice and getting one: an act under an idempotency key is done once, and its answer given again.

A caller whose connection broke cannot know whether a proposal, an invitation or a code was made. With the same
key and the same request it gets the first answer again, for a day. Answers can hold a one-time code or link,
so they are kept sealed; of the request, which can name a plate, only a salted and keyed hash is kept, and of the
key, which a program may make of the request, a keyed hash too.
"""

import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.accounts.sessions import SignedIn
from api.core.errors import ConflictError, InvalidError
from api.core.service import Service
from api.db.models import RepeatRow

KEPT: Final = timedelta(days=1)
SALT: Final = 16
Answer = dict[str, Any]


def once(service: Service, who: SignedIn, key: str, asked: bytes, act: Callable[[], Answer]) -> Answer:
    """Do an act, or return the answer that the same person got for the same request and key.

    Args:
        service: the service.
        who: the person who asks.
        key: the idempotency key; empty does the act whenever it is asked for.
        asked: what tells the request from others.
        act: does it and returns its answer as JSON members.

    Raises:
        InvalidError: the key was used for another request.
        ConflictError: the first request is still being worked on, or was cut off by a stop of the service.
    """
    if not key:
        return act()
    key = service.secrets.blind(f"idempotency {who.person.id} {key}")
    try:
        known = _claim(service, who, key, asked)
    except IntegrityError:
        raise ConflictError("the same request is being worked on") from None
    if known is not None:
        return known
    try:
        answer = act()
    except BaseException:
        _settle(service, who, key, None)
        raise
    _settle(service, who, key, answer)
    return answer


def forget(session: Session, now: datetime) -> None:
    """Drop answers that are too old to be asked for again."""
    session.execute(delete(RepeatRow).where(RepeatRow.at <= now - KEPT))


def _claim(service: Service, who: SignedIn, key: str, asked: bytes) -> Answer | None:
    """Take the key for this request, or return what it was answered.

    Raises:
        InvalidError: it was used for another request.
        ConflictError: there is no answer yet.
        IntegrityError: another request is taking it at this moment.
    """
    now = service.now()
    with service.database.begin() as session:
        row = session.get(RepeatRow, (who.person.id, key))
        if row is None or row.at <= now - KEPT:
            salt = secrets.token_bytes(SALT)
            digest = service.secrets.blind_bytes(asked, salt)
            session.merge(
                RepeatRow(person=who.person.id, key=key, salt=salt, asked=digest, answer=None, at=now)
            )
            return None
        if row.asked != service.secrets.blind_bytes(asked, row.salt):
            raise InvalidError("the idempotency key was used for another request")
        if row.answer is None:
            hint = "Look whether it was done before you ask with another key."
            raise ConflictError("the same request is being worked on, or was cut off", hint=hint)
        answer: Answer = json.loads(service.secrets.open(row.answer, _label(who, key)))
        return answer


def _settle(service: Service, who: SignedIn, key: str, answer: Answer | None) -> None:
    """Keep the answer, sealed; without one, the key is free again."""
    with service.database.begin() as session:
        row = session.get_one(RepeatRow, (who.person.id, key))
        if answer is None:
            session.delete(row)
        else:
            row.answer = service.secrets.seal(json.dumps(answer).encode(), _label(who, key))


def _label(who: SignedIn, key: str) -> str:
    return f"repeat:{who.person.id}:{key}"
