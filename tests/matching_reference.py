"""The reference of matching: what a plate's probability is, worked out for every plate on its own, slowly."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from hotlist.entry import Entry, Purpose, Severity
from hotlist.matching.confusion import Kernel, Table
from hotlist.plate import ALPHABET, PAD

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SURE = {"US": 0.98}


def entry(
    plate: str,
    *,
    region: str = "US",
    severity: Severity = Severity.URGENT,
    effective: datetime = NOW - timedelta(days=1),
    expires: datetime = NOW + timedelta(days=1),
    name: str = "",
) -> Entry:
    """Return an entry for a plate, in force at `NOW` unless told otherwise."""
    return Entry(
        id=name or f"id-{plate}",
        plate=plate,
        region=region,
        purpose=Purpose.STOLEN_VEHICLE,
        case_number="C-1",
        source="test",
        author="a",
        approver="b",
        created=effective,
        effective=effective,
        expires=expires,
        verified=effective,
        severity=severity,
    )


def columns_of(plate: str) -> list[int]:
    """Return a plate's ten columns, padded."""
    return [ALPHABET.index(character) for character in plate] + [PAD] * (10 - len(plate))


def reading(plate: str, sure: float = 0.999) -> Table:
    """Return a reading of a text, each character with the same probability; the rest is spread evenly."""
    table = np.full((10, 37), (1 - sure) / 36, np.float32)
    table[np.arange(10), columns_of(plate)] = sure
    return table


def doubt(table: Table, place: int, **characters: float) -> Table:
    """Return a reading with one place's probabilities replaced; a character is named as ``_0`` or ``O``."""
    changed = table.copy()
    changed[place] = 1e-6
    for name, probability in characters.items():
        changed[place, PAD if name == "pad" else ALPHABET.index(name.strip("_"))] = probability
    changed[place] /= changed[place].sum()
    return changed


def log_probability(plate: str, table: Table, kernel: Kernel) -> float:
    """Return the log probability of a plate: the best of no shift, a character too many, or one missing."""
    there = np.log(np.maximum(table.astype(np.float64) @ kernel.confusion.astype(np.float64), 1e-30))
    columns = columns_of(plate)
    read = table @ kernel.confusion
    length = next((slot for slot in range(10) if read[slot].argmax() == PAD), 10)
    fits = [_sum(there, columns, range(10))]
    if columns[9] == PAD:
        fits += [
            _sum(there, columns[:9], [slot for slot in range(10) if slot != extra])
            + float(kernel.spurious_at(length)[extra])
            for extra in range(length)
        ]
    if length < 10:
        for missing in range(min(length + 1, len(plate))):
            rest = columns[:missing] + columns[missing + 1 :]
            fits.append(
                _sum(there, rest, range(9)) + float(there[9, PAD]) + float(kernel.missing[columns[missing]])
            )
    return max(fits)


def _sum(there: npt.NDArray[np.float64], columns: Sequence[int], slots: Sequence[int] | range) -> float:
    return float(sum(there[slot, column] for slot, column in zip(slots, columns, strict=True)))
