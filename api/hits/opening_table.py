"""Opened hits as a table on the terminal; each one says that nobody has confirmed it."""

from collections.abc import Sequence
from typing import Final

from rich.table import Table

from api.hits.spool_opening import Opened

_HEADINGS: Final = (
    "captured (UTC)",
    "camera",
    "read",
    "listed",
    "match",
    "probability",
    "device signature",
)


def opened_table(opened: Sequence[Opened]) -> Table:
    """Return what was opened, and what could not be and why."""
    table = Table(title=f"{sum(item.hit is not None for item in opened)} sealed hit(s) opened, UNVERIFIED")
    for heading in _HEADINGS:
        table.add_column(heading)
    for item in opened:
        table.add_row(*_row(item))
    return table


def _row(item: Opened) -> tuple[str, ...]:
    """Return one file's cells."""
    if item.hit is None:
        return item.name, "", "", "", f"not opened: {item.problem}"
    hit, best = item.hit, item.hit.matches[0]
    return (
        f"{hit.captured:%Y-%m-%d %H:%M:%S}",
        hit.camera,
        f"{hit.plate_read} {hit.region_read}".strip(),
        f"{best.entry.plate} {best.entry.region}".strip(),
        best.kind.value + (", ambiguous" if best.ambiguous else ""),
        f"{best.probability:.4f}",
        "good" if item.signed else "not checked",
    )
