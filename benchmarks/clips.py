"""The clips that are measured: drawn by the renderer, or the user's own."""

from pathlib import Path

import cv2

from benchmarks.render import RenderSpec, render
from benchmarks.runner import Bench, BenchError, Clip

SWEEP = ((32.0, 0.0, 11.0), (8.0, 15.0, 11.0), (8.0, 45.0, 11.0), (14.0, 60.0, 5.0), (14.0, 60.0, 3.4))
"""Seconds, vehicles a minute and their speed in metres a second: from an empty road to one that crawls."""


def draw(bench: Bench, folder: Path, spec: RenderSpec) -> Clip:
    """Draw a clip with its truth beside it (``.csv``) and return it."""
    bench.advance(
        f"drawing {spec.traffic:g} vehicles a minute, {spec.weather}, at {spec.speed * 3.6:.0f} km/h"
    )
    path = folder / f"{spec.weather}-{spec.traffic:g}-{spec.speed:g}.mp4"
    truth = render(spec, path, path.with_suffix(".csv"))
    plates = tuple(one.plate for one in truth.passes)
    return Clip(f"Drawn road, {spec.weather}", path, spec.seconds, plates, truth.share_with_plate)


def sweep(bench: Bench) -> list[RenderSpec]:
    """Return roads from empty to full."""
    chosen = SWEEP[::4] if bench.quick else SWEEP
    return [RenderSpec(bench.seed, seconds, traffic, speed=speed) for seconds, traffic, speed in chosen]


def own(path: Path, plates: tuple[str, ...] = ()) -> Clip:
    """Return a clip of the user's.

    Raises:
        BenchError: it is no video.
    """
    capture = cv2.VideoCapture(str(path))
    frames, pace = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    if frames <= 0 or pace <= 0:
        raise BenchError(f"{path}: not a video that can be read")
    return Clip(path.name, path, frames / pace, plates)
