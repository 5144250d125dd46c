"""Plates that must not be found again: a clip that shows each once, and every form one could be left in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.drawing.plates import FORMATS, Format, draw_plate
from benchmarks.scan import SHORTEST, Pattern
from edge.flow import Pixels
from hotlist.plate import ALPHABET, encode

WIDTH, HEIGHT, FPS = 1280, 720, 10
COLUMNS, ROWS = 4, 3
_SHOWN: Final = 5
"""Frames that a sheet of plates is in view."""
_GAP: Final = 22
"""Empty frames after it: the tracker's gap is 2 s, so the next plate in the same place is another pass."""
_LEAST: Final = 7
"""Characters of a canary: shorter texts occur by chance."""


@dataclass(frozen=True, slots=True)
class Canary:
    """One plate of the clip."""

    number: int
    text: str = field(repr=False)
    form: Format
    groups: tuple[str, ...] = field(repr=False)


def draw_canaries(count: int, seed: int) -> list[Canary]:
    """Return `count` different plates of seven or more characters that no car carries."""
    rng = np.random.default_rng(seed)
    formats = [form for form in FORMATS if sum(len(group) for group in form.groups) >= _LEAST]
    found: dict[str, Canary] = {}
    while len(found) < count:
        form = formats[len(found) % len(formats)]
        groups = form.number(rng)
        text = "".join(groups)
        found.setdefault(text, Canary(len(found), text, form, groups))
    return list(found.values())


def seconds_of_traffic(count: int) -> float:
    """Return how long the clip shows plates, before its quiet end."""
    return -(-count // (COLUMNS * ROWS)) * (_SHOWN + _GAP) / FPS


def film(canaries: Sequence[Canary], path: Path, *, quiet_s: float, seed: int) -> None:
    """Write a clip: twelve plates at a time for half a second each, then an empty road for `quiet_s`.

    Raises:
        OSError: the clip cannot be written.
    """
    rng = np.random.default_rng(seed)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise OSError(f"{path} cannot be written as a video")
    road = _road(rng)
    for first in range(0, len(canaries), COLUMNS * ROWS):
        sheet = [_vehicle(canary, rng) for canary in canaries[first : first + COLUMNS * ROWS]]
        for step in range(_SHOWN):
            writer.write(_frame(road, sheet, step))
        for _ in range(_GAP):
            writer.write(road)
    for _ in range(round(quiet_s * FPS)):
        writer.write(road)
    writer.release()


def _road(rng: np.random.Generator) -> Pixels:
    coarse = rng.integers(95, 125, (HEIGHT // 8, WIDTH // 8, 1), np.uint8).repeat(3, axis=2)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def _vehicle(canary: Canary, rng: np.random.Generator) -> Pixels:
    """Return a bumper with its plate, 260 x 150 pixels."""
    colour = tuple(int(value) for value in rng.integers(20, 110, 3))
    body = np.full((150, 260, 3), colour, np.uint8)
    cv2.rectangle(body, (0, 0), (259, 30), tuple(value // 2 for value in colour), -1)
    cv2.ellipse(body, (25, 60), (18, 12), 0, 0, 360, (60, 60, 200), -1)
    cv2.ellipse(body, (235, 60), (18, 12), 0, 0, 360, (60, 60, 200), -1)
    plate = draw_plate(canary.form, canary.groups, rng)
    width, height = _plate_size(canary)
    small = cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA)
    top, left = 60, (260 - width) // 2
    body[top : top + height, left : left + width] = small
    return body


def _corner(place: int, step: int) -> tuple[int, int]:
    """Return where a body's left top corner is in a frame."""
    return (
        place % COLUMNS * (WIDTH // COLUMNS) + 20 + 4 * step,
        place // COLUMNS * (HEIGHT // ROWS) + 30 + 6 * step,
    )


def _plate_size(canary: Canary) -> tuple[int, int]:
    width = 180 if canary.form.size[0] > 400 else 140
    return width, round(canary.form.size[1] * width / canary.form.size[0])


def _box(place: int, step: int, canary: Canary) -> "Box":
    left, top = _corner(place, step)
    width, height = _plate_size(canary)
    left, top = left + (260 - width) // 2, top + 60
    return left, top, left + width, top + height


def _frame(road: Pixels, sheet: Sequence[Pixels], step: int) -> Pixels:
    frame = road.copy()
    for place, body in enumerate(sheet):
        left, top = _corner(place, step)
        frame[top : top + body.shape[0], left : left + body.shape[1]] = body
    return frame


def text_patterns(number: int, text: str) -> Iterator[Pattern]:
    """Yield every form in which a plate's characters could be left in memory or written."""
    places = np.array([ALPHABET.index(character) for character in text])
    code = encode(text)
    forms = {
        "ASCII": text.encode(),
        "lower case": text.lower().encode(),
        "UTF-16": text.encode("utf-16-le"),
        "UTF-32": text.encode("utf-32-le"),
        "code, little-endian": code.to_bytes(8, "little"),
        "code, big-endian": code.to_bytes(8, "big"),
        "indices, 1 byte": places.astype(np.uint8).tobytes(),
        "indices, 2 bytes": places.astype("<u2").tobytes(),
        "indices, 4 bytes": places.astype("<u4").tobytes(),
        "indices, 8 bytes": places.astype("<u8").tobytes(),
    }
    for form, content in forms.items():
        if len(content) >= SHORTEST:
            yield Pattern(content, number, form)


Box = tuple[int, int, int, int]
"""Left, top, right, bottom, pixels."""


def places(canaries: Sequence[Canary]) -> Iterator[tuple[int, list[tuple[Canary, Box]]]]:
    """Yield each frame's number with the plates in it, for the part of the clip that shows any."""
    number = 0
    for first in range(0, len(canaries), COLUMNS * ROWS):
        sheet = canaries[first : first + COLUMNS * ROWS]
        for step in range(_SHOWN):
            yield number, [(canary, _box(place, step, canary)) for place, canary in enumerate(sheet)]
            number += 1
        for _ in range(_GAP):
            yield number, []
            number += 1


def pixel_patterns(number: int, picture: Pixels, box: Box) -> Iterator[Pattern]:
    """Yield rows of a plate's picture: raw in three orders of colour."""
    left, top, right, bottom = box
    plate = np.ascontiguousarray(picture[top:bottom, left:right])
    grey = cv2.cvtColor(plate, cv2.COLOR_BGR2GRAY)
    for share in (0.35, 0.5, 0.65):
        row = int(len(plate) * share)
        yield from _window(number, "pixels, BGR", plate[row])
        yield from _window(number, "pixels, RGB", np.ascontiguousarray(plate[row, :, ::-1]))
        yield from _window(number, "pixels, grey", grey[row])


def crop_patterns(number: int, jpeg: bytes, prepared: Pixels) -> Iterator[Pattern]:
    """Yield a part of a crop's JPEG, and rows of the reader's input made of the crop."""
    middle = len(jpeg) * 2 // 3
    yield Pattern(jpeg[middle : middle + 32], number, "JPEG")
    for share in (0.35, 0.5, 0.65):
        yield from _window(number, "reader's input", prepared[int(len(prepared) * share)])


def detector_patterns(
    number: int, prepared: tuple[Pixels, npt.NDArray[np.float32], float], box: Box
) -> Iterator[Pattern]:
    """Yield the plate's middle row of the detector's shrunk picture and of its tensor."""
    canvas, tensor, scale = prepared
    left, top, right, bottom = (round(side * scale) for side in box)
    row = (top + bottom) // 2
    yield from _window(number, "detector's input, bytes", np.ascontiguousarray(canvas[row, left:right]))
    values = tensor[row, left:right]
    if len(np.unique(values)) > len(values) // 2:
        yield Pattern(values.tobytes(), number, "detector's input, floats")


def table_patterns(number: int, tables: npt.NDArray[np.float32]) -> Iterator[Pattern]:
    """Yield rows of probability tables, as bytes, where a row is particular enough to be known again."""
    for row in tables.reshape(-1, tables.shape[-1]):
        if len(np.unique(row)) > len(row) // 2:
            yield Pattern(row.tobytes(), number, "probabilities")


def _window(number: int, form: str, row: npt.NDArray[np.uint8]) -> Iterator[Pattern]:
    """Yield the most varied 48 bytes of a row of pixels, if they are varied enough to be this plate's."""
    flat = row.reshape(-1)
    size = min(48, len(flat))
    starts = range(0, len(flat) - size + 1, 6)
    best = max(starts, key=lambda start: len(np.unique(flat[start : start + size])), default=0)
    content = flat[best : best + size]
    if len(np.unique(content)) >= size // 3:
        yield Pattern(content.tobytes(), number, form)
