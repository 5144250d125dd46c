"""The edge's own loop, with each reading noted as text: for labelled clips only, never on a road."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edge.flow import Frame, Pixels, Table
from edge.pipeline.hit_maker import HitMaker
from edge.pipeline.loop import Pipeline
from edge.pipeline.passes import table_of
from edge.retention.window import Slot
from hotlist.matching.match import Match
from hotlist.plate import ALPHABET, PAD
from protocol.hit import Hit


@dataclass(frozen=True, slots=True)
class SingleReading:
    """What one frame's reading said, and how probable the reader held it."""

    frame: int
    text: str
    probability: float


@dataclass(slots=True)
class PassReading:
    """What a pass said in the end, from the first to the last frame that it was read in."""

    first: int
    last: int
    readings: int
    text: str
    probability: float


@dataclass(slots=True)
class Recorder:
    """All that was read of a clip."""

    readings: list[SingleReading] = field(default_factory=list)
    passes: dict[int, PassReading] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)
    """Handles of what was noted: kept, so that no two share an id."""


class RecordingReader:
    """A reader that notes what it reads."""

    def __init__(self, reader: Any, recorder: Recorder) -> None:  # noqa: ANN401 - any reader of the edge
        self._reader, self._recorder = reader, recorder
        self.frame = 0

    def table(self, crop: Pixels) -> tuple[Table, Any]:
        """Read as the wrapped reader does."""
        table, regions = self._reader.table(crop)
        self._recorder.readings.append(SingleReading(self.frame, text_of(table), sureness_of(table)))
        return table, regions

    def scrub(self) -> None:
        """Scrub the wrapped reader."""
        self._reader.scrub()


class RecordingHits:
    """A maker of hits that notes what a pass had come to when it became one."""

    def __init__(self, hits: HitMaker, note: Callable[[Slot], None]) -> None:
        self._hits, self._note = hits, note

    def compose(self, slot: Slot, matches: Sequence[Match], *, camera: str, place: str) -> Hit:
        """Note, and make a hit as the wrapped maker does."""
        self._note(slot)
        return self._hits.compose(slot, matches, camera=camera, place=place)

    def spool_sealed(self, hit: Hit) -> None:
        """Seal and spool as the wrapped maker does."""
        self._hits.spool_sealed(hit)


class RecordingPipeline(Pipeline):
    """The pipeline, noting after each frame what every live read has come to."""

    recorder: Recorder
    reading: RecordingReader

    def turn(self, frame: Frame) -> None:
        """Do a turn, knowing its number; then look into the window."""
        self.reading.frame = frame.number
        super().turn(frame)
        with self.window.lock:
            for slot in self.window.live():
                self.note(slot)

    def note(self, slot: Slot) -> None:
        """Note a read, where it has been read again since it was noted last."""
        readings, known = int(slot.record["taken"]), self.recorder.passes.get(id(slot))
        if readings == 0 or (known is not None and known.readings == readings):
            return
        table, frame = table_of(slot), self.reading.frame
        first = known.first if known else frame
        self.recorder.passes[id(slot)] = PassReading(
            first, frame, readings, text_of(table), sureness_of(table)
        )
        self.recorder.slots.append(slot)


def recorded(pipeline: Pipeline, recorder: Recorder) -> RecordingPipeline:
    """Return a pipeline that works as the given one does, and notes what it reads."""
    reader = RecordingReader(pipeline.camera.reader, recorder)
    camera = replace(pipeline.camera, reader=reader)
    noting = RecordingPipeline(
        pipeline.index,
        camera,
        pipeline.window,
        pipeline.lists,
        pipeline.hits,
        pipeline.clock,
        on_hit=pipeline.on_hit,
    )
    noting.hits = RecordingHits(pipeline.hits, noting.note)  # type: ignore[assignment]  # what a pipeline calls of it
    noting.recorder, noting.reading = recorder, reader
    return noting


def text_of(table: Table) -> str:
    """Return the likeliest text of a (10 x 37) table."""
    return "".join(ALPHABET[column] for column in table.argmax(axis=1) if column != PAD)


def sureness_of(table: Table) -> float:
    """Return the probability of the likeliest text."""
    return float(np.prod(table.max(axis=1)))
