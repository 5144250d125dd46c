"""The audit log's Merkle tree in the database: its inner nodes, written with the record that makes them whole."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from api.core.errors import AuditError
from api.db.models import AuditNodeRow, AuditRow
from protocol import merkle

_Made = TypeVar("_Made")


def grow(session: Session, last: int) -> None:
    """Store the inner nodes that the newest leaf, of this index from 0, makes whole."""
    new = list(merkle.completed(last))
    if not new:
        return
    wanted = [(level - 1, index * 2) for level, index in new]
    known = _nodes(session, [*wanted, (0, last)])
    made = known[0, last]
    for (level, index), left in zip(new, wanted, strict=True):
        made = merkle.node_hash(known[left], made)
        session.add(AuditNodeRow(level=level, place=index, hash=made))
    session.flush()


def _nodes(session: Session, wanted: list[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """Return whole nodes by level and index: leaves from the records, the others as stored.

    Raises:
        AuditError: rows of the log are missing, or were altered.
    """
    leaves = [index + 1 for level, index in wanted if level == 0]
    inner = [each for each in wanted if each[0] > 0]
    found: dict[tuple[int, int], bytes] = {}
    query = select(AuditRow.seq, AuditRow.digest).where(AuditRow.seq.in_(leaves))
    try:
        found.update({(0, row.seq - 1): bytes.fromhex(row.digest) for row in session.execute(query)})
    except ValueError:
        raise AuditError("a record of the audit log was altered in the database") from None
    if inner:
        key = tuple_(AuditNodeRow.level, AuditNodeRow.place)
        found.update(
            {
                (row.level, row.place): row.hash
                for row in session.scalars(select(AuditNodeRow).where(key.in_(inner)))
            }
        )
    if len(found) != len(set(wanted)):
        raise AuditError("rows of the audit log are missing from the database")
    return found


def root(session: Session, number: int) -> bytes:
    """Return the root over the first `number` records, from the stored nodes; 32 bytes.

    Raises:
        AuditError: there are fewer records, or rows of the log are missing.
    """
    return _with_nodes(session, lambda node: merkle.root(number, node))


def consistency(session: Session, old: int, new: int) -> list[bytes]:
    """Return the proof that the log of `new` records continues the one of `old`.

    Raises:
        AuditError: rows of the log are missing.
    """
    return _with_nodes(session, lambda node: merkle.consistency_proof(old, new, node))


def _with_nodes(session: Session, work: Callable[[merkle.NodeOf], _Made]) -> _Made:
    """Do some work on the tree with two queries: first ask which nodes it needs, then do it with them.

    Raises:
        AuditError: rows of the log are missing.
    """
    wanted: list[tuple[int, int]] = []

    def note(level: int, index: int) -> bytes:
        wanted.append((level, index))
        return b""

    work(note)
    found = _nodes(session, wanted)
    return work(lambda level, index: found[level, index])
