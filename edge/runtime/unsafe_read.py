"""Reads given pictures as text, for a person who has them: to set up a camera, never in the pipeline."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge.capture import open_source
from edge.capture.settings import PICTURE_SUFFIXES, PicturesSettings
from edge.config import ModelsSection
from edge.pipeline.hit_maker import likeliest
from edge.vision import models
from edge.vision.crop import widen
from edge.vision.detector import PlateDetector
from edge.vision.reader import PlateReader


def unsafe_read(
    pictures: Sequence[Path], chosen: ModelsSection | None = None
) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """Yield each picture with its plates: text, probability, region, box.

    Raises:
        EdgeError: a picture or a model cannot be read.
    """
    settings = chosen or ModelsSection()
    places = models.folders(settings.folder)
    detector = PlateDetector(
        models.load(models.spec_for(settings.detector, settings.detector_sha256, "detector"), places),
        providers=settings.providers,
        width=settings.input_width,
        confidence=settings.confidence,
    )
    reader = PlateReader(
        models.load(models.spec_for(settings.reader, settings.reader_sha256, "reader"), places),
        providers=settings.providers,
    )
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
                    table, regions = reader.table(frame.pixels[top:bottom, left:right])
                    best = likeliest(table, 1)[0]
                    region = max(regions, key=lambda code: regions[code], default="")
                    found.append(
                        {
                            "plate": best.text,
                            "probability": best.probability,
                            "region": region,
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
