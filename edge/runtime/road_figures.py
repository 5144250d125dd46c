"""Figures that change when a vehicle passes, told only in the receipts' steps (R22).

How often the detector looked, how long inference took, how warm the board became: whoever could watch one of these
from second to second would know when each vehicle passed. So they are copied when a step ends, together with the
line that is drawn under its reads, and told when, and only if, that step's receipt is written: at least 20 reads
without a hit, or a day. What a run has not told when it ends is never told (`edge.department.steps`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from edge.department.account import Account
from edge.pipeline.loop import Pipeline
from edge.pipeline.stages import STAGES
from edge.retention.window import Window
from edge.runtime.heat import Heat
from hitonly_core.clock import NS
from protocol.counts import NOTHING, Counts

DEGREES: Final = 5
"""A temperature is told in steps of so many degrees, rounded up."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What may be told.

    Attributes:
        counts: those of the last receipt.
        looked: pictures that the detector looked at, by camera.
        skipped: pictures that it was spared, by camera.
        seconds: time spent in each stage.
        turns: how often each stage ran.
        late_seconds: the latest destruction after its deadline in this run.
        celsius: the highest temperature of the steps that the last receipt covers; None where none is known.
    """

    counts: Counts = NOTHING
    looked: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    turns: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    late_seconds: float = 0.0
    celsius: int | None = None


@dataclass(slots=True)
class RoadFigures:
    """Copies at each step's end, tells with its receipt. Call `turn` right after the account's, in its thread.

    Attributes:
        pipelines: one a camera.
        window: whose lateness is told.
        account: says when a step ends, and when its receipt is written.
        heat: the board's temperature.
        told: what may be told now.
    """

    pipelines: Sequence[Pipeline]
    window: Window
    account: Account
    heat: Heat
    told: Figures = field(default_factory=Figures)
    _step_ns: int = field(init=False)
    _published: Counts = field(init=False)
    _copied: Figures = field(default_factory=Figures)
    _warmest: float | None = None

    def __post_init__(self) -> None:
        self._step_ns, self._published = self.account.begun_ns, self.account.published

    def turn(self) -> None:
        """Copy when a step has ended; tell the copy when its receipt has been written."""
        if self.account.published is not self._published:
            self._published = self.account.published
            self.told = replace(self._copied, counts=self._published)
            self._warmest = None
        if self.account.begun_ns != self._step_ns:
            self._step_ns = self.account.begun_ns
            self._warmest = max((each for each in (self._warmest, self.heat.take()) if each), default=None)
            self._copied = self._copy()

    def _copy(self) -> Figures:
        tallies = {each.camera.name: each.tally for each in self.pipelines}
        return Figures(
            looked={name: tally.looked for name, tally in tallies.items()},
            skipped={name: tally.watched - tally.looked for name, tally in tallies.items()},
            seconds={
                stage: round(sum(each.stages.spent_ns[stage] for each in self.pipelines) / NS, 1)
                for stage in STAGES
            },
            turns={stage: sum(each.stages.turns[stage] for each in self.pipelines) for stage in STAGES},
            late_seconds=round(self.window.counts().worst_late_ns / NS, 3),
            celsius=_coarse(self._warmest),
        )


def _coarse(celsius: float | None) -> int | None:
    return None if celsius is None else int(-(-celsius // DEGREES) * DEGREES)
