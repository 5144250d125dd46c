"""Whose signatures make a list: the people's keys that are registered here, and the set that devices trust.

A person makes their key on their own computer; an administrator registers its public half, and a second person
confirms it by typing the id that the owner reads to them. Registering changes no device: a changed key set
takes effect with a list that carries it, and that list is signed by the old set (api/lists/list_signing.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.people import Person as Account
from api.accounts.people import Role
from api.core import audit
from api.core.audit import Act
from api.core.errors import AbsentError, ConflictError, ForbiddenError, InvalidError
from api.core.service import Service
from api.db.models import KeySetRow, ListRow, PersonRow, SignerRow
from hitonly_core.errors import KeyFileError
from hitonly_core.keys import VerifyKey
from hotlist.signed_list.keyset import KeySet, Person

PEOPLE: Final = "people"
_SIGNERS: Final = {Role.EDITOR, Role.APPROVER}


@dataclass(frozen=True, slots=True)
class Signer:
    """A registered key, as the page shows it."""

    key: str
    name: str
    added_by: str
    added: datetime
    confirmed_by: str
    revoked: datetime | None

    @property
    def counts(self) -> bool:
        """Whether the next key set holds it."""
        return bool(self.confirmed_by) and self.revoked is None


def service_set(service: Service) -> KeySet:
    """Return the key set of a department whose service signs."""
    return KeySet(threshold=1, people=(Person("service", service.secrets.service.public),))


def in_force(session: Session, service: Service) -> KeySet:
    """Return the key set that devices are told to trust now."""
    text = session.scalar(select(KeySetRow.keys).order_by(KeySetRow.id.desc()).limit(1))
    return KeySet.from_bytes(text.encode()) if text else service_set(service)


def wanted(session: Session, service: Service) -> KeySet:
    """Return the key set that the settings and the registered keys make.

    Raises:
        ConflictError: people are to sign, and too few keys are confirmed.
    """
    if service.settings.list_signing != PEOPLE:
        return service_set(service)
    rows = session.scalars(
        select(SignerRow).where(SignerRow.confirmed.is_not(None), SignerRow.revoked.is_(None))
    )
    may = _who_may_sign(session)
    people = tuple(Person(row.name, VerifyKey(row.key)) for row in rows if row.name in may)
    names, threshold = {person.name for person in people}, service.settings.list_threshold
    if len(names) < threshold:
        hint = "Register the keys of more people, and have each confirmed by a second person."
        raise ConflictError(f"{threshold} people must sign; {len(names)} have a confirmed key", hint=hint)
    return KeySet(threshold, people, timestamp=service.secrets.service.public)


def people_decide(session: Session, service: Service) -> bool:
    """Whether the next version waits for people: they are set to sign, or devices ask for them still."""
    return service.settings.list_signing == PEOPLE or people_in_force(session, service)


def people_in_force(session: Session, service: Service) -> bool:
    """Whether devices ask for people's signatures."""
    return in_force(session, service) != service_set(service)


def demand(service: Service) -> None:
    """Refuse to enrol a device that could not be told whom to trust.

    Raises:
        ConflictError: people are to sign, nothing was published yet, and too few keys are confirmed.
    """
    with service.database.read() as session:
        if not _begun(session):
            wanted(session, service)


def for_enrolment(service: Service) -> KeySet:
    """Return the key set that a new device is to trust; the first one told to a device is in force from then on.

    Raises:
        ConflictError: as `demand`.
    """
    with service.database.begin() as session:
        if not _begun(session):
            keys = wanted(session, service)
            if keys != service_set(service):
                take(session, keys, service.now())
        return in_force(session, service)


def take(session: Session, keys: KeySet, now: datetime) -> None:
    """Let a key set be in force, in the caller's transaction."""
    session.add(KeySetRow(at=now, keys=keys.to_bytes().decode()))
    session.flush()


def _begun(session: Session) -> bool:
    """Whether a device may have been told already whom to trust."""
    published = session.scalar(select(ListRow.version).limit(1))
    return published is not None or session.scalar(select(KeySetRow.id).limit(1)) is not None


def signers(service: Service) -> list[Signer]:
    """Return every registered key, by name."""
    with service.database.read() as session:
        rows = session.scalars(select(SignerRow).order_by(SignerRow.name, SignerRow.added))
        return [
            Signer(row.key_id, row.name, row.added_by, row.added, row.confirmed_by, row.revoked)
            for row in rows
        ]


def register(service: Service, who: Account, name: str, text: str) -> str:
    """Register the public half of a person's key; return its id. It counts once it is confirmed.

    Raises:
        InvalidError: the text is no public key, or the person does not work on the list.
        ConflictError: the key is registered already, or is the service's.
    """
    try:
        key = VerifyKey.from_text(text)
    except KeyFileError as problem:
        hint = "Paste the .pub file that `alpr-hotlist keygen sign NAME` wrote; never the .key file."
        raise InvalidError(str(problem), hint=hint) from None
    now = service.now()
    with service.database.begin() as session:
        account = session.scalar(select(PersonRow).where(PersonRow.name == name))
        if account is None or account.disabled is not None or not _SIGNERS & set(account.roles):
            raise InvalidError("a signer has an account here, as an editor or an approver")
        if session.get(SignerRow, key.id) is not None or key == service.secrets.service.public:
            raise ConflictError("this key is registered already, or is the service's own")
        row = SignerRow(key_id=key.id, name=name, key=key.raw, added=now, added_by=who.name, confirmed_by="")
        session.add(row)
        audit.append(session, Act(who.actor, "signer.register", f"key:{key.id}", detail={"name": name}), now)
    return key.id


def confirm(service: Service, who: Account, key: str, typed: str) -> None:
    """Let a registered key count, after a second person compared its id with its owner.

    Raises:
        AbsentError: no such key waits.
        ForbiddenError: it is the person who registered it.
        InvalidError: the id is not the key's.
    """
    now = service.now()
    with service.database.begin() as session:
        row = _signer(session, key)
        if row.confirmed is not None:
            raise AbsentError("this key is confirmed already")
        if row.added_by == who.name:
            raise ForbiddenError("nobody confirms a key that they registered: another person must look at it")
        if "".join(typed.split()).lower() != row.key_id:
            hint = "Ask the owner to read the id that `alpr-hotlist keygen` printed."
            raise InvalidError("that is not the id of this key", hint=hint)
        row.confirmed, row.confirmed_by = now, who.name
        audit.append(session, Act(who.actor, "signer.confirm", f"key:{key}", detail={"name": row.name}), now)


def revoke(session: Session, service: Service, who: Account, key: str, reason: str) -> None:
    """Take a key out of the next key set, in the caller's transaction.

    Raises:
        AbsentError: there is no such key, or it was revoked.
        InvalidError: no reason was given.
    """
    if not reason.strip():
        raise InvalidError("a revocation needs a reason")
    row = _signer(session, key)
    row.revoked = service.now()
    detail = {"name": row.name, "reason": reason.strip()[:200]}
    audit.append(session, Act(who.actor, "signer.revoke", f"key:{key}", detail=detail), service.now())


def lapsed(session: Session, key: str) -> bool:
    """Whether a key counts no more, whatever devices hold of it: it was revoked, or its owner may not sign."""
    row = session.get(SignerRow, key)
    return row is not None and (row.revoked is not None or row.name not in _who_may_sign(session))


def _who_may_sign(session: Session) -> set[str]:
    """Return the names of everybody who works on the list and whose account is not disabled."""
    people = session.scalars(select(PersonRow).where(PersonRow.disabled.is_(None)))
    return {row.name for row in people if _SIGNERS & set(row.roles)}


def _signer(session: Session, key: str) -> SignerRow:
    """Return a key's row, locked.

    Raises:
        AbsentError: there is no such key, or it was revoked.
    """
    row = session.get(SignerRow, key, with_for_update=True)
    if row is None or row.revoked is not None:
        raise AbsentError("there is no such key, or it was revoked")
    return row
