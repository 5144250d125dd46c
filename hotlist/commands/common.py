"""What the commands share: options, the terminal, and files."""

import json
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from hitonly_core.errors import KeyFileError
from hitonly_core.files import write_durably
from hitonly_core.keys import SealPublic
from hotlist.authoring.publishing import AUTHORING
from hotlist.authoring.workbook import storage_problem
from hotlist.entry import Entry, entry_to_json
from hotlist.errors import MalformedError, StoreError
from hotlist.signed_list.keyset import KeySet

MAX_KEYSET: Final = 65_536
EPILOG: Final = "Exit codes: 0 done, 2 usage, 3 refused, 4 not trusted, 5 key, 6 storage, 7 over the budget."

Book = Annotated[
    Path, typer.Option("--book", "-b", envvar="ALPR_HOTLIST_BOOK", help="The department's workbook.")
]
Key = Annotated[Path, typer.Option("--key", "-k", help="Your signing key.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for machines instead of tables.")]
BOOK: Final = Path("hotlist.book")

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def now() -> datetime:
    """Return the time of this computer; aware UTC, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def say(text: str, body: Mapping[str, object], *, as_json: bool) -> None:
    """Print a sentence, or the same as JSON."""
    if as_json:
        typer.echo(json.dumps(body, sort_keys=True, ensure_ascii=False))
    else:
        out.print(text, markup=False)


def say_workbook_trouble(found: sqlite3.Error) -> int:
    """Print what an error of the workbook's file comes to, and what to do; return the exit code."""
    told = storage_problem(found)
    err.print(f"alpr-hotlist: {told}", markup=False)
    err.print(f"  {told.hint}", markup=False)
    return int(told.exit_code)


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Print a table; texts stand as they are."""
    table = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(typer_safe(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False).print(table)


def typer_safe(text: str) -> str:
    """Return a text without characters that a terminal would obey."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def entry_row(entry: Entry) -> tuple[str, ...]:
    """Return an entry's cells for a table."""
    vehicle = entry.vehicle
    year = "" if vehicle.year is None else str(vehicle.year)
    car = " ".join(filter(None, (vehicle.colour, year, vehicle.make, vehicle.model)))
    return (
        entry.id,
        entry.plate,
        entry.region or "any",
        entry.purpose.value,
        entry.case_number,
        f"{entry.expires:%Y-%m-%d %H:%M}",
        entry.severity.value,
        car,
    )


ENTRY_COLUMNS: Final = ("id", "plate", "region", "purpose", "case", "expires (UTC)", "severity", "vehicle")


def entry_body(entry: Entry) -> dict[str, object]:
    """Return an entry's JSON object."""
    return entry_to_json(entry)


def read_list(path: Path) -> bytes:
    """Read a list file, no further than its ceiling.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(AUTHORING.file + 1)
    except OSError as problem:
        raise StoreError(f"{path} cannot be read: {problem.strerror}") from None


def read_keys(path: Path) -> KeySet:
    """Read a key set's file.

    Raises:
        KeyFileError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            return KeySet.from_bytes(file.read(MAX_KEYSET))
    except OSError as problem:
        raise KeyFileError(f"{path} cannot be read: {problem.strerror}") from None
    except MalformedError as problem:
        raise KeyFileError(f"{path}: {problem}") from None


def read_devices(paths: Sequence[Path]) -> list[SealPublic]:
    """Read devices' public sealing keys; of a folder, every file that ends in ``.pub``.

    Raises:
        KeyFileError: one cannot be read or is of another kind.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.pub")) if path.is_dir() else [path])]
    if not files:
        raise KeyFileError("no device's public key is there", hint="Name one with --device box.pub.")
    return [SealPublic.load(file) for file in files]


def save(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        write_durably(path, content)
    except OSError as problem:
        raise StoreError(f"{path} cannot be written: {problem.strerror}") from None
