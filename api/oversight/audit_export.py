"""A signed export of the audit log, and its check without the service (R12).

One JSON text a line: first what it is and the service's public key, then every record, then every checkpoint,
the last of them signed over the export's end, which is the record of the export itself: an export cut at an
older checkpoint does not end so. The reader compares the key with one it trusts.

A service that rewrote its own history could sign it anew. The devices hold signed ends of the log, given to
them at every heartbeat; each that is handed in beside the export must lie on the exported log. An end beyond the
export is a failure too: whoever cuts records off could otherwise export what is left.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import select

from api.core import audit
from api.core.audit import Act
from api.core.errors import ChainError
from api.core.service import Service
from api.db.models import AuditRow
from hitonly_core.canonical import canonical
from hitonly_core.keys import VerifyKey
from protocol.audit_end import AuditEnd, AuditEndError

FORMAT: Final = "hitonly/audit-export/v2"
EXPORT: Final = "audit.export"
_UNREADABLE: Final = (
    ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError,
    AuditEndError,
)  # fmt: skip


def export(service: Service, actor: str) -> Iterator[bytes]:
    """Record the export, which is its own last record, and return its lines.

    Raises:
        AuditError: the export could not be recorded, so there is none.
    """
    now = service.now()
    with service.database.begin() as session:
        end = audit.append(session, Act(actor, EXPORT), now)
        audit.checkpoint(session, service.secrets.service, now)
    return _lines(service, end)


def _lines(service: Service, end: int) -> Iterator[bytes]:
    """Yield what the export is, its records and its checkpoints."""
    yield canonical({"format": FORMAT, "key": service.secrets.service.public.to_text()}) + b"\n"
    with service.database.read() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.seq <= end).order_by(AuditRow.seq))
        for row in rows.yield_per(1000):
            yield canonical({"record": {**audit.record(row), "digest": row.digest}}) + b"\n"
        for mark in audit.checkpoints(session):
            if mark.seq <= end:
                yield canonical({"checkpoint": mark.to_json()}) + b"\n"


def read_ends(path: Path) -> list[AuditEnd]:
    """Read signed ends of the log, one a line, as a device keeps them (``checkpoint.json``, ``audit-ends.jsonl``).

    Raises:
        ChainError: the file holds none, or a line is no such statement.
    """
    try:
        ends = [AuditEnd.from_json(json.loads(line)) for line in path.read_bytes().splitlines()]
    except _UNREADABLE:
        raise ChainError(f"{path} holds no signed ends of the log") from None
    if not ends:
        raise ChainError(f"{path} holds no signed ends of the log")
    return ends


def verify_file(path: Path, key: VerifyKey, ends: Iterable[AuditEnd] = ()) -> int:
    """Check an export against a trusted public key; return how many records it has.

    Args:
        path: the export.
        key: the service's public key, kept elsewhere beforehand.
        ends: signed ends of the log from the devices; one after the export's end is a failure.

    Raises:
        ChainError: a record was altered, removed, reordered or cut off, the file is no export, or a device
            holds another history.
    """
    records: list[dict[str, object]] = []
    marks: list[AuditEnd] = []
    try:
        with path.open("rb") as file:
            head = json.loads(next(file, b"{}"))
            if head.get("format") != FORMAT:
                raise ChainError(f"the file is no export in the format {FORMAT}")
            for line in file:
                body = json.loads(line)
                if "record" in body:
                    records.append(body["record"])
                else:
                    marks.append(AuditEnd.from_json(body["checkpoint"]))
        if not marks or marks[-1].seq != len(records) or records[-1]["act"] != EXPORT:
            raise ChainError("the export does not end with its own record and checkpoint: it was cut off")
        return audit.verify(records, marks, key, held=ends)[0]
    except _UNREADABLE:
        raise ChainError("a line of the export cannot be read") from None
