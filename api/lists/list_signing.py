"""A version that waits for people's signatures, and what becomes of it.

    waiting --enough people signed--> published
    waiting --withdrawn, or a newer one was made, or a key was revoked--> gone

It is published only when both the key set that devices trust and the one that it brings are satisfied, in one
transaction with the service's word that it is current. The service signs it too: that counts only on devices
that still trust the service, from before people signed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.accounts import looks
from api.accounts.people import Person as Account
from api.accounts.sessions import SignedIn
from api.core import audit
from api.core.audit import Act
from api.core.errors import AbsentError, ConflictError, ForbiddenError, InvalidError
from api.core.service import Service
from api.db.locks import Turn, take_turn
from api.db.models import CancelledRow, CandidateRow, StatementRow
from api.lists import list_keys, list_statements, list_versions
from hotlist.authoring.desk import DESK
from hotlist.errors import ListError, ThresholdError, UnknownKeyError
from hotlist.signed_list.bundle import SignedList, make
from hotlist.signed_list.detached import Detached
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.list_format import signed_message
from hotlist.signed_list.trust import Accepted, TrustedState, accept_signed

LIVES: Final = timedelta(hours=24)
"""How long a version waits: what is older cannot be signed (`hotlist.authoring.desk`)."""


class State(StrEnum):
    """What became of a version."""

    WAITING = "waiting"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The version that waits, as the pages show it.

    Attributes:
        version: its number.
        made: when, and by whom.
        made_by: the actor.
        entries: how many.
        digest: SHA-256 of its body.
        until: when it can no longer be signed.
        ends: when it stops to be valid, once it is published.
        signers: which people signed; the service's own signature is not among them.
        needed: how many different people each key set that counts asks for, and how many of its people signed.
        brings: the key set that it brings.
        changes_keys: whether that is another than the one in force.
    """

    version: int
    made: datetime
    made_by: str
    entries: int
    digest: str
    until: datetime
    ends: datetime
    signers: tuple[str, ...]
    needed: tuple[tuple[int, int], ...]
    brings: KeySet
    changes_keys: bool


def prepare(service: Service, actor: str) -> int:
    """Make the next version of all entries in force, for people to sign; one that waits is superseded.

    Raises:
        ConflictError: too few keys are confirmed, or another version was made at the same moment.
    """
    now = service.now().replace(microsecond=0)
    try:
        with service.database.begin() as session:
            take_turn(session, Turn.LIST)
            keys = list_keys.wanted(session, service)
            supersede(session)
            version, (found, _) = list_versions.next_version(session), list_versions.entries(session, now)
            ends = now + timedelta(days=service.settings.list_days)
            unsigned = make(
                found,
                department=service.settings.department,
                version=version,
                issued=now,
                expires=ends,
                next_keys=keys,
            )
            row = CandidateRow(
                version=version,
                made=now,
                made_by=actor,
                entries=len(found),
                digest=unsigned.digest.hex(),
                keys=keys.to_bytes().decode(),
                ends=ends,
                state=State.WAITING,
                signed=unsigned.signed_by(service.secrets.service).to_bytes(),
            )
            session.add(row)
            detail: dict[str, str | int] = {"entries": len(found), "keys": keys.fingerprint}
            audit.append(session, Act(actor, "list.prepare", f"list:{version}", detail=detail), now)
    except IntegrityError:
        raise ConflictError("another version was made at the same moment") from None
    return version


def waiting(service: Service) -> Waiting | None:
    """Return the version that waits, if one does and can still be signed."""
    with service.database.read() as session:
        row = _row(session)
        if row is None or row.signed is None or row.made + LIVES <= service.now():
            return None
        signed, brings = SignedList.from_bytes(row.signed, DESK), _keys(row)
        now_trusted = list_keys.in_force(session, service)
        own = {person.name for person in list_keys.service_set(service).people}
        return Waiting(
            version=row.version,
            made=row.made,
            made_by=row.made_by,
            entries=row.entries,
            digest=row.digest,
            until=row.made + LIVES,
            ends=row.ends,
            signers=tuple(sorted((_names(signed, brings) | _names(signed, now_trusted)) - own)),
            needed=tuple(_count(signed, keys) for keys in dict.fromkeys((now_trusted, brings))),
            brings=brings,
            changes_keys=brings != now_trusted,
        )


def waits(session: Session, now: datetime) -> bool:
    """Whether a version waits that can still be signed."""
    row = _row(session)
    return row is not None and row.signed is not None and row.made + LIVES > now


def content(service: Service, who: SignedIn, version: int) -> bytes:
    """Return the waiting list's file to somebody whose signature would count; each time is recorded (R21).

    Raises:
        AbsentError: this version does not wait.
        ForbiddenError: the person has no key in its key sets.
    """
    with service.database.begin() as session:
        row, file = _waiting_row(session, service, version)
        people = {person.name for keys in _both(session, service, row) for person in keys.people}
        if who.person.name not in people:
            raise ForbiddenError("only the people who sign the list can download it")
        target = f"list:{version}"
        audit.append(session, Act(who.person.actor, "list.download", target), service.now())
        looks.note(service, session, who, target, often=looks.READINGS, target=target)
        looks.note(service, session, who, "any list", often=looks.DOWNLOADS, target=target)
    return file


def add_signature(service: Service, who: Account, version: int, file: bytes) -> bool:
    """Add a signature that somebody made on their own computer; publish when it was the last one needed.

    Returns:
        Whether the version is published now.

    Raises:
        AbsentError: this version does not wait.
        InvalidError: it is no signature, is over another list, or does not fit its key.
        ForbiddenError: the key counts in no key set here, was revoked, or its owner may not sign any more.
        ConflictError: the version brings such a key.
    """
    try:
        detached = Detached.from_bytes(file)
    except ListError as problem:
        raise InvalidError(str(problem), hint=problem.hint) from None
    now, key = service.now(), detached.signature.key
    with service.database.begin() as session:
        take_turn(session, Turn.LIST)
        row, content = _waiting_row(session, service, version)
        signed = SignedList.from_bytes(content, DESK)
        if detached.digest != signed.digest:
            hint = f"Download version {version} again, look at it, and sign that one."
            raise InvalidError(f"the signature is over another list (version {detached.version})", hint=hint)
        person = next((found for keys in _both(session, service, row) if (found := keys.find(key))), None)
        if person is None or key == service.secrets.service.public.id or list_keys.lapsed(session, key):
            why = "it is not registered, was revoked, or its owner may not sign any more"
            raise ForbiddenError(f"the key {key} does not count here: {why}")
        if any(list_keys.lapsed(session, one.key.id) for one in _keys(row).people):
            hint = "Make a new version, which leaves that key out."
            raise ConflictError("the version brings a key whose owner may not sign any more", hint=hint)
        if not person.key.verifies(detached.signature.value, signed_message(signed.digest)):
            raise InvalidError(f"the signature does not fit the key {key}")
        signed = signed.with_signature(detached.signature)
        row.signed = signed.to_bytes()
        detail = {"key": key, "name": person.name}
        audit.append(session, Act(who.actor, "list.sign", f"list:{version}", detail=detail), now)
        return _publish_if_complete(session, service, row, signed, who.actor)


def withdraw(service: Service, who: Account, version: int) -> None:
    """Drop the version that waits; its number is not given again.

    Raises:
        AbsentError: it does not wait.
    """
    with service.database.begin() as session:
        row, _ = _waiting_row(session, service, version)
        row.state, row.signed, row.digest = State.WITHDRAWN, None, ""
        audit.append(session, Act(who.actor, "list.withdraw", f"list:{version}"), service.now())


def revoke(service: Service, who: Account, key: str, reason: str) -> None:
    """Revoke a person's key; a version that waits still names it, and is dropped.

    Raises:
        AbsentError: there is no such key, or it was revoked.
        InvalidError: no reason was given.
    """
    with service.database.begin() as session:
        list_keys.revoke(session, service, who, key, reason)
        supersede(session)


def supersede(session: Session) -> None:
    """Drop the version that waits, in the caller's transaction."""
    session.execute(
        update(CandidateRow)
        .where(CandidateRow.state == State.WAITING)
        .values(state=State.SUPERSEDED, signed=None, digest="")
    )


def _publish_if_complete(
    session: Session, service: Service, row: CandidateRow, signed: SignedList, actor: str
) -> bool:
    """Publish a version that enough people signed, with its key set and the first word that it is current."""
    now, brings = service.now(), _keys(row)
    try:
        accepted = [_accept(signed, keys, service, now) for keys in _both(session, service, row)]
    except (ThresholdError, UnknownKeyError):
        return False
    except ListError as problem:
        raise ConflictError(f"the version cannot be published: {problem}") from None
    if brings != list_keys.in_force(session, service):
        list_keys.take(session, brings, now)
    published = list_versions.store(
        session, signed, version=row.version, count=row.entries, actor=actor, now=now
    )
    row.state, row.signed, row.digest = State.PUBLISHED, None, ""
    _forget_cancelled(session, accepted[0])
    if brings.timestamp is not None:
        list_statements.state(session, service, published, row.ends, now)
    else:
        session.execute(delete(StatementRow))
    return True


def _accept(signed: SignedList, keys: KeySet, service: Service, now: datetime) -> Accepted:
    """Take the list through the steps that a device with this key set would take it through.

    Raises:
        ListError: it would refuse.
    """
    trusted = TrustedState(service.settings.department, keys)
    return accept_signed(signed.to_bytes(), trusted=trusted, now=now, limits=DESK, in_use=False)


def _forget_cancelled(session: Session, accepted: Accepted) -> None:
    """Keep of the cancelled entries those that the new version still holds."""
    held = {entry.id for entry in accepted.list.entries}
    for gone in session.scalars(select(CancelledRow)):
        if gone.entry not in held:
            session.delete(gone)
    session.flush()


def _both(session: Session, service: Service, row: CandidateRow) -> tuple[KeySet, ...]:
    """Return the key sets that must be satisfied: the one in force, and the one that the version brings."""
    return tuple(dict.fromkeys((list_keys.in_force(session, service), _keys(row))))


def _names(signed: SignedList, keys: KeySet) -> set[str]:
    """Return who of a key set signed; the signatures were checked when they came."""
    return {person.name for each in signed.signatures if (person := keys.find(each.key))}


def _count(signed: SignedList, keys: KeySet) -> tuple[int, int]:
    return keys.threshold, len(_names(signed, keys))


def _keys(row: CandidateRow) -> KeySet:
    return KeySet.from_bytes(row.keys.encode())


def _row(session: Session) -> CandidateRow | None:
    return session.scalar(select(CandidateRow).where(CandidateRow.state == State.WAITING))


def _waiting_row(session: Session, service: Service, version: int) -> tuple[CandidateRow, bytes]:
    """Return the row of a version that waits, locked, and its file.

    Raises:
        AbsentError: it does not wait, or waited too long.
    """
    row = session.get(CandidateRow, version, with_for_update=True)
    if row is None or row.signed is None or row.state != State.WAITING:
        raise AbsentError("this version does not wait for signatures (any more)")
    if row.made + LIVES <= service.now():
        hint = "Make a new version on the hot list's page."
        raise AbsentError("this version was made over 24 hours ago and cannot be signed any more", hint=hint)
    return row, row.signed
