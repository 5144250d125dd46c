"""The same traffic with other plates on it: the clips of the differential trial.

What has to be equal for a correct box's outflow to be equal, and what makes it so:

- the vehicles, the frames they are in and the listed plates: `drawn_again` gives each other vehicle a plate of the
  same format that differs at every place where the format leaves a choice;
- every pixel but those plates' own: the clip is lossless (FFVHUFF, each frame by itself), so that no encoder
  spreads what stands on one plate over the picture of another;
- the pictures that hits are made of: listed vehicles pass among themselves, so that no other plate is in a frame
  with them and moves the detector's box by a pixel;
- the box's steps: the clip is read frame by frame (``realtime = false``), so a busy machine drops none.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.drawing.plates import draw_plate
from benchmarks.patterns.canaries import Canary, draw_canaries

WIDTH, HEIGHT, FPS = 1280, 720, 5
COLUMNS, ROWS = 4, 2
SHEET: Final = COLUMNS * ROWS
LISTED_EVERY: Final = 4
_SHOWN: Final = 5
"""Frames that a sheet of vehicles is in view."""
_GAP: Final = 11
"""Empty frames after it, longer than the tracker's gap: each vehicle is a pass of its own."""
_TRIES: Final = 10_000
_LEAST: Final = 3
"""Places at which every two plates of a trial differ at least: none is a near match of a listed one."""
_MORE: Final = 6
"""Plates drawn for each one that is kept."""

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Road:
    """One clip of a trial: vehicles pass `SHEET` at a time; after them comes a late sheet, empty as a rule.

    Attributes:
        vehicles: in the order they pass.
        absent: numbers of vehicles that are left out of the picture.
        late: numbers of vehicles that pass with the late sheet instead of their own.
        lead_s: an empty road at the beginning, seconds.
        pause_s: an empty road before the late sheet, seconds.
        quiet_s: an empty road at the end, seconds.
        seed: decides how road and vehicles look.
    """

    vehicles: tuple[Canary, ...]
    absent: frozenset[int] = frozenset()
    late: frozenset[int] = frozenset()
    lead_s: float = 0.0
    pause_s: float = 0.0
    quiet_s: float = 1.0
    seed: int = 1

    @property
    def digest(self) -> str:
        """Return a name for its clip that no other road has."""
        return hashlib.sha256(repr((self, [each.text for each in self.vehicles])).encode()).hexdigest()[:16]

    def sheets(self) -> list[list[Canary]]:
        """Return who passes together: listed vehicles among themselves, the second in order; the late ones last."""
        shown = [each for each in self.vehicles if each.number not in self.absent]
        late = [each for each in shown if each.number in self.late]
        listed = [each for each in shown if is_listed(each)]
        others = [each for each in self.vehicles if not is_listed(each)]
        first, *rest = [others[start : start + SHEET] for start in range(0, len(others), SHEET)]
        sheets = [first, *(listed[start : start + SHEET] for start in range(0, len(listed), SHEET)), *rest]
        return [*([each for each in sheet if each in shown and each not in late] for sheet in sheets), late]


def is_listed(canary: Canary) -> bool:
    """Whether a vehicle's plate is on the hot list: the same vehicles in every run of a trial."""
    return canary.number % LISTED_EVERY == 0


def draw_vehicles(count: int, seed: int) -> tuple[Canary, ...]:
    """Return vehicles whose plates differ from one another at `_LEAST` places or more."""
    kept: list[Canary] = []
    for canary in draw_canaries(_MORE * count, seed):
        if len(kept) < count and _is_far(canary.text, kept):
            kept.append(replace(canary, number=len(kept)))
    return tuple(kept)


def drawn_again(shown: Sequence[Canary], seed: int) -> tuple[Canary, ...]:
    """Return the same vehicles with another plate of the same format on each that is not listed.

    Raises:
        ValueError: no such plates were found.
    """
    rng = np.random.default_rng(seed)
    again = [canary if is_listed(canary) else None for canary in shown]
    for place, canary in enumerate(shown):
        if again[place] is None:
            taken = [each for each in again if each is not None]
            again[place] = _other(canary, taken, rng)
    return tuple(each for each in again if each is not None)


def film(road: Road, path: Path) -> None:
    """Write a road as a lossless clip.

    Raises:
        OSError: the clip cannot be written.
    """
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFVH"), FPS, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise OSError(f"{path} cannot be written as a video")
    empty = _empty_road(road.seed)
    *sheets, late = road.sheets()
    _stand(writer, empty, road.lead_s)
    for sheet in sheets:
        _pass(writer, empty, sheet, road.seed)
    _stand(writer, empty, road.pause_s)
    _pass(writer, empty, late, road.seed)
    _stand(writer, empty, road.quiet_s)
    writer.release()


def _pass(writer: cv2.VideoWriter, empty: Picture, sheet: Sequence[Canary], seed: int) -> None:
    """Let some vehicles pass together, and the road be empty after them."""
    bodies = [(place, _vehicle(canary, seed)) for place, canary in enumerate(sheet)]
    for step in range(_SHOWN):
        frame = empty.copy()
        for place, body in bodies:
            left, top = _corner(place, step)
            frame[top : top + body.shape[0], left : left + body.shape[1]] = body
        writer.write(frame)
    _stand(writer, empty, _GAP / FPS)


def _stand(writer: cv2.VideoWriter, empty: Picture, seconds: float) -> None:
    for _ in range(round(seconds * FPS)):
        writer.write(empty)


def _other(canary: Canary, taken: Sequence[Canary], rng: np.random.Generator) -> Canary:
    choice = sum(len(set(place)) > 1 for group in canary.form.groups for place in group)
    for _ in range(_TRIES):
        groups = canary.form.number(rng)
        text = "".join(groups)
        if _distance(text, canary.text) >= choice - 1 and _is_far(text, taken):
            return replace(canary, text=text, groups=groups)
    raise ValueError("no other plate of the same format is far enough from the rest")


def _is_far(text: str, others: Sequence[Canary]) -> bool:
    return all(_distance(text, other.text) >= _LEAST for other in others)


def _distance(one: str, other: str) -> int:
    """Return at how many places two plates differ, counting the places that only one of them has."""
    return sum(a != b for a, b in zip(one, other, strict=False)) + abs(len(one) - len(other))


def _empty_road(seed: int) -> Picture:
    coarse = np.random.default_rng(seed).integers(95, 125, (HEIGHT // 8, WIDTH // 8, 1), np.uint8)
    picture = cv2.resize(coarse.repeat(3, axis=2), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return picture.astype(np.uint8)


def _vehicle(canary: Canary, seed: int) -> Picture:
    """Return a bumper with its plate, 260 x 170 pixels; all but the plate's text hangs on number and seed."""
    rng = np.random.default_rng((seed, canary.number))
    colour = tuple(int(value) for value in rng.integers(20, 110, 3))
    body = np.full((170, 260, 3), colour, np.uint8)
    cv2.rectangle(body, (0, 0), (259, 34), tuple(value // 2 for value in colour), -1)
    for x in (25, 235):
        cv2.ellipse(body, (x, 66), (18, 12), 0, 0, 360, (60, 60, 200), -1)
    plate = draw_plate(canary.form, canary.groups, rng)
    width = 190 if canary.form.size[0] > 400 else 150
    height = round(canary.form.size[1] * width / canary.form.size[0])
    left, top = (260 - width) // 2, 76
    body[top : top + height, left : left + width] = cv2.resize(
        plate, (width, height), interpolation=cv2.INTER_AREA
    )
    return body


def _corner(place: int, step: int) -> tuple[int, int]:
    """Return where a vehicle's left top corner is in a frame."""
    column, row = place % COLUMNS, place // COLUMNS
    return column * (WIDTH // COLUMNS) + 20 + 4 * step, row * (HEIGHT // ROWS) + 50 + 8 * step
