"""Accuracy on labelled pictures: is the plate found and read, beside the peers on the same pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from benchmarks.accuracy.peers import FastAlpr, OpenAlpr, Seen, load_models
from benchmarks.fixtures.labelled import DataSet, LabelledPicture
from benchmarks.harness.comparing import add_calibration, add_confusions, confusions, same_but_zero
from benchmarks.harness.recording import sureness_of, text_of
from benchmarks.harness.results import Better, Part
from benchmarks.harness.runner import Bench, BenchError
from benchmarks.harness.stats import share
from edge.config import ModelsSection
from edge.flow import Box, Pixels
from edge.vision.crop import widen
from edge.vision.detector import PlateDetector
from edge.vision.reader import PlateReader

OVERLAP: Final = 0.5
"""Intersection over union at which a detection is the labelled plate."""


@dataclass(frozen=True, slots=True)
class Found:
    """A plate that a system found: its box, what it read, and how probable it holds that."""

    box: Box
    text: str = field(repr=False)
    probability: float


class System(Protocol):
    """Anything that finds and reads plates in a picture."""

    name: str
    key: str

    def look(self, picture: Path, pixels: Pixels) -> list[Found]:
        """Return the plates of one picture."""


class Edge:
    """Our detector and reader as the edge uses them: the box widened, one picture at a time."""

    name, key = "this system", "edge"

    def __init__(self, bench: Bench) -> None:
        detector, reader = load_models(bench.reading)
        settings = ModelsSection()
        self._margin = settings.crop_margin
        self._detector = PlateDetector(detector, width=settings.input_width, confidence=settings.confidence)
        self._reader = PlateReader(reader)

    def look(self, picture: Path, pixels: Pixels) -> list[Found]:  # noqa: ARG002 - a system's signature
        """Return the plates of one picture."""
        height, width = pixels.shape[:2]
        found = []
        for detection in self._detector.detect(pixels):
            left, top, right, bottom = widen(detection.box, by=self._margin, width=width, height=height)
            table, _ = self._reader.table(pixels[top:bottom, left:right])
            found.append(Found(detection.box, text_of(table), sureness_of(table)))
        return found

    def read(self, crop: Pixels) -> Found:
        """Read a picture that is a plate's crop."""
        table, _ = self._reader.table(crop)
        height, width = crop.shape[:2]
        return Found(Box(0, 0, width, height), text_of(table), sureness_of(table))


class Plain:
    """fast-alpr's own loop on a picture."""

    name, key = "fast-alpr, plain", "fast_alpr"

    def __init__(self, bench: Bench) -> None:
        self._alpr = FastAlpr(load_models(bench.reading))

    def look(self, picture: Path, pixels: Pixels) -> list[Found]:  # noqa: ARG002 - a system's signature
        """Return the plates of one picture."""
        return [_found(seen) for seen in self._alpr.look(pixels)]


class Debian:
    """Debian's openalpr, with the country guessed from the set's name."""

    name, key = "openalpr (Debian)", "openalpr"

    def __init__(self, country: str) -> None:
        self._alpr = OpenAlpr(country)

    def look(self, picture: Path, pixels: Pixels) -> list[Found]:  # noqa: ARG002 - a system's signature
        """Return the plates of one picture."""
        return [_found(seen) for seen in self._alpr.look(picture)]


@dataclass(slots=True)
class Score:
    """Counts of one system on one set."""

    labelled: int = 0
    found: int = 0
    detections: int = 0
    exact: int = 0
    exact_but_zero: int = 0
    pairs: list[tuple[str, str]] = field(default_factory=list, repr=False)
    sureness: list[tuple[float, bool]] = field(default_factory=list)

    def add(self, stands: LabelledPicture, seen: Sequence[Found]) -> None:
        """Count one picture."""
        self.labelled += 1
        self.detections += len(seen)
        box = stands.box
        best = max(seen, key=lambda one: one.box.overlap(box) if box else 1.0, default=None)
        if best is None or (box and best.box.overlap(box) < OVERLAP):
            return
        self.found += 1
        right = best.text == stands.plate
        self.exact += right
        self.exact_but_zero += same_but_zero(best.text, stands.plate)
        self.pairs.append((best.text, stands.plate))
        self.sureness.append((best.probability, right))


def measure(part: Part, bench: Bench, data: DataSet, peers: Sequence[str]) -> None:
    """Add one set of pictures: a table of systems, confusions, calibration.

    Raises:
        BenchError: a picture cannot be read.
    """
    whole = data.pictures[0].box is not None
    edge = Edge(bench)
    scores: dict[str, Score] = {edge.key: Score()}
    systems: list[System] = [edge]
    if whole:
        systems += [Plain(bench)]
        systems += [Debian("us" if "us" in data.name.lower() else "eu")] if "openalpr" in peers else []
        scores |= {system.key: Score() for system in systems}
    for place, stands in enumerate(data.pictures):
        if place % 20 == 0:
            bench.advance(f"pictures of {data.name}: {place} of {len(data.pictures)}")
        pixels = cv2.imread(str(stands.path))
        if pixels is None:
            raise BenchError(f"{stands.path} cannot be read as a picture")
        frame = pixels.astype(np.uint8, copy=False)
        for system in systems:
            scores[system.key].add(stands, system.look(stands.path, frame) if whole else [edge.read(frame)])
    _report(part, data, systems, scores, whole=whole)


def _report(
    part: Part, data: DataSet, systems: Sequence[System], scores: dict[str, Score], *, whole: bool
) -> None:
    rows: list[list[object]] = []
    for system in systems:
        score = scores[system.key]
        exact = share(score.exact, score.labelled)
        loose = share(score.exact_but_zero, score.labelled)
        recall, precision = share(score.found, score.labelled), share(score.found, score.detections)
        shown = [("exact reads", "exact", exact), ("exact reads, O Q D 0 as one", "exact_but_zero", loose)]
        if whole:
            shown += [
                ("plates found", "recall", recall),
                ("detections that are the label", "precision", precision),
            ]
        for label, key, estimate in shown:
            part.figure(
                f"{data.name}.{system.key}_{key}",
                f"{data.name}: {label}, {system.name}",
                estimate,
                "share",
                Better.HIGHER,
            )
        cells = [_percent(exact.value, exact.low, exact.high), _percent(loose.value, loose.low, loose.high)]
        if whole:
            cells = [f"{recall.value:.1%}", f"{precision.value:.1%}", *cells]
        rows.append([system.name, *cells])
    columns = ["exact reads (95 % interval)", "with O, Q, D and 0 as one"]
    if whole:
        columns = ["plates found", "detections that are the label", *columns]
    n = len(data.pictures)
    kind = "pictures" if whole else "plate crops"
    part.table(f"{data.name}: {n} labelled {kind}", ["", *columns], rows)
    best = scores["edge"]
    part.findings.append(f"{data.name}: {best.exact} of {n} plates are read exactly by this system.")
    add_confusions(part, f"{data.name}: characters taken for others", confusions(best.pairs))
    add_calibration(
        part, f"{data.name}: is the reader as sure as it should be?", [("this system", best.sureness)]
    )


def _percent(value: float, low: float, high: float) -> str:
    return f"{value:.1%} ({low:.1%} to {high:.1%})"


def _found(seen: Seen) -> Found:
    return Found(Box(*seen.box), seen.text, 0.0)
