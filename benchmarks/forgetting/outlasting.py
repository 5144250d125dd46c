"""What a run leaves behind, searched: what it wrote, its files, its output, its receipts, its hits."""

from pathlib import Path
from typing import Final

from benchmarks.fixtures.roads import Cast
from benchmarks.forgetting.trace import read_trace
from benchmarks.forgetting.trial import Outcome
from benchmarks.patterns.encoded import Searcher
from benchmarks.patterns.text_forms import Parts
from edge.department.ledger import read_lines
from hitonly_core.keys import SealKey, VerifyKey
from protocol.hit import EnvelopeError, open_hit
from protocol.receipt_chain import verify

_FOLDERS: Final = ("spool", "state", "trust", "lists")
_STREAMS: Final = ("out.txt", "err.txt")


def search_what_is_left(folder: Path, people: Cast, searcher: Searcher, outcome: Outcome) -> None:
    """Search the record of writes and the box's folder; see that the hits are there, as ciphertext only."""
    box = folder / "edge"
    _search_written(folder / "trace.txt", searcher, box, outcome)
    parts = Parts(people.unlisted)
    for path in box.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            outcome.files.update(each.form for each in searcher.search(content))
            outcome.files.update(each.form for each in searcher.search(path.name.encode()))
            if path.name in _STREAMS or "state" in path.parts:
                outcome.files.update(each.form for each in parts.search(content))
    public = box / "signing.pub" if not outcome.trial.linked else box / "keys" / "signing.pub"
    verdict = verify(read_lines(box / "state"), VerifyKey.load(public))
    outcome.receipts_hold = verdict.holds and verdict.receipts > 0
    if outcome.trial.linked:
        outcome.hits_delivered = len(_stored(folder / "office"))
    else:
        _open_hits(box, outcome)


def _search_written(trace: Path, searcher: Searcher, box: Path, outcome: Outcome) -> None:
    """Search all that was written, and see that the record shows each sealed hit, so that it is a record."""
    written = read_trace(trace)
    outcome.bytes_written = sum(len(data) for data in written.data)
    for data in written.data:
        outcome.written.update(each.form for each in searcher.search(data))
    outcome.unseen += sum(written.unseen.values())
    outcome.connections = len(written.connected)
    allowed = tuple(str(box / name) for name in _FOLDERS)
    outcome.strange_files = sum(
        not (name.startswith(allowed) or name in {"/dev/null", "/dev/tty"}) for name in written.made
    )
    all_data = set(written.data)
    outcome.hits_traced = sum(path.read_bytes() in all_data for path in (box / "spool").glob("*.hit"))


def _open_hits(box: Path, outcome: Outcome) -> None:
    """Open the spool with the department's key: what no search could find is there, for it alone."""
    key, device = SealKey.load(box / "department.key"), VerifyKey.load(box / "signing.pub")
    for path in (box / "spool").glob("*.hit"):
        try:
            open_hit(path.read_bytes(), department=key, device_key=device)
        except EnvelopeError:
            continue
        outcome.hits_opened += 1


def _stored(office: Path) -> list[str]:
    """Return the ids of the hits that the department has stored."""
    from sqlalchemy import select  # noqa: PLC0415 - the service's parts are needed by a linked trial only

    from api.core.service import open_service  # noqa: PLC0415 - as above
    from api.core.settings import Settings  # noqa: PLC0415 - as above
    from api.db.models import HitRow  # noqa: PLC0415 - as above

    service = open_service(Settings(state=office))
    try:
        with service.database.read() as session:
            return [str(hit) for hit in session.scalars(select(HitRow.id))]
    finally:
        service.close()
