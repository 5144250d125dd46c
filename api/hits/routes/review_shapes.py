"""What the pages of a review hold: the queue, the blind reading, the comparison, the end."""

from dataclasses import dataclass, field
from typing import ClassVar, Final

from api.core.lifecycle import State, Status
from api.hits.review import BlindView, FullView, Waiting
from api.hits.watch import Watch
from api.lists.regions import NAMES
from api.web.pages import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage(Page):
    """What waits."""

    template: ClassVar[str] = "queue.html"
    title: str = "Queue"
    waiting: list[Waiting]
    watch: Watch


@dataclass(frozen=True, slots=True)
class Typed:
    """What a reviewer typed, as it is shown again: plate, region's code, and whether it cannot be read."""

    plate: str = field(default="", repr=False)
    region: str = field(default="", repr=False)
    illegible: bool = False

    @property
    def region_name(self) -> str:
        """Return the region in words."""
        return NAMES.get(self.region, "region cannot be told")


NOTHING: Final = Typed()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindPage(Page):
    """The crop, and what do you read? With `echo`, is this what you read? `before` fills the form."""

    template: ClassVar[str] = "blind.html"
    title: str = "Read the plate"
    view: BlindView
    before: Typed = NOTHING
    echo: Typed | None = None
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPage(Page):
    """Everything about a hit that was read blind, side by side."""

    template: ClassVar[str] = "hit.html"
    title: str
    view: FullView
    mistakes: list[str]
    outcomes: list[tuple[str, str, bool]]
    first: Typed | None
    current: State
    doubtful: list[tuple[str, bool]] = field(repr=False)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPage(Page):
    """What became of a hit that has just ended."""

    template: ClassVar[str] = "end.html"
    title: str = "The hit has ended"
    status: Status
    kind: str
    typed: Typed | None
