"""The list as CSV or JSON Lines, for the department's own people; what is exported can be imported again."""

import csv
from collections.abc import Iterable
from typing import Final, TextIO

from hotlist.entry import Entry, entry_to_line, time_text
from hotlist.importers.csv_rows import defused
from hotlist.importers.row import FIELDS

COLUMNS: Final = (*FIELDS, "id", "author", "approver", "created")
"""What a row says, and who said it when; an import leaves the latter out."""


def write_csv(entries: Iterable[Entry], file: TextIO) -> int:
    """Write a header and a line for each entry; texts that a spreadsheet would calculate are defused.

    Returns:
        How many entries were written.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for entry in entries:
        count += 1
        vehicle = entry.vehicle
        cells = (
            *(entry.plate, entry.region, entry.purpose.value, entry.case_number, entry.source),
            *(time_text(entry.effective), time_text(entry.expires), time_text(entry.verified)),
            *(entry.severity.value, vehicle.make, vehicle.model, vehicle.colour),
            *("" if vehicle.year is None else str(vehicle.year), entry.note),
            *(entry.id, entry.author, entry.approver, time_text(entry.created)),
        )
        writer.writerow([defused(cell) for cell in cells])
    return count


def write_json_lines(entries: Iterable[Entry], file: TextIO) -> int:
    """Write each entry's canonical JSON on a line; return how many were written."""
    count = 0
    for entry in entries:
        count += 1
        file.write(entry_to_line(entry).decode() + "\n")
    return count
