"""Accuracy: plates found and read, on drawn roads in all weathers and on the user's labelled data."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy import clips_accuracy, pictures_accuracy
from benchmarks.drawing.weather import Weather
from benchmarks.fixtures import clips
from benchmarks.fixtures.ground_truth import TruePass, read_truth
from benchmarks.fixtures.labelled import find
from benchmarks.fixtures.render import RenderSpec
from benchmarks.harness.results import Part
from benchmarks.harness.runner import Bench, Clip

ABOUT = (
    "On labelled pictures: is the plate found (overlap over one half with its label), and is every "
    "character right? On clips a vehicle is seen in many frames: this system fuses what each frame says into "
    "one read a pass, so the share of passes read exactly is what counts; single frames stand beside it. The "
    "drawn roads test the harness and the pipeline, not the weights: drawn plates are cleaner than real ones."
)


def run(bench: Bench, folders: Sequence[Path] = (), peers: Sequence[str] = ()) -> dict[str, Any]:
    """Measure on drawn roads and on the labelled sets in some folders.

    Raises:
        BenchError: a run failed, or a folder holds no labelled set.
    """
    part = Part("accuracy", "Accuracy", ABOUT)
    sets = [data for folder in folders for data in find(folder)]
    for data in sets:
        if data.pictures:
            pictures_accuracy.measure(part, bench, data, peers)
        if data.clips:
            named = [_named(each.path, each.passes) for each in data.clips]
            clips_accuracy.measure(part, bench, named, f"{data.name}: labelled clips")
    with tempfile.TemporaryDirectory(prefix="alpr-bench-clips-") as name:
        drawn = [_drawn(bench, Path(name), weather) for weather in _weathers(bench)]
        clips_accuracy.measure(part, bench, drawn, "Drawn roads")
    return part.to_json()


def _weathers(bench: Bench) -> list[Weather]:
    return [Weather.CLEAR] if bench.short else list(Weather)


def _drawn(bench: Bench, folder: Path, weather: Weather) -> tuple[str, Clip, tuple[TruePass, ...]]:
    seconds = 8.0 if bench.short else 10.0
    clip = clips.draw(bench, folder, RenderSpec(bench.seed, seconds, 45, weather))
    return f"drawn_{weather.value}", clip, read_truth(clip.path.with_suffix(".csv"))


def _named(path: Path, passes: tuple[TruePass, ...]) -> tuple[str, Clip, tuple[TruePass, ...]]:
    clip = clips.own(path, tuple(one.plate for one in passes))
    return path.stem, clip, passes
