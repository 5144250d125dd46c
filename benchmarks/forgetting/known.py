"""What is looked for in one trial: known from the plates and the recording, and later from the live reads."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.fixtures.inputs import Inputs
from benchmarks.fixtures.roads import Cast, Scene
from benchmarks.forgetting.arena_probe import Sightings
from benchmarks.harness.memory_scan import Pattern
from benchmarks.patterns.canaries import FPS
from benchmarks.patterns.encoded import Gallery, Searcher
from benchmarks.patterns.picture_forms import (
    Recording,
    decoder_patterns,
    detector_patterns,
    frame_patterns,
    packet_patterns,
    reader_patterns,
    table_patterns,
)
from benchmarks.patterns.text_forms import text_patterns
from edge.flow import Pixels

_MISREAD: Final = 5_000_000
"""Numbers from here on are of plates as they were misread."""


@dataclass
class Known:
    """What is looked for: known from the plates and the recording, and later from the live reads."""

    people: Cast
    inputs: Inputs
    patterns: list[Pattern] = field(default_factory=list)

    def learn(self, scene: Scene, recording: Path, *, packets: bool = True) -> None:
        """Make the patterns of every plate's text, and of its picture in each frame that shows it.

        Args:
            scene: the road.
            recording: its stream.
            packets: whether the encoded stream is looked for too.
        """
        for canary in self.people.unlisted:
            self.patterns += text_patterns(canary.number, canary.text, canary.groups)
        unlisted = {canary.number for canary in self.people.unlisted}
        stream = Recording(recording)
        last = round(scene.shown_s * FPS)
        theirs: list[Pattern] = []
        others: list[bytes] = []
        for number, places in enumerate(scene.places()):
            if (number > last and not packets) or not stream.step():
                break
            shown = [(canary.number, box) for canary, box in places if canary.number in unlisted]
            picture, brightness, packet = stream.now()
            if not shown:
                others += [packet] if packets else []
                continue
            theirs += packet_patterns(shown[0][0], packet) if packets else []
            prepared = self.inputs.detector(picture)
            for shown_number, box in shown:
                self.patterns += frame_patterns(shown_number, picture, box)
                self.patterns += decoder_patterns(shown_number, brightness, box)
                self.patterns += detector_patterns(shown_number, prepared, box)
        self.patterns += telling(theirs, others)

    def searcher(self, sightings: Sightings, extra: Iterable[Pattern] = (),
                 crops: Iterable[tuple[int, Pixels]] = ()) -> Searcher:  # fmt: skip
        """Return what looks for all of it, with what the live reads have shown so far."""
        fillers = {canary.text for canary in self.people.fillers}
        listed = {canary.text for canary in self.people.listed}
        numbers = {canary.text: canary.number for canary in self.people.unlisted}
        exact = set(numbers)
        others = sorted(text for text in sightings.texts - exact - fillers - listed if len(text) >= 7)
        numbers |= {text: _MISREAD + place for place, text in enumerate(others)}
        patterns: list[Pattern] = []
        pictures: list[tuple[int, Pixels]] = []
        for text in others:
            patterns += text_patterns(numbers[text], text)
        for text, crop in sightings.crops.values():
            if text in exact:
                prepared, table = self.inputs.reader(crop)
                patterns += reader_patterns(numbers[text], prepared)
                patterns += table_patterns(numbers[text], table, "probabilities")
                pictures.append((numbers[text], crop))
        rows_of = {
            text: _rows(sightings.tables[text])
            for text in sightings.tables.keys() & (exact | fillers | listed)
        }
        common = {row for row, plates in Counter(chain.from_iterable(rows_of.values())).items() if plates > 1}
        for text in rows_of.keys() & exact:
            own = np.array([np.frombuffer(row, np.float32) for row in rows_of[text] - common], np.float32)
            patterns += table_patterns(numbers[text], own, "log table") if own.size else ()
        return Searcher([*self.patterns, *patterns, *extra], Gallery([*pictures, *crops]))


def telling(patterns: Sequence[Pattern], others: Iterable[bytes]) -> list[Pattern]:
    """Return the patterns that are in none of the pictures without a plate that is looked for.

    Two key pictures of one road are encoded alike where nothing has changed: such a part shows no plate.
    """
    rest = b"\0".join(others)
    return [pattern for pattern in patterns if pattern.content not in rest]


def _rows(tables: npt.NDArray[np.float32]) -> set[bytes]:
    """Return the rows of a plate's log tables; one that another plate has too tells neither."""
    return {row.tobytes() for row in np.ascontiguousarray(tables).reshape(-1, tables.shape[-1])}
