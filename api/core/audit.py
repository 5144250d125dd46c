"""The audit log: every act is recorded in the transaction that does it, or it is not done (R11, R12).

The records are the leaves of a Merkle tree as in RFC 9162 (docs/adr/0005-audit-merkle-log.md). The service signs
the tree's root for every heartbeat's answer, with a proof that it continues the end that the unit holds, so that
altering, removing, reordering or cutting off records is seen by whoever holds an earlier end. No record holds a
plate: objects are ids.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.orm import Session

from api.core import audit_tree
from api.core.clock import stamp
from api.core.errors import AuditError, ChainError
from api.db.locks import Turn, take_turn
from api.db.models import AuditRow, CheckpointRow
from hitonly_core.canonical import canonical
from hitonly_core.keys import SigningKey, VerifyKey
from protocol import merkle
from protocol.audit_end import AuditEnd

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


def append(session: Session, act: Act, now: datetime) -> int:
    """Add a record at the log's end, in the caller's transaction; return its number, from 1.

    Writers take turns until their transactions end. The time never runs backwards along the log.

    Raises:
        AuditError: it cannot be written; the caller's transaction is then rolled back.
        DataError: what is to be recorded is nothing that can be stored; rolled back too.
    """
    try:
        take_turn(session, Turn.LOG)
        session.flush()
        last = session.execute(
            select(AuditRow.seq, AuditRow.at).order_by(AuditRow.seq.desc()).limit(1)
        ).first()
        seq, earliest = (last.seq + 1, last.at) if last else (1, "")
        row = AuditRow(
            **_columns(act),
            seq=seq,
            at=max(stamp(now), earliest),
            digest="",
        )
        row.digest = leaf(record(row)).hex()
        session.add(row)
        session.flush()
        audit_tree.grow(session, seq - 1)
    except DataError:
        raise
    except SQLAlchemyError as problem:
        raise AuditError(f"the record could not be written ({type(problem).__name__})") from problem
    return seq


def _columns(act: Act) -> dict[str, str]:
    """Return an act's columns; details become canonical JSON."""
    columns = {name: str(getattr(act, name)) for name in _FIELDS if hasattr(act, name)}
    return {**columns, "detail": detail_text(act)}


def detail_text(act: Act) -> str:
    """Return an act's further facts as they stand in its record: canonical JSON."""
    return canonical(dict(act.detail)).decode()


def record(row: AuditRow) -> dict[str, object]:
    """Return a row as the JSON members that are hashed."""
    return {name: getattr(row, name) for name in _FIELDS}


def leaf(body: Mapping[str, object]) -> bytes:
    """Return a record's leaf hash, 32 bytes."""
    return merkle.leaf_hash(canonical(dict(body)))


def contradiction(session: Session, held: AuditEnd) -> str:
    """Return what is wrong with the log, in words, where it does not continue a signed end; empty where it does."""
    number = size(session)
    if number < held.seq:
        return f"the log ends at record {number}, before record {held.seq} that was signed {held.at}: it is cut off"
    try:
        same = audit_tree.root(session, held.seq) == held.root
    except AuditError as problem:
        return str(problem)
    return "" if same else f"record {held.seq}, signed {held.at}, or one before it was rewritten"


def verify(
    records: Iterable[Mapping[str, object]],
    checkpoints: Iterable[AuditEnd],
    key: VerifyKey,
    *,
    held: Iterable[AuditEnd] = (),
) -> tuple[int, bytes]:
    """Check a whole log, from its first record, against every signed end; return its length and its root.

    Args:
        records: all of them, each with its digest.
        checkpoints: ends that lie with the records.
        key: the service's.
        held: ends that somebody else holds.

    Raises:
        ChainError: with the number of the first record that is not as it was written, or where it was cut off.
    """
    marks: dict[int, list[tuple[AuditEnd, str]]] = {}
    for where, ends in (("the checkpoint", checkpoints), ("an end that is held elsewhere,", held)):
        for end in ends:
            if not end.signed_by(key):
                raise ChainError(f"{where} at record {end.seq} is not signed by this service")
            marks.setdefault(end.seq, []).append((end, where))
    tree, number = merkle.Frontier(), 0
    for number, item in enumerate(records, start=1):
        if item.get("seq") != number:
            raise ChainError(f"record {number} is missing or out of order")
        made = leaf({name: item.get(name) for name in _FIELDS})
        if made.hex() != item.get("digest"):
            raise ChainError(f"record {number} was altered")
        tree.add(made)
        for end, where in marks.pop(number, ()):
            if end.root != tree.root():
                raise ChainError(f"another history: record {number} or one before it is not as {where} says")
    if marks:
        _, where = marks[max(marks)][0]
        raise ChainError(
            f"the log ends at record {number}, before {where} at record {max(marks)}: it was cut off"
        )
    return number, tree.root() if number else b""


def checkpoint(session: Session, key: SigningKey, now: datetime) -> AuditEnd | None:
    """Sign the log's end, store the statement and return it; None while there is no record.

    Raises:
        AuditError: rows of the log are missing.
    """
    number = size(session)
    if not number:
        return None
    stored = session.get(CheckpointRow, number)
    if stored is not None:
        return _checkpoint(stored)
    unsigned = AuditEnd(number, audit_tree.root(session, number).hex(), stamp(now))
    row = CheckpointRow(seq=number, digest=unsigned.digest, at=unsigned.at)
    row.signature = key.sign(unsigned.signed_bytes())
    session.add(row)
    return _checkpoint(row)


def checkpoints(session: Session) -> list[AuditEnd]:
    """Return every checkpoint, oldest first."""
    return [_checkpoint(row) for row in session.scalars(select(CheckpointRow).order_by(CheckpointRow.seq))]


def size(session: Session) -> int:
    """Return the number of the last record; 0 before the first."""
    return session.scalar(select(func.max(AuditRow.seq))) or 0


def _checkpoint(row: CheckpointRow) -> AuditEnd:
    return AuditEnd(row.seq, row.digest, row.at, row.signature)
