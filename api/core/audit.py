"""The audit chain: every act is recorded in the transaction that does it, or it is not done (R11, R12).

A record's digest is SHA-256 over the digest before it and the record's canonical JSON, so that altering,
removing or reordering one breaks every later one. Cutting the end off is seen against signed checkpoints,
which leave the service with every heartbeat's answer. No record holds a plate: objects are ids.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.orm import Session

from api.core.clock import stamp
from api.core.errors import AuditError, ChainError
from api.db.models import AuditRow, CheckpointRow
from hitonly_core.canonical import canonical
from hitonly_core.keys import SigningKey, VerifyKey

GENESIS: Final = "0" * 64
CHECKPOINT_FORMAT: Final = "hitonly/checkpoint/v1"
_LOCK: Final = 0x68_69_74_6F_6E_6C_79
"""PostgreSQL's advisory lock that makes the chain's writers take turns: "hitonly" in ASCII."""
_FIELDS: Final = (
    "seq", "at", "actor", "act", "object", "purpose", "case_number", "result", "detail",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """What is done, by whom, to what and why.

    Attributes:
        actor: ``person:<id>``, ``device:<id>``, ``service`` or ``nobody``.
        act: a verb of the closed vocabulary in docs/service.md, such as ``hit.open``.
        object: an id: ``hit:<uuid>``, ``entry:<uuid>``; never a plate.
        purpose: the purpose given by the person (R11).
        case_number: the case number given with it.
        result: ``done`` or why it was refused.
        detail: further facts, without plates.
    """

    actor: str
    act: str
    object: str = ""
    purpose: str = ""
    case_number: str = ""
    result: str = "done"
    detail: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement: the chain was this long and ended so."""

    seq: int
    digest: str
    at: str
    signature: bytes = b""

    def signed_bytes(self) -> bytes:
        """Return what the service signs."""
        body = {"format": CHECKPOINT_FORMAT, "seq": self.seq, "digest": self.digest, "at": self.at}
        return canonical(body)


def append(session: Session, act: Act, now: datetime) -> int:
    """Add a record at the chain's end, in the caller's transaction; return its number, from 1.

    Writers take turns until their transactions end. The time never runs backwards along the chain.

    Raises:
        AuditError: it cannot be written; the caller's transaction is then rolled back.
        DataError: what is to be recorded is nothing that can be stored; rolled back too.
    """
    try:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        session.flush()
        last = session.execute(
            select(AuditRow.seq, AuditRow.digest, AuditRow.at).order_by(AuditRow.seq.desc()).limit(1)
        ).first()
        seq, before, earliest = (last.seq + 1, last.digest, last.at) if last else (1, GENESIS, "")
        row = AuditRow(
            **_columns(act),
            seq=seq,
            at=max(stamp(now), earliest),
            digest="",
        )
        row.digest = chain_digest(before, record(row))
        session.add(row)
        session.flush()
    except DataError:
        raise
    except SQLAlchemyError as problem:
        raise AuditError(f"the record could not be written ({type(problem).__name__})") from problem
    return seq


def _columns(act: Act) -> dict[str, str]:
    """Return an act's columns; details become canonical JSON."""
    columns = {name: str(getattr(act, name)) for name in _FIELDS if hasattr(act, name)}
    return {**columns, "detail": canonical(dict(act.detail)).decode()}


def record(row: AuditRow) -> dict[str, object]:
    """Return a row as the JSON members that are hashed."""
    return {name: getattr(row, name) for name in _FIELDS}


def chain_digest(before: str, body: Mapping[str, object]) -> str:
    """Return a record's digest, as 64 hexadecimal digits."""
    return hashlib.sha256(bytes.fromhex(before) + canonical(dict(body))).hexdigest()


def verify(records: Iterable[Mapping[str, object]], checkpoints: Iterable[Checkpoint], key: VerifyKey) -> int:
    """Check a whole chain, from its first record, and every checkpoint; return its length.

    Raises:
        ChainError: with the number of the first record that is not as it was written.
    """
    marks = {mark.seq: mark for mark in checkpoints}
    digest, seq = GENESIS, 0
    for seq, item in enumerate(records, start=1):
        if item.get("seq") != seq:
            raise ChainError(f"record {seq} is missing or out of order")
        body = {name: item.get(name) for name in _FIELDS}
        digest = chain_digest(digest, body)
        if digest != item.get("digest"):
            raise ChainError(f"record {seq} was altered")
        if (mark := marks.pop(seq, None)) is not None:
            if not key.verifies(mark.signature, mark.signed_bytes()):
                raise ChainError(f"the checkpoint at record {seq} is not signed by this service")
            if mark.digest != digest:
                raise ChainError(f"record {seq} or one before it was altered after its checkpoint was signed")
    if marks:
        raise ChainError(f"the chain ends at record {seq}, before the checkpoint at {max(marks)}")
    return seq


def checkpoint(session: Session, key: SigningKey, now: datetime) -> Checkpoint | None:
    """Sign the chain's end, store the statement and return it; None while there is no record."""
    last = session.execute(
        select(AuditRow.seq, AuditRow.digest).order_by(AuditRow.seq.desc()).limit(1)
    ).first()
    if last is None:
        return None
    stored = session.get(CheckpointRow, last.seq)
    if stored is not None:
        return _checkpoint(stored)
    unsigned = Checkpoint(last.seq, last.digest, stamp(now))
    row = CheckpointRow(**{name: getattr(unsigned, name) for name in ("seq", "digest", "at")})
    row.signature = key.sign(unsigned.signed_bytes())
    session.add(row)
    return _checkpoint(row)


def checkpoints(session: Session) -> list[Checkpoint]:
    """Return every checkpoint, oldest first."""
    return [_checkpoint(row) for row in session.scalars(select(CheckpointRow).order_by(CheckpointRow.seq))]


def length(session: Session) -> int:
    """Return how many records there are."""
    return session.scalar(select(func.count()).select_from(AuditRow)) or 0


def _checkpoint(row: CheckpointRow) -> Checkpoint:
    return Checkpoint(row.seq, row.digest, row.at, row.signature)
