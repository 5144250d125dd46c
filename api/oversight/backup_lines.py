"""What a backup holds, as lines of JSON: the state folder's files, the tables' rows, and an end that counts both.

The rows are written by the tables' own description, so that a backup of SQLite can be restored on PostgreSQL and
the other way round. The hits' keys are in another database and are never among them (api/core/vault.py).
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, LargeBinary, Table, func, insert, select, text
from sqlalchemy.orm import Session

from api.core.errors import StateError
from api.db.models import Base
from api.db.types import Moment

FILES: Final = (
    "department.key", "department.pub", "service.key", "service.pub", "secret.key", "ca.key", "ca.pem",
    "high-water.json",
)  # fmt: skip
"""Of the state folder: keys, the local authority, and how far the service had come."""
SETTINGS: Final = "settings.toml"
"""The settings' file, where the service is started with one."""
_ROWS: Final = 500
"""Rows written with one statement."""


def backup_lines(session: Session, files: Mapping[str, bytes]) -> Iterator[bytes]:
    """Yield a backup's lines; the session must see one moment of the database throughout."""
    number = 0
    for name, content in files.items():
        number += 1
        yield _line({"file": name, "content": base64.b64encode(content).decode()})
    for table in Base.metadata.sorted_tables:
        columns = list(table.columns)
        for row in session.execute(select(table).execution_options(yield_per=_ROWS)):
            number += 1
            values = [_out(column, value) for column, value in zip(columns, row, strict=True)]
            yield _line({"table": table.name, "row": values})
    yield _line({"end": number})


def read_lines(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield a backup's lines as they were given to `backup_lines`, but the end, which is checked.

    Raises:
        StateError: a line is none, or some are missing.
    """
    number, ended, rest = 0, False, b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            body = _body(line)
            if ended or body.get("end", number) != number:
                raise StateError("the backup's lines are not those that were counted")
            ended = "end" in body
            if not ended:
                number += 1
                yield body
    if not ended or rest:
        raise StateError("the backup has no end: it is not whole")


def file_of(body: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """Return the file that a line holds, or None."""
    return (str(body["file"]), base64.b64decode(body["content"])) if "file" in body else None


def write_rows(session: Session, lines: Iterable[Mapping[str, Any]]) -> int:
    """Write the rows of a backup's lines into empty tables, in the caller's transaction; return how many.

    Raises:
        StateError: a row is none of this version's.
    """
    tables, number = Base.metadata.tables, 0
    for name, rows in groupby(
        (line for line in lines if "table" in line), key=lambda line: str(line["table"])
    ):
        if name not in tables:
            raise StateError(f"the backup has a table {name[:40]!r} that this version does not have")
        waiting: list[dict[str, object]] = []
        for line in rows:
            values = _values(tables[name], line["row"])
            if waiting and (waiting[0].keys() != values.keys() or len(waiting) == _ROWS):
                session.execute(insert(tables[name]), waiting)
                waiting = []
            waiting.append(values)
            number += 1
        session.execute(insert(tables[name]), waiting)
    if session.get_bind().dialect.name == "postgresql":
        _set_counters(session)
    return number


def read_state(state: Path) -> dict[str, bytes]:
    """Return the state folder's files that a backup holds; those that are there.

    Raises:
        StateError: one cannot be read.
    """
    found = {}
    for name in FILES:
        try:
            found[name] = (state / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as problem:
            raise StateError(f"{state / name} cannot be read: {problem.strerror}") from None
    return found


def _set_counters(session: Session) -> None:
    """Let PostgreSQL's own counters go on after the rows that were written."""
    for table in Base.metadata.sorted_tables:
        counted = table.autoincrement_column
        if counted is not None:
            highest = session.scalar(select(func.max(counted)))
            if highest is not None:
                query = text("SELECT setval(pg_get_serial_sequence(:table, :column), :highest)")
                session.execute(query, {"table": table.name, "column": counted.name, "highest": highest})


def _values(table: Table, row: list[Any]) -> dict[str, object]:
    """Return a row's values by column; what is absent is left to the database.

    Raises:
        StateError: it does not fit the table.
    """
    columns = list(table.columns)
    if len(row) != len(columns):
        raise StateError(f"the backup's rows of {table.name} are not this version's")
    return {
        column.name: _in(column, value)
        for column, value in zip(columns, row, strict=True)
        if value is not None
    }


def _out(column: Column[Any], value: Any) -> Any:  # noqa: ANN401 - a column's value, by its own type
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(column.type, Moment) and value is not None else value


def _in(column: Column[Any], value: Any) -> Any:  # noqa: ANN401 - a column's value, by its own type
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(value)
    if isinstance(column.type, Moment):
        return datetime.fromisoformat(value)
    return value


def _line(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _body(line: bytes) -> dict[str, Any]:
    """Return a line's members.

    Raises:
        StateError: it is none.
    """
    try:
        body = json.loads(line)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise StateError("the backup has a line that is none")
    return body
