"""One run of the edge in search of what it must have forgotten: what it is given, and what was found."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from benchmarks.fixtures.feeds import Feed
from benchmarks.fixtures.roads import Road
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.memory_scan import Coverage
from edge.capture.live import OVERLAP_S, SHORTEST_RENEWAL_S, SLACK_S

ROLES: Final = ("edge", "capture process", "watchdog")
QUIET_S: Final = 150.0
"""An empty road for so long while memory is searched; three times that for many plates, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the edge.

    Attributes:
        plates: canaries in the clip.
        window_s: the retention window.
        seed: decides plates and picture.
        reading: the models.
        quiet_s: how long the road goes on beyond the window: time to search.
        road: what happens on it.
        feed: how it reaches the edge.
        linked: whether the box is enrolled with a running service, which takes its hits.
        leak: which leaky build of the edge runs (`benchmarks.leaks.builds`); empty for the edge itself.
    """

    plates: int = 1000
    window_s: float = 180.0
    seed: int = 1
    reading: Reading = field(default_factory=Reading)
    quiet_s: float = QUIET_S
    road: Road = Road.SHEETS
    feed: Feed = Feed.FILE
    linked: bool = False
    leak: str = ""

    @property
    def kept_s(self) -> float:
        """How long after its capture something of a picture may be there: the window.

        What is left of a network camera's packets ends with its capture process (docs/cameras.md).
        """
        if self.feed is Feed.FILE:
            return self.window_s
        return max(self.window_s, SHORTEST_RENEWAL_S + OVERLAP_S + SLACK_S)

    @property
    def name(self) -> str:
        """What it is called in the report."""
        link = ", linked to a department" if self.linked else ""
        return f"window {self.window_s:g} s, {self.feed}{link}: {self.road}"

    @property
    def key(self) -> str:
        """What its figures are called."""
        rest = "" if self.road is Road.SHEETS else f".{self.road.name.lower()}.{self.feed.name.lower()}"
        return f"window_{self.window_s:g}{rest}{'.linked' if self.linked else ''}"


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
    planted: dict[str, int] = field(default_factory=dict)
    planted_found: dict[str, int] = field(default_factory=dict)
    written: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    coverage: Coverage = field(default_factory=Coverage)
    bytes_written: int = 0
    hits_opened: int = 0
    hits_traced: int = 0
    hits_delivered: int = 0
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
        hits = self.hits_delivered if self.trial.linked else self.hits_traced
        sealed = hits > 0 and (self.trial.linked or hits == self.hits_opened)
        planted = set(self.planted) == set(ROLES) and self.planted_found == self.planted
        seen = self.trial.window_s == 0 or (self.live > 0 and self.live_forms.total() > 0)
        whole = self.coverage.whole and not self.strange_files and not self.swapped
        return nothing and sealed and planted and seen and whole
