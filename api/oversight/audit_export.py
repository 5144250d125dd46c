"""A signed export of the audit log, and its check without the service (R12).

One JSON text a line: first what it is and the service's public key, then every record, then every checkpoint,
the last of them signed over the export's end, which is the record of the export itself: an export cut at an
older checkpoint does not end so. The reader compares the key with one it trusts.

A service that rewrote its own history could sign it anew. The devices hold signed ends of the chain, given to
them at every heartbeat; each that is handed in beside the export must lie on the exported chain.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import select

from api.core import audit
from api.core.audit import Act, Checkpoint
from api.core.errors import ChainError
from api.core.service import Service
from api.db.models import AuditRow
from hitonly_core.canonical import canonical
from hitonly_core.keys import VerifyKey

FORMAT: Final = "hitonly/audit-export/v1"
EXPORT: Final = "audit.export"
_UNREADABLE: Final = (
    ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError, binascii.Error
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
                yield canonical({"checkpoint": _mark_to_json(mark)}) + b"\n"


def read_end(path: Path) -> Checkpoint:
    """Read a signed end of the chain, as a device keeps it in ``checkpoint.json``.

    Raises:
        ChainError: the file is no such statement.
    """
    try:
        return _mark_from_json(json.loads(path.read_bytes()))
    except _UNREADABLE:
        raise ChainError(f"{path} is no signed end of the chain") from None


def verify_file(path: Path, key: VerifyKey, ends: Iterable[Checkpoint] = ()) -> int:
    """Check an export against a trusted public key; return how many records it has.

    Args:
        path: the export.
        key: the service's public key, kept elsewhere beforehand.
        ends: signed ends of the chain from the devices; those after the export's end are passed over.

    Raises:
        ChainError: a record was altered, removed, reordered or cut off, the file is no export, or a device
            holds another history.
    """
    records: list[dict[str, object]] = []
    marks: list[Checkpoint] = []
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
                    marks.append(_mark_from_json(body["checkpoint"]))
        if not marks or marks[-1].seq != len(records) or records[-1]["act"] != EXPORT:
            raise ChainError("the export does not end with its own record and checkpoint: it was cut off")
        number = audit.verify(records, marks, key)
    except _UNREADABLE:
        raise ChainError("a line of the export cannot be read") from None
    for end in ends:
        _check_end(end, records, key)
    return number


def _check_end(end: Checkpoint, records: list[dict[str, object]], key: VerifyKey) -> None:
    """Hold a device's signed end of the chain against the exported chain.

    Raises:
        ChainError: it is not this service's, or the chain was another one when it was signed.
    """
    if not key.verifies(end.signature, end.signed_bytes()):
        raise ChainError(f"a device's end of the chain, at record {end.seq}, is not signed by this service")
    if 1 <= end.seq <= len(records) and records[end.seq - 1]["digest"] != end.digest:
        raise ChainError(f"a device holds another history: record {end.seq} or one before it was rewritten")


def _mark_to_json(mark: Checkpoint) -> dict[str, object]:
    signature = base64.b64encode(mark.signature).decode()
    return {"seq": mark.seq, "digest": mark.digest, "at": mark.at, "signature": signature}


def _mark_from_json(body: dict[str, object]) -> Checkpoint:
    signature = base64.b64decode(str(body["signature"]), validate=True)
    return Checkpoint(int(str(body["seq"])), str(body["digest"]), str(body["at"]), signature)
