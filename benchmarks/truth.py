"""What a clip holds: passes and boxes, and the CSV files that say so (docs/benchmarks.md)."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotlist.plate import normalise

PASS_COLUMNS: Final = ("plate", "region", "first_frame", "last_frame")
BOX_COLUMNS: Final = ("frame", "plate", "x", "y", "w", "h", "legible")


@dataclass(frozen=True, slots=True)
class TruePass:
    """One vehicle's passage: its plate, and the first and last frame (inclusive) in which it is legible."""

    plate: str
    region: str
    first_frame: int
    last_frame: int


@dataclass(frozen=True, slots=True)
class TrueBox:
    """One plate's place in one frame, in pixels, wholly in view."""

    frame: int
    plate: str
    x: float
    y: float
    width: float
    height: float
    legible: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """What a clip holds: passes by first frame, boxes by frame."""

    passes: tuple[TruePass, ...]
    boxes: tuple[TrueBox, ...]
    frames: int

    @property
    def share_with_plate(self) -> float:
        """Share of frames in which at least one plate is legible, 0 to 1."""
        return len({box.frame for box in self.boxes if box.legible}) / self.frames if self.frames else 0.0


def write_truth(truth: Truth, out: Path) -> None:
    """Write the passes as CSV: plate, region, first_frame, last_frame (both inclusive, counted from 0)."""
    with out.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(PASS_COLUMNS)
        rows.writerows((one.plate, one.region, one.first_frame, one.last_frame) for one in truth.passes)


def write_boxes(truth: Truth, out: Path) -> None:
    """Write each plate's place in each frame as CSV: frame, plate, x, y, w, h (pixels), legible (0 or 1)."""
    with out.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(BOX_COLUMNS)
        for box in truth.boxes:
            place = (f"{side:.1f}" for side in (box.x, box.y, box.width, box.height))
            rows.writerow((box.frame, box.plate, *place, int(box.legible)))


def read_truth(path: Path) -> tuple[TruePass, ...]:
    """Read passes from a CSV whose header names at least plate, first_frame and last_frame.

    Raises:
        ValueError: a column is missing, or a row's frames are no numbers.
        hotlist.errors.PlateError: a plate cannot be one.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = {"plate", "first_frame", "last_frame"} - set(rows.fieldnames or ())
        if missing:
            raise ValueError(f"{path.name}: the header lacks {', '.join(sorted(missing))}")
        return tuple(
            TruePass(
                normalise(row["plate"]),
                row.get("region") or "",
                int(row["first_frame"]),
                int(row["last_frame"]),
            )
            for row in rows
        )
