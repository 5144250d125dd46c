"""What stays when a hit is gone: counts by month, and which characters were mistaken (R8, R17, R20)."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Session

from api.db.models import Base, ConfusionRow, CountRow

RECEIVED: Final = "received"
REFUSED_LIST: Final = "refused:list-version"
"""A hit that names a list which its device could not rightly have used (api/lists/list_age.py)."""
_FEW: Final = 2


@dataclass(frozen=True, slots=True)
class Kind:
    """What a hit is counted under; nothing of it names a plate or a time finer than a month."""

    month: str
    device: str
    camera: str
    kind: str
    source: str


def count(session: Session, kind: Kind, what: str, n: int = 1) -> None:
    """Count something that happened to hits of this kind, once or `n` times."""
    keys = {
        "month": kind.month,
        "device": kind.device,
        "camera": kind.camera,
        "kind": kind.kind,
        "source": kind.source,
        "what": what,
    }
    _add(session, CountRow, keys, n)


def confuse(session: Session, read: str, typed: str) -> None:
    """Count the characters in which the camera's reading differs from the person's, place by place.

    Readings of different lengths are not aligned, so they are not counted here. Nor are those that differ in more
    than a few places: they are another plate, whose characters would stay here, and no mistaken character.
    """
    differing = [(wrong, right) for wrong, right in zip(read, typed, strict=False) if wrong != right]
    if len(read) != len(typed) or len(differing) > _FEW:
        return
    for wrong, right in differing:
        _add(session, ConfusionRow, {"read": wrong, "typed": right}, 1)


def _add(session: Session, table: type[Base], keys: dict[str, str], n: int) -> None:
    """Add to a row's `n`, making the row where it is new; right under several workers."""
    insert = insert_postgres if session.get_bind().dialect.name == "postgresql" else insert_sqlite
    columns = table.__table__.c
    statement = insert(table).values(**keys, n=n)
    session.execute(statement.on_conflict_do_update(index_elements=list(keys), set_={"n": columns.n + n}))
