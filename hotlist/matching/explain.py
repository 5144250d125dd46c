"""Why a listed plate was taken for the one in view, in words. Called for hits only: it makes text."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hotlist.matching.confusion import COLUMNS, SLOTS, Kernel, Table
from hotlist.plate import ALPHABET, PAD, decode


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a reading and a listed plate fit.

    Attributes:
        differences: one phrase for each place where the likeliest reading is not the listed plate.
        doubtful: places (from 0) of the listed plate's characters that the OCR was not sure of.
    """

    differences: tuple[str, ...] = field(repr=False)
    doubtful: tuple[int, ...]


def explain(code: int, table: Table, kernel: Kernel, doubtful_below: float) -> Explanation:
    """Return how a reading and a listed plate fit, at the likeliest alignment of the two.

    Args:
        code: the listed plate.
        table: (10 x 37) float32, the reading.
        kernel: the OCR's known mistakes.
        doubtful_below: a character with less probability than this is doubtful.
    """
    plate = decode(code)
    columns = np.full(SLOTS, PAD)
    columns[: len(plate)] = [ALPHABET.index(character) for character in plate]
    read = table.argmax(axis=1)
    spurious, omitted = _shift(columns, read, table, kernel)
    differences: list[str] = []
    doubtful: list[int] = []
    if spurious is not None:
        differences.append(f"an extra {_name(read[spurious])} read {_after(spurious)}")
    for place, column in enumerate(columns):
        if place == omitted:
            differences.append(f"{_name(column)} not read at position {place + 1}")
            doubtful.append(place)
            continue
        slot = (
            place + (spurious is not None and place >= spurious) - (omitted is not None and place > omitted)
        )
        if slot >= SLOTS:
            continue
        if read[slot] != column:
            differences.append(_difference(column, read[slot], place))
        if place < len(plate) and table[slot, column] < doubtful_below:
            doubtful.append(place)
    return Explanation(tuple(differences), tuple(doubtful))


def _shift(
    columns: npt.NDArray[np.intp], read: npt.NDArray[np.intp], table: Table, kernel: Kernel
) -> tuple[int | None, int | None]:
    """Return the slot of a character too many, or the place of a missing one, or neither: the likeliest."""
    logs = kernel.log_likelihood(table, out=np.empty((SLOTS, COLUMNS), np.float32))
    pads = np.flatnonzero(read == PAD)
    length = int(pads[0]) if len(pads) else SLOTS
    here = np.arange(SLOTS)
    in_place = logs[here, columns]
    best = float(in_place.sum())
    answer: tuple[int | None, int | None] = (None, None)
    later = logs[here[1:], columns[:-1]]
    if columns[-1] == PAD:
        for slot, cost in enumerate(kernel.spurious_at(length)):
            score = float(in_place[:slot].sum() + cost + later[slot:].sum())
            if score > best:
                best, answer = score, (slot, None)
    earlier = logs[here[:-1], columns[1:]]
    for place in range(min(length + 1, int((columns != PAD).sum()))):
        cost = kernel.missing[columns[place]] + logs[-1, PAD]
        score = float(in_place[:place].sum() + cost + earlier[place:].sum())
        if score > best:
            best, answer = score, (None, place)
    return answer


def _difference(listed: int, read: int, place: int) -> str:
    if read == PAD:
        return f"{_name(listed)} not read at position {place + 1}"
    if listed == PAD:
        return f"an extra {_name(read)} read {_after(place)}"
    return f"{_name(listed)} read as {_name(read)} at position {place + 1}"


def _after(place: int) -> str:
    return f"after position {place}" if place else "before position 1"


def _name(column: int) -> str:
    return ALPHABET[column]
