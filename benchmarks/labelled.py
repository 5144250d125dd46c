"""Labelled pictures and clips of the user's own, in the layouts that people have (docs/benchmarks.md).

1. OpenALPR's benchmark: ``X.txt`` beside ``X.jpg``, tab-separated ``file x y width height PLATE``.
2. ``labels.csv`` with ``image,plate`` and, if known, ``x,y,w,h``; without them the picture is a plate's crop.
3. ``labels.csv`` with ``clip,plate,first_frame,last_frame``, frames counted from 0, both inclusive.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.runner import BenchError
from benchmarks.truth import TruePass
from edge.flow import Box
from hotlist.errors import PlateError
from hotlist.plate import normalise


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture with one labelled plate; `box` is None when the whole picture is the plate's crop."""

    path: Path
    plate: str = field(repr=False)
    box: Box | None


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A clip and the passes in it."""

    path: Path
    passes: tuple[TruePass, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DataSet:
    """What a folder holds: pictures or clips."""

    name: str
    pictures: tuple[LabelledPicture, ...] = ()
    clips: tuple[LabelledClip, ...] = ()


def find(folder: Path) -> list[DataSet]:
    """Return the labelled sets of a folder and of the folders in it, by name.

    Raises:
        BenchError: there is none, or a label cannot be read.
    """
    places = [folder, *sorted(each for each in folder.iterdir() if each.is_dir())] if folder.is_dir() else []
    try:
        found = [data for place in places if (data := _read(place)) is not None]
    except (OSError, ValueError, KeyError, PlateError) as problem:
        raise BenchError(f"{folder}: a label cannot be read: {problem}") from problem
    if not found:
        raise BenchError(f"{folder}: no labelled pictures or clips in a layout of docs/benchmarks.md")
    return found


def _read(folder: Path) -> DataSet | None:
    table = folder / "labels.csv"
    if table.is_file():
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        if rows and "clip" in rows[0]:
            return DataSet(folder.name, clips=tuple(_clips(folder, rows)))
        return DataSet(folder.name, tuple(_of_table(folder, rows)))
    pictures = tuple(_of_text(folder))
    return DataSet(folder.name, pictures) if pictures else None


def _of_text(folder: Path) -> Iterator[LabelledPicture]:
    """Yield OpenALPR's layout; a text file of other content is passed over."""
    for label in sorted(folder.glob("*.txt")):
        for line in label.read_text("utf-8").splitlines():
            fields = line.split("\t")
            if len(fields) != 6 or not (folder / fields[0]).is_file():
                continue
            x, y, width, height = (float(number) for number in fields[1:5])
            yield LabelledPicture(folder / fields[0], normalise(fields[5]), Box(x, y, x + width, y + height))


def _of_table(folder: Path, rows: list[dict[str, str]]) -> Iterator[LabelledPicture]:
    for row in rows:
        try:
            plate = normalise(row["plate"])
        except PlateError:
            continue  # a single character is a label in some sets, and no plate
        box = None
        if row.get("w"):
            x, y, width, height = (float(row[name]) for name in ("x", "y", "w", "h"))
            box = Box(x, y, x + width, y + height)
        yield LabelledPicture(folder / row["image"], plate, box)


def _clips(folder: Path, rows: list[dict[str, str]]) -> Iterator[LabelledClip]:
    by_clip: Mapping[str, list[TruePass]] = defaultdict(list)
    for row in rows:
        first, last = int(row["first_frame"]), int(row["last_frame"])
        by_clip[row["clip"]].append(TruePass(normalise(row["plate"]), row.get("region") or "", first, last))
    for name, passes in by_clip.items():
        yield LabelledClip(folder / name, tuple(passes))
