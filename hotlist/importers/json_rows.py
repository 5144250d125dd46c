"""JSON Lines: one object a line, with our names or the vendors'; a vehicle may be an object of its own.

Example::

    {"plate": "AB123", "region": "US-NH", "purpose": "stolen-vehicle", "case_number": "26-00417",
     "expires": "2026-12-31", "vehicle": {"make": "FORD", "colour": "BLUE"}}

(on one line).
"""

import json
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from hotlist.errors import ImportFileError, RowError
from hotlist.importers.headers import SET_BY_US, field_of
from hotlist.importers.row import Refused, Row
from hotlist.importers.text import lines_of


def read_json_lines(file: BinaryIO) -> Iterator[Row | Refused]:
    """Yield the rows of a JSON Lines file.

    Raises:
        ImportFileError: the file does not begin with an object that ends on its line, or a line is too long.
    """
    first = True
    for line, text in enumerate(lines_of(file), start=1):
        if not text.strip():
            continue
        if first:
            _check_first(text.strip())
            first = False
        try:
            body = json.loads(text, object_pairs_hook=_object)
        except RowError as problem:
            yield Refused(line, problem)
            continue
        except (ValueError, RecursionError):
            yield Refused(line, RowError("the line is no JSON"))
            continue
        try:
            yield Row(line, _values(body))
        except RowError as problem:
            yield Refused(line, problem)


def _check_first(text: str) -> None:
    """Refuse a file that is not one object a line.

    Raises:
        ImportFileError: says what it seems to be.
    """
    if not text.startswith(("{", '"')) or text in ("{", "{}"):
        kind = "one JSON array, or JSON over several lines" if text[0] in "[{" else "not JSON Lines"
        hint = "Write one object a line (`jq -c '.[]'` does that to an array). For CSV, say --format csv."
        raise ImportFileError(f"the file is {kind}", hint=hint)


def _object(members: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object's members; of two with one name, neither is to be lost.

    Raises:
        RowError: a name is there twice.
    """
    body = dict(members)
    if len(body) < len(members):
        raise RowError("two members of one name")
    return body


def _values(body: object) -> dict[str, str]:
    if not isinstance(body, Mapping):
        raise RowError("the line is no JSON object")
    values: dict[str, str] = {}
    vehicle = body.get("vehicle")
    members = [(key, value) for key, value in body.items() if key not in SET_BY_US]
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
