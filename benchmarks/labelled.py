"""Labelled pictures and clips of the user's own, in the layouts that people have (docs/benchmarks.md).

1. OpenALPR's benchmark: ``X.txt`` beside ``X.jpg``, tab-separated ``file x y width height PLATE``.
2. ``labels.csv`` with ``image,plate`` and, if known, ``x,y,w,h``; without them the picture is a plate's crop.
3. ``labels.csv`` with ``clip,plate,first_frame,last_frame``, frames counted from 0, both inclusive.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.runner import BenchError
from benchmarks.truth import TruePass
from edge.flow import Box
from hotlist.errors import PlateError
from hotlist.plate import normalise

_PICTURES: Final = (".jpg", ".jpeg", ".png")


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
        BenchError: there is none, or a label cannot be read; says which line, what is expected, how to mend it.
    """
    places = [folder, *sorted(each for each in folder.iterdir() if each.is_dir())] if folder.is_dir() else []
    found = [data for place in places if (data := _read(place)) is not None]
    if not found:
        raise BenchError(f"{folder}: no labelled pictures or clips in a layout of docs/benchmarks.md")
    return found


def _read(folder: Path) -> DataSet | None:
    table = folder / "labels.csv"
    if table.is_file():
        return _of_table(table)
    pictures = tuple(_of_text(folder))
    return DataSet(folder.name, pictures) if pictures else None


def _of_text(folder: Path) -> Iterator[LabelledPicture]:
    """Yield OpenALPR's layout; a text file that names no picture of the folder is passed over."""
    for label in sorted(folder.glob("*.txt")):
        for number, line in enumerate(_text(label).splitlines(), start=1):
            fields = line.split("\t")
            if not _is_label(label, fields):
                continue
            with _explained(label, number, "file, x, y, width, height and plate, with tabs between"):
                name, x, y, width, height, plate = fields
                yield LabelledPicture(_present(folder / name), normalise(plate), _box(x, y, width, height))


def _is_label(label: Path, fields: list[str]) -> bool:
    """Whether a line is meant as a label: it begins as one, or its file stands beside its picture."""
    named = Path(fields[0]).suffix.lower() in _PICTURES
    beside = any(label.with_suffix(suffix).is_file() for suffix in _PICTURES)
    return named or (beside and any(fields))


def _of_table(table: Path) -> DataSet:
    rows = list(csv.DictReader(_text(table).splitlines()))
    columns = set(rows[0]) if rows else set()
    if "clip" in columns:
        return DataSet(table.parent.name, clips=tuple(_clips(table, rows)))
    if not {"image", "plate"} <= columns:
        raise BenchError(
            f"{table}, line 1: expected a header with image,plate (and x,y,w,h) or with "
            "clip,plate,first_frame,last_frame, and rows below it"
        )
    return DataSet(table.parent.name, tuple(_pictures(table, rows)))


def _pictures(table: Path, rows: list[dict[str, str]]) -> Iterator[LabelledPicture]:
    for number, row in enumerate(rows, start=2):
        if len(row["plate"] or "") == 1:
            continue  # a single character is a label in some sets, and no plate
        with _explained(table, number, "image, plate and, if known, x,y,w,h in pixels"):
            sides = [row.get(name) or "" for name in ("x", "y", "w", "h")]
            box = _box(*sides) if any(sides) else None
            yield LabelledPicture(_present(table.parent / row["image"]), normalise(row["plate"]), box)


def _clips(table: Path, rows: list[dict[str, str]]) -> Iterator[LabelledClip]:
    by_clip: Mapping[str, list[TruePass]] = defaultdict(list)
    for number, row in enumerate(rows, start=2):
        with _explained(table, number, "clip, plate, first_frame and last_frame, frames counted from 0"):
            first, last = int(row["first_frame"]), int(row["last_frame"])
            if not 0 <= first <= last:
                raise ValueError(f"frames {first} to {last} are no stretch of a clip")
            _present(table.parent / row["clip"])
            by_clip[row["clip"]].append(
                TruePass(normalise(row["plate"]), row.get("region") or "", first, last)
            )
    for name, passes in by_clip.items():
        yield LabelledClip(table.parent / name, tuple(passes))


def _text(path: Path) -> str:
    """Return a label file's text.

    Raises:
        BenchError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise BenchError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as problem:
        raise BenchError(f"{path}: {problem.strerror}") from None


def _box(x: str, y: str, width: str, height: str) -> Box:
    left, top, wide, tall = (float(number) for number in (x, y, width, height))
    if wide <= 0 or tall <= 0:
        raise ValueError("width and height must be above 0")
    return Box(left, top, left + wide, top + tall)


def _present(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"{path.name} is not in the folder")
    return path


@contextmanager
def _explained(path: Path, line: int, expected: str) -> Iterator[None]:
    """Say of a label that cannot be read where it stands and what was expected; never the plate."""
    try:
        yield
    except (ValueError, KeyError, TypeError, PlateError) as problem:
        why = "the plate cannot be one" if isinstance(problem, PlateError) else _why(problem)
        raise BenchError(
            f"{path}, line {line}: {why}; expected {expected}. Mend the line or take it out."
        ) from None


def _why(problem: Exception) -> str:
    """Return a reason that repeats no field: one of them is a plate."""
    said = str(problem)
    if isinstance(problem, KeyError):
        return f"there is no column {said}"
    if "unpack" in said or isinstance(problem, TypeError):
        return "a field is missing or there are too many"
    return "a number cannot be read" if "convert" in said or "literal" in said else said
