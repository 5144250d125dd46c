"""Reads given pictures as text, for a person who has them: to set up a camera, never in the pipeline."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge.capture import open_source
from edge.capture.settings import PICTURE_SUFFIXES, PicturesSettings
from edge.config import ModelsSection
from edge.pipeline.hit_maker import likeliest
from edge.runtime.build import load_models, open_region
from edge.vision.crop import widen
from edge.vision.detector import PlateDetector
from edge.vision.reader import PlateReader
from edge.vision.region import combined
from hotlist.matching.region_agreement import region_told


def unsafe_read(
    pictures: Sequence[Path], chosen: ModelsSection | None = None
) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """Yield each picture with its plates: text, probability, region, box.

    Raises:
        EdgeError: a picture or a model cannot be read.
    """
    settings = chosen or ModelsSection()
    models = load_models(settings)
    detector = PlateDetector(
        models.detector,
        providers=settings.providers,
        width=settings.input_width,
        confidence=settings.confidence,
    )
    reader = PlateReader(models.reader, providers=settings.providers)
    region = open_region(models, settings.providers)
    for path in _files(pictures):
        source = open_source(PicturesSettings(name="read", paths=(path,)))
        try:
            for frame in source.frames():
                found = []
                height, width = frame.pixels.shape[:2]
                for detection in detector.detect(frame.pixels):
                    left, top, right, bottom = widen(
                        detection.box, by=settings.crop_margin, width=width, height=height
                    )
                    crop = frame.pixels[top:bottom, left:right]
                    table, told = reader.table(crop)
                    best = likeliest(table, 1)[0]
                    if region is not None:
                        told = combined(region.regions(crop), told)
                    found.append(
                        {
                            "plate": best.text,
                            "probability": best.probability,
                            "region": region_told(told),
                            "box": [left, top, right, bottom],
                        }
                    )
                yield path, found
        finally:
            source.close()


def _files(pictures: Sequence[Path]) -> Iterator[Path]:
    """Yield the pictures; a folder's in the order of their names."""
    for path in pictures:
        if path.is_dir():
            yield from sorted(each for each in path.iterdir() if each.suffix.lower() in PICTURE_SUFFIXES)
        else:
            yield path
