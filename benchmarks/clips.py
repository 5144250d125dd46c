"""The clips that are measured: drawn by the renderer, or the user's own."""

from pathlib import Path

import cv2

from benchmarks.drawing.weather import Weather
from benchmarks.render import RenderSpec, render
from benchmarks.runner import Bench, BenchError, Clip

SWEEP = ((0.0, 11.0), (12.0, 11.0), (30.0, 11.0), (52.0, 11.0), (52.0, 4.5))
"""Vehicles a minute and their speed in metres a second: from an empty road to one that crawls."""


def draw(
    bench: Bench,
    folder: Path,
    *,
    seconds: float,
    traffic: float,
    weather: Weather = Weather.CLEAR,
    speed: float = 11.0,
) -> Clip:
    """Draw a clip with its truth beside it (``.csv``) and return it."""
    name = f"Drawn road, {weather.value}"
    bench.advance(f"drawing {traffic:g} vehicles a minute, {weather.value}, at {speed * 3.6:.0f} km/h")
    spec = RenderSpec(bench.seed, seconds, traffic, weather, speed=speed)
    path = folder / f"{weather.value}-{traffic:g}-{speed:g}.mp4"
    truth = render(spec, path, path.with_suffix(".csv"))
    return Clip(name, path, seconds, tuple(one.plate for one in truth.passes), truth.share_with_plate)


def sweep(bench: Bench, folder: Path) -> list[Clip]:
    """Draw roads from empty to full."""
    chosen = SWEEP[::4] if bench.quick else SWEEP
    seconds = 6.0 if bench.quick else 8.0
    return [
        draw(bench, folder, seconds=seconds, traffic=traffic * (0.7 if bench.quick else 1), speed=speed)
        for traffic, speed in chosen
    ]


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
