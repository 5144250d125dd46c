"""At what width, blur, light and tilt the bundled reader still reads: what the limits of `alpr-edge aim` rest on.

    python -m benchmarks.accuracy.aim_limits docs/results/aim.json

Plates are drawn, one fault at a time is added, and the crop is measured as `aim` measures it and read as the box
reads it.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.drawing.camera import Picture
from benchmarks.drawing.plates import FORMATS, draw_plate
from edge.config import ModelsSection
from edge.runtime.build import load_models
from edge.vision.plate_view import PlateView, view_of
from edge.vision.reader import PlateReader

PLATES: Final = 56
WIDTH: Final = 110
"""Of a plate in pixels, where its width is not what is tried."""
NOISE: Final = 3.0
SEED: Final = 1
Fault = Callable[[Picture, float], Picture]


def photograph(plate: Picture, width: int, tilt: float) -> Picture:
    """Return a plate on grey bodywork, so many pixels wide and turned, cut out with a margin of 8 %."""
    height = round(plate.shape[0] * width / plate.shape[1])
    small = cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA)
    around = width
    scene = cv2.copyMakeBorder(small, around, around, around, around, cv2.BORDER_CONSTANT, value=(70, 66, 64))
    centre = (scene.shape[1] / 2, scene.shape[0] / 2)
    turn = cv2.getRotationMatrix2D(centre, -tilt, 1.0)
    scene = cv2.warpAffine(scene, turn, scene.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    radians = np.deg2rad(abs(tilt))
    wide = (width * np.cos(radians) + height * np.sin(radians)) * 1.16
    high = (height * np.cos(radians) + width * np.sin(radians)) * 1.16
    left, top = round(centre[0] - wide / 2), round(centre[1] - high / 2)
    return np.asarray(scene[top : top + round(high), left : left + round(wide)], np.uint8)


def smear(crop: Picture, length: float) -> Picture:
    """Blur along the plate, as a vehicle that crosses the picture is blurred; pixels."""
    kernel = np.ones((1, max(1, round(length))), np.float32)
    return np.asarray(cv2.filter2D(crop, -1, kernel / kernel.sum()), np.uint8)


def smear_down(crop: Picture, length: float) -> Picture:
    """Blur down the plate, as a vehicle that comes near is blurred; pixels."""
    kernel = np.ones((max(1, round(length)), 1), np.float32)
    return np.asarray(cv2.filter2D(crop, -1, kernel / kernel.sum()), np.uint8)


def defocus(crop: Picture, sigma: float) -> Picture:
    """Blur on all sides; standard deviation in pixels."""
    return crop if sigma <= 0 else np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), np.uint8)


def light(crop: Picture, gain: float) -> Picture:
    """Make darker or lighter; what is over 255 is lost."""
    return np.asarray(np.clip(crop.astype(np.float32) * gain, 0, 255), np.uint8)


STEPS: Final[dict[str, tuple[float, ...]]] = {
    "width": (24, 32, 40, 44, 48, 54, 60, 80),
    "smear": (1, 3, 5, 6, 7, 9),
    "smear_down": (3, 5, 7, 9, 11, 14),
    "defocus": (1, 1.5, 2, 2.5, 3),
    "dark": (0.25, 0.09, 0.06, 0.04, 0.03),
    "bright": (2, 4, 6, 9),
    "tilt": (6, 12, 15, 18, 21),
}
FAULTS: Final[dict[str, Fault]] = {
    "smear": smear,
    "smear_down": smear_down,
    "defocus": defocus,
    "dark": light,
    "bright": light,
}


def crops(kind: str, step: float) -> Iterator[tuple[str, Picture]]:
    """Yield drawn plates with one fault, each with what it says."""
    rng = np.random.default_rng(SEED)
    for number in range(PLATES):
        form = FORMATS[number % len(FORMATS)]
        groups = form.number(rng)
        width = int(step) if kind == "width" else WIDTH
        crop = photograph(draw_plate(form, groups, rng), width, step if kind == "tilt" else 0.0)
        if kind in FAULTS:
            crop = FAULTS[kind](crop, step)
        noisy = crop.astype(np.float32) + rng.normal(0, NOISE, crop.shape).astype(np.float32)
        yield "".join(groups), np.clip(noisy, 0, 255).astype(np.uint8)


def measured(reader: PlateReader, kind: str, step: float) -> dict[str, float]:
    """Return the share read exactly at one step, and the medians of what `aim` measures."""
    exact, views = 0, list[PlateView]()
    for plate, crop in crops(kind, step):
        found = reader.predict(crop)
        exact += found is not None and found.text == plate
        views.append(view_of(crop))
    medians = {
        name: round(float(np.median([getattr(view, name) for view in views])), 2)
        for name in PlateView.__slots__
    }
    return {"step": step, "exact_percent": round(100 * exact / PLATES, 1), **medians}


def main(out: Path) -> None:
    """Measure every fault at every step and write the file."""
    chosen = ModelsSection()
    reader = PlateReader(load_models(chosen).reader)
    body: dict[str, Any] = {
        "made_by": "python -m benchmarks.accuracy.aim_limits",
        "reader": chosen.reader,
        "plates": PLATES,
        "width": WIDTH,
        "seed": SEED,
        "faults": {kind: [measured(reader, kind, step) for step in steps] for kind, steps in STEPS.items()},
    }
    out.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
