"""What the arena of a running edge was seen to hold: the proof that there was something to forget."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.fixtures.edge_process import Edge
from edge.flow import Pixels
from hotlist.plate import ALPHABET, PAD


@dataclass(slots=True)
class Sightings:
    """Reads seen live from outside the process.

    Attributes:
        texts: what they read as.
        crops: each best crop that was seen, with its text.
        tables: each set of log tables, with its text.
    """

    texts: set[str] = field(default_factory=set, repr=False)
    crops: dict[bytes, tuple[str, Pixels]] = field(default_factory=dict, repr=False)
    tables: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict, repr=False)
    most: int = 0

    def look(self, edge: Edge) -> int:
        """Note what is live now; return how many reads that is."""
        rows = edge.reads()
        self.most = max(self.most, len(rows))
        for row in rows:
            self._note(row)
        return len(rows)

    def _note(self, row: np.void) -> None:
        readings = int(row["readings"])
        logs = row["logs"][:readings]
        best = (logs * row["weights"][:readings, None, None]).sum(axis=0).argmax(axis=1)
        text = "".join(ALPHABET[column] for column in best if column != PAD)
        height, width = (int(side) for side in row["crop_size"])
        crop = row["crop"][:height, :width].copy()
        self.texts.add(text)
        self.tables[text] = logs.copy()
        if crop.size:
            self.crops.setdefault(hashlib.sha256(crop.tobytes()).digest(), (text, crop))

    def contents(self) -> Iterator[bytes]:
        """Yield the bytes that the arena held: crops and tables."""
        for _, crop in self.crops.values():
            yield crop.tobytes()
        for tables in self.tables.values():
            yield tables.tobytes()
