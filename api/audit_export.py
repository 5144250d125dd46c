"""A signed export of the audit log, and its check without the service (R12).

One JSON text a line: first what it is and the service's public key, then every record, then every checkpoint,
the last of them signed over the export's end. The reader compares the key with one it trusts.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import select

from api import audit
from api.audit import Act, Checkpoint
from api.db.models import AuditRow
from api.errors import ChainError
from api.service import Service
from hotlist.canonical import canonical
from hotlist.keys import VerifyKey

FORMAT: Final = "hitonly/audit-export/v1"


def export(service: Service, actor: str) -> Iterator[bytes]:
    """Record the export, which is its own last record, and return its lines.

    Raises:
        AuditError: the export could not be recorded, so there is none.
    """
    now = service.now()
    with service.database.begin() as session:
        end = audit.append(session, Act(actor, "audit.export"), now)
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


def verify_file(path: Path, key: VerifyKey) -> int:
    """Check an export against a trusted public key; return how many records it has.

    Raises:
        ChainError: a record was altered, removed, reordered or cut off, or the file is no export.
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
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise ChainError("a line of the export cannot be read") from None
    if not marks or marks[-1].seq != len(records):
        raise ChainError("the export does not end with a checkpoint: its end was cut off")
    return audit.verify(records, marks, key)


def _mark_to_json(mark: Checkpoint) -> dict[str, object]:
    signature = base64.b64encode(mark.signature).decode()
    return {"seq": mark.seq, "digest": mark.digest, "at": mark.at, "signature": signature}


def _mark_from_json(body: dict[str, object]) -> Checkpoint:
    signature = base64.b64decode(str(body["signature"]), validate=True)
    return Checkpoint(int(str(body["seq"])), str(body["digest"]), str(body["at"]), signature)
