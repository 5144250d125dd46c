"""Plates that must not be found again, and the picture they are shown in."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from benchmarks.drawing.plates import FORMATS, Format

WIDTH, HEIGHT, FPS = 1280, 720, 10
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


Box = tuple[int, int, int, int]
"""Left, top, right, bottom, pixels."""
