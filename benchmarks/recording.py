"""The edge's own loop, with each reading noted as text: for labelled clips only, never on a road."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edge.errors import Forgotten
from edge.flow import Detection, Frame, Pixels, Table
from edge.hit import Hit
from edge.passes import Pass, table_of
from edge.pipeline import Pipeline
from edge.tracks import Track
from hotlist.plate import ALPHABET, PAD


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


class RecordingPipeline(Pipeline):
    """The pipeline, noting what each pass has come to after each of its readings."""

    recorder: Recorder
    reading: RecordingReader

    def turn(self, frame: Frame) -> None:
        """Do a turn, knowing its number."""
        self.reading.frame = frame.number
        super().turn(frame)

    def _read(self, frame: Frame, track: Track, detection: Detection) -> None:
        super()._read(frame, track, detection)
        open_pass = self._passes.get(track.number)
        if open_pass is not None and open_pass.slot is not None:
            self._note(track.number, open_pass, frame.number)

    def _decide(self, of: Pass) -> Hit | None:
        for number, open_pass in self._passes.items():
            if open_pass is of and of.slot is not None:
                self._note(number, of, self.reading.frame)
        return super()._decide(of)

    def _note(self, number: int, of: Pass, frame: int) -> None:
        if of.slot is None:
            return
        try:
            table = table_of(of.slot)
        except Forgotten:
            return
        first = self.recorder.passes[number].first if number in self.recorder.passes else frame
        self.recorder.passes[number] = PassReading(
            first, frame, of.readings, text_of(table), sureness_of(table)
        )


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
    noting.recorder, noting.reading = recorder, reader
    return noting


def text_of(table: Table) -> str:
    """Return the likeliest text of a (10 x 37) table."""
    return "".join(ALPHABET[column] for column in table.argmax(axis=1) if column != PAD)


def sureness_of(table: Table) -> float:
    """Return the probability of the likeliest text."""
    return float(np.prod(table.max(axis=1)))
