# ruff: noqa: E501  the table of separators reads best as a table
"""All on and about a plate that is not its serial: separators, pictures, stickers, bolts, bands, frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.ocr.canvas import PLATE, PLATE_HEIGHT, PLATE_WIDTH, Canvas, Rect, around, on_plate

if TYPE_CHECKING:
    from collections.abc import Callable

LIGHT, DARK = 255.0, 0.0


def contrary(grey: float) -> float:
    """The extreme that shows best on this grey."""
    return LIGHT if grey < 128 else DARK


def emblem(canvas: Canvas, place: Rect) -> None:
    """A little picture: overlapping shapes, strokes and print in any grey."""
    for _ in range(int(canvas.rng.integers(2, 6))):
        x, y = canvas.rng.uniform(-0.3, 0.3, 2) * (place.width, place.height) + place.middle
        part = around(x, y, place.width * canvas.between(0.16, 0.8), place.height * canvas.between(0.12, 0.7))
        if canvas.chance(0.5):
            thick = int(canvas.rng.choice((-1, 1, 2)))
            canvas.oval(part, canvas.any_grey(), thick, canvas.between(0, 180))
        else:
            canvas.scribble(part, canvas.any_grey(), solid=False)
    if canvas.chance(0.3):
        x, y = place.middle
        line = around(x, y + place.height * canvas.between(-0.4, 0.4), place.width, place.height * 0.25)
        canvas.small_print(line, canvas.any_grey())


def _dash(canvas: Canvas, gap: Rect, grey: float) -> None:
    canvas.block(around(*gap.middle, gap.width * 0.6, gap.height * canvas.between(0.08, 0.16)), grey)


def _dot(canvas: Canvas, gap: Rect, grey: float) -> None:
    canvas.oval(around(*gap.middle, gap.width * 0.36, gap.height * 0.14), grey)


def _seals(canvas: Canvas, gap: Rect, grey: float) -> None:
    del grey  # seals have colours of their own
    x, y = gap.middle
    for offset in (-0.22, 0.22) if canvas.chance(0.7) else (0.0,):
        shade = canvas.between(20, 235)
        canvas.oval(around(x, y + offset * gap.height, gap.width * 0.6, gap.height * 0.3), shade)
        canvas.oval(around(x, y + offset * gap.height, gap.width * 0.3, gap.height * 0.14), 255 - shade)


def _shape(canvas: Canvas, gap: Rect, grey: float) -> None:
    size = (gap.width * 0.8, gap.height * canvas.between(0.3, 0.9))
    canvas.scribble(around(*gap.middle, *size), grey, solid=True)


def _print(canvas: Canvas, gap: Rect, grey: float) -> None:
    canvas.small_print(around(*gap.middle, gap.width * 0.9, gap.height * 0.3), grey)


def _sticker(canvas: Canvas, gap: Rect, grey: float) -> None:
    del grey
    paper = around(*gap.middle, gap.width * canvas.between(0.6, 1.1), gap.height * canvas.between(0.2, 0.6))
    canvas.block(paper, canvas.any_grey())
    canvas.small_print(around(*paper.middle, paper.width * 0.9, paper.height * 0.45), canvas.any_grey())


def _picture(canvas: Canvas, gap: Rect, grey: float) -> None:
    del grey
    emblem(canvas, around(*gap.middle, gap.width * 1.1, gap.height * canvas.between(0.6, 1.1)))


SEPARATORS: tuple[tuple[Callable[[Canvas, Rect, float], None] | None, float], ...] = (
    (None, 0.26), (_dash, 0.15), (_dot, 0.12), (_seals, 0.10), (_shape, 0.11), (_print, 0.05), (_sticker, 0.09), (_picture, 0.12),
)  # fmt: skip


def separator(canvas: Canvas, gap: Rect, ink: float) -> None:
    """What stands in a gap and is no character: commonly nothing, a dash or a dot."""
    put = SEPARATORS[int(canvas.rng.choice(len(SEPARATORS), p=[share for _, share in SEPARATORS]))][0]
    if put is not None:
        x, y = gap.middle
        place = around(x, y + canvas.rng.normal(0, 0.04) * gap.height, gap.width, gap.height)
        put(canvas, place, ink if canvas.chance(0.6) else canvas.any_grey())


def decorate(canvas: Canvas, contrast: float) -> None:
    """The picture behind the characters: gradients, hills, blobs, bands; contrast is the serial's, in greys."""
    part = canvas.plate()
    if canvas.chance(0.5):
        ramp = np.linspace(-1, 1, PLATE_HEIGHT, dtype=np.float32)[:, None]
        part += (np.abs(ramp) if canvas.chance(0.3) else ramp) * canvas.rng.normal(0, 0.22) * contrast
    if canvas.chance(0.45):
        hills = canvas.noise(int(canvas.rng.integers(3, 16)), (PLATE_HEIGHT, PLATE_WIDTH))
        layer = (hills > canvas.between(-0.3, 1.2)).astype(np.float32)
        part += (
            cv2.GaussianBlur(layer, (0, 0), canvas.between(0.5, 4)) * canvas.rng.normal(0, 0.22) * contrast
        )
    if canvas.chance(0.25):
        x, y = canvas.rng.uniform(0, 1, 2)
        blob = on_plate(x, y, canvas.between(0.06, 0.4), canvas.between(0.1, 0.8))
        level = float(np.clip(part.mean() + canvas.rng.normal(0, 0.3) * contrast, 0, 255))
        canvas.oval(blob, level, int(canvas.rng.choice((-1, 2, 4))), canvas.between(0, 180))
    for top in (True, False):
        if canvas.chance(0.14):
            band = int(PLATE_HEIGHT * canvas.between(0.1, 0.24))
            (part[:band] if top else part[-band:])[:] = canvas.any_grey()


def bolts(canvas: Canvas) -> None:
    """Up to four screws near the corners."""
    dx, dy = canvas.between(0.12, 0.26), canvas.between(0.05, 0.12)
    shade, wide, high = canvas.between(0, 200), canvas.between(0.02, 0.058), canvas.between(0.04, 0.1)
    for x, y in ((dx, dy), (1 - dx, dy), (dx, 1 - dy), (1 - dx, 1 - dy)):
        if canvas.chance(0.8):
            head = on_plate(x, y, wide, high)
            canvas.oval(head, shade)
            canvas.oval(around(head.middle[0] + 1, head.middle[1], 2, 2), min(LIGHT, shade + 80))


def stickers(canvas: Canvas) -> None:
    """Registration stickers in the corners."""
    for x, y in ((0.08, 0.11), (0.9, 0.11), (0.08, 0.86), (0.9, 0.86)):
        if canvas.chance(0.35):
            dx, dy = canvas.rng.normal(0, 0.017, 2)
            paper = on_plate(x + dx, y + dy, canvas.between(0.09, 0.16), canvas.between(0.13, 0.2))
            shade = canvas.any_grey()
            canvas.block(paper, shade)
            line = around(*paper.middle, paper.width * 0.9, paper.height * canvas.between(0.4, 0.9))
            canvas.small_print(line, contrary(shade))


def border(canvas: Canvas, ink: float) -> None:
    """A line along the plate's edge."""
    inset = canvas.between(1, 6)
    line = Rect(PLATE[0] + inset, PLATE[1] + inset, PLATE[2] - inset, PLATE[3] - inset)
    canvas.block(line, ink if canvas.chance(0.7) else canvas.any_grey(), int(canvas.rng.integers(1, 4)))


def country_band(canvas: Canvas) -> None:
    """The band with stars and a country's letters, at the left, the right or both."""
    for x_of, share in ((lambda wide: wide / 2, 0.75), (lambda wide: 1 - wide / 2, 0.15)):
        if canvas.chance(share):
            wide = canvas.between(0.055, 0.1)
            x = x_of(wide)
            canvas.block(on_plate(x, 0.5, wide, 1.0), canvas.between(10, 130))
            stars = on_plate(x, 0.3, wide * 0.66, 0.28)
            canvas.oval(stars, canvas.between(130, 255), int(canvas.rng.choice((1, 2, -1))))
            if canvas.chance(0.85):
                canvas.small_print(on_plate(x, 0.75, wide * 0.8, canvas.between(0.15, 0.28)), 245.0)


def frame(canvas: Canvas, *, dealer: bool) -> None:
    """A holder around the plate; a dealer's covers its top and bottom with print."""
    shade = canvas.between(0, 60) if canvas.chance(0.7) else canvas.between(150, 255)
    side = PLATE_WIDTH * canvas.between(0.0, 0.035)
    top, bottom = (PLATE_HEIGHT * canvas.between(0.0, 0.19 if dealer else 0.05) for _ in range(2))
    outer = canvas.between(0.01, 0.08)
    ox, oy = PLATE_WIDTH * outer, PLATE_HEIGHT * outer * (1.0 if dealer else 2.0)
    x1, y1, x2, y2 = PLATE
    over, under = Rect(x1 - ox, y1 - oy, x2 + ox, y1 + top), Rect(x1 - ox, y2 - bottom, x2 + ox, y2 + oy)
    left, right = Rect(x1 - ox, y1 - oy, x1 + side, y2 + oy), Rect(x2 - side, y1 - oy, x2 + ox, y2 + oy)
    for bar in (over, under, left, right):
        canvas.block(bar, shade)
    for bar in (over, under):
        if bar.height > 9 and canvas.chance(0.75):
            size = (PLATE_WIDTH * canvas.between(0.4, 0.95), bar.height * canvas.between(0.5, 0.85))
            canvas.small_print(around(*bar.middle, *size), contrary(shade))
