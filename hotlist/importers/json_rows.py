"""JSON Lines: one object a line, with our names or the vendors'; a vehicle may be an object of its own.

Example::

    {"plate": "AB123", "region": "US-NH", "purpose": "stolen-vehicle", "case_number": "26-00417",
     "expires": "2026-12-31", "vehicle": {"make": "FORD", "colour": "BLUE"}}

(on one line).
"""

import json
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from hotlist.errors import RowError
from hotlist.importers.headers import field_of
from hotlist.importers.row import Refused, Row
from hotlist.importers.text import lines_of

_SET_BY_US: Final = frozenset({"approver", "author", "created", "id"})
"""Members of an exported entry that a new author and approver replace."""


def read_json_lines(file: BinaryIO) -> Iterator[Row | Refused]:
    """Yield the rows of a JSON Lines file.

    Raises:
        ImportFileError: a line is too long.
    """
    for line, text in enumerate(lines_of(file), start=1):
        if not text.strip():
            continue
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            yield Refused(line, RowError("the line is no JSON"))
            continue
        try:
            yield Row(line, _values(body))
        except RowError as problem:
            yield Refused(line, problem)


def _values(body: object) -> dict[str, str]:
    if not isinstance(body, Mapping):
        raise RowError("the line is no JSON object")
    values: dict[str, str] = {}
    vehicle = body.get("vehicle")
    members = [(key, value) for key, value in body.items() if key not in _SET_BY_US]
    if isinstance(vehicle, Mapping):
        members = [(key, value) for key, value in members if key != "vehicle"] + list(vehicle.items())
    for key, value in members:
        name = field_of(key)
        if name is None or value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise RowError(f"the field {name} is no text or whole number")
        if name in values:
            raise RowError(f"two members for the field {name}")
        values[name] = str(value).strip()
    return {name: text for name, text in values.items() if text}
