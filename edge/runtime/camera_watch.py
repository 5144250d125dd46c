"""How the cameras are: what the terminal, the summary and the heartbeat say of each.

Nothing here changes when one vehicle passes: see `edge.capture.sight` and `edge.runtime.rhythm`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.capture.base import Source, State
from edge.pipeline.loop import Pipeline
from edge.runtime.rhythm import Road
from hitonly_core.clock import NS, Clock

QUIET: Final = "quiet"
_LESS: Final = "no reads for far longer than usual: lens covered, out of focus, turned away?"
_BAD: Final = frozenset({State.OFFLINE.value, State.FROZEN.value, State.BLANK.value, QUIET})
_UNCHANGED_NS: Final = NS
"""A clip of one picture for longer than this is told of."""


@dataclass(frozen=True, slots=True)
class CameraState:
    """One camera's state in one word, and why, in fixed words."""

    word: str
    reason: str = ""

    @property
    def bad(self) -> bool:
        """Whether somebody ought to see to it."""
        return self.word in _BAD

    def __str__(self) -> str:
        return f"{self.word} ({self.reason})" if self.reason else self.word


@dataclass(slots=True)
class CameraWatch:
    """Watches every camera of a box.

    Attributes:
        pipelines: one a camera.
        say: is told once of each trouble, and once of its end.
        clock: boot time.
        step_ns: length of the receipts' steps.
        at_least: reads that a step's receipt needs.
    """

    pipelines: Sequence[Pipeline]
    say: Callable[[str], None]
    clock: Clock
    step_ns: int
    at_least: int
    _roads: dict[str, Road] = field(default_factory=dict)
    _said: dict[str, CameraState] = field(default_factory=dict)

    def turn(self) -> None:
        """Look at every camera; call it often, from one thread."""
        now = self.clock.boot_ns()
        for pipeline in self.pipelines:
            name, source = pipeline.camera.name, pipeline.camera.source
            road = self._roads.setdefault(name, Road(self.step_ns, self.at_least, now))
            road.turn(now, pipeline.tally.passes - pipeline.tally.hits, well=source.state is State.ONLINE)
            state, said = self.state(pipeline), self._said.get(name)
            trouble = state.word if state.bad else ""
            if trouble != (said.word if said and said.bad else ""):
                self.say(f"camera {name}: {state}")
            self._said[name] = state

    def state(self, pipeline: Pipeline) -> CameraState:
        """Return how one camera is now."""
        source, road = pipeline.camera.source, self._roads.get(pipeline.camera.name)
        if source.state is State.ONLINE and road is not None and road.quiet:
            return CameraState(QUIET, _LESS)
        return CameraState(source.state.value, source.reason)

    def states(self) -> dict[str, CameraState]:
        """Return how each camera is now, by its name."""
        return {pipeline.camera.name: self.state(pipeline) for pipeline in self.pipelines}


def saw_nothing(pipeline: Pipeline) -> str:
    """Return what was wrong with all that a camera has shown in this run, or nothing.

    A clip of one picture is told of only where no plate was seen in it.
    """
    source: Source = pipeline.camera.source
    sight = source.sight
    if not sight.pictures:
        return ""
    if not sight.shown:
        return "never showed a picture, only one even colour"
    if not sight.changed and sight.length_ns > _UNCHANGED_NS and not pipeline.tally.detections:
        return "showed one and the same picture all the time"
    return ""
