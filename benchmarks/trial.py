"""One run of the edge in search of what it must have forgotten: what it is given, and what was found."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from benchmarks.department import Reading
from benchmarks.scan import Coverage

QUIET_S: Final = 420.0
"""An empty road for so long while memory is searched; three times that for many plates, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the edge.

    Attributes:
        plates: canaries in the clip.
        window_s: the retention window.
        seed: decides plates and picture.
        reading: the models.
        quiet_s: how long the empty road lasts beyond the window: time to search.
    """

    plates: int = 1000
    window_s: float = 180.0
    seed: int = 1
    reading: Reading = field(default_factory=Reading)
    quiet_s: float = QUIET_S


@dataclass(slots=True)
class Outcome:
    """What one trial found; counts only."""

    trial: Trial
    shown: int = 0
    listed: int = 0
    exact: int = 0
    live: int = 0
    live_forms: Counter[str] = field(default_factory=Counter)
    forms: tuple[str, ...] = ()
    patterns: int = 0
    memory: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    still_known: int = 0
    planted: int = 0
    planted_found: int = 0
    written: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    coverage: Coverage = field(default_factory=Coverage)
    bytes_written: int = 0
    hits_opened: int = 0
    hits_traced: int = 0
    unseen: int = 0
    strange_files: int = 0
    connections: int = 0
    swapped: int = 0
    exit_code: int = -1
    receipts_hold: bool = False

    @property
    def forgotten(self) -> bool:
        """Whether nothing was found anywhere, nothing was passed over, and every control worked."""
        nothing = not self.memory and not self.written and not self.files and not self.unseen
        controls = self.planted_found == self.planted > 0 and self.hits_traced == self.hits_opened > 0
        seen = self.live_forms.total() > 0 and (self.live > 0 or self.trial.window_s == 0)
        whole = self.coverage.whole and not self.strange_files and not self.swapped
        return nothing and controls and seen and whole
