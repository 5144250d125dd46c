"""What the pages of a review hold: the queue, the blind reading, the comparison, the end."""

from dataclasses import dataclass, field
from typing import ClassVar, Final

from api.core.lifecycle import State, Status
from api.hits.queue_items import Choice, Item
from api.hits.review import BlindView, FullView
from api.hits.watch import Watch
from api.lists.regions import NAMES
from api.web.pages import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage(Page):
    """What waits, as far as the reviewer chose to see it.

    Attributes:
        shown: the items of the chosen tab that the filters take.
        tabs: each tab's name, words and number of items.
        hidden: how many of the chosen tab's items the filters hide.
        cameras: what can be chosen from.
        review_case: the number that reviews are opened with in this session; empty before the first.
    """

    template: ClassVar[str] = "queue.html"
    title: str = "Queue"
    shown: list[Item]
    choice: Choice
    tabs: list[tuple[str, str, int]]
    hidden: int
    severities: tuple[str, ...]
    cameras: list[str]
    review_case: str = field(repr=False)
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
    """Everything about a hit that was read blind, side by side.

    Attributes:
        outcomes: the number of its key, the outcome, how long it keeps the hit, and whether it keeps it at all.
        dispatch: plate, region, place, time and case, to be copied; for a confirmed hit.
    """

    template: ClassVar[str] = "hit.html"
    title: str
    view: FullView
    mistakes: list[str]
    outcomes: list[tuple[int, str, str, bool]]
    first: Typed | None
    current: State
    doubtful: list[tuple[str, bool]] = field(repr=False)
    dispatch: str = field(repr=False)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPage(Page):
    """What became of a hit that has just ended."""

    template: ClassVar[str] = "end.html"
    title: str = "The hit has ended"
    status: Status
    kind: str
    typed: Typed | None
