"""The queue as a reviewer sees it: repeated hits of one entry at one camera are one item; two tabs; a next hit.

Each hit of an item is still read, blind, by itself (R9). Nothing here tells a plate.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api.accounts.sessions import SignedIn
from api.core.lifecycle import State
from api.core.local_time import clock_time, span
from api.core.service import Service
from api.hits import readers
from api.hits.hit_time import Basis
from api.hits.review import SEVERITIES, Waiting, queue

WAITING: Final = "waiting"
OUTCOME: Final = "outcome"
_NOTES: Final = {"weak": "weak match: another state read", "region-not-read": "state not read: check it"}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the queue.

    Attributes:
        id: the newest hit, which the line leads to.
        tab: `WAITING` for review, or confirmed and waiting for its `OUTCOME`.
        hits: every hit of the item, the newest first.
        captured, seen: of the newest hit, as a time and in words.
        deadline: the earliest of its hits'.
        mine: this reviewer read it first, and another must read it now.
        note: what a reviewer should know before opening it.
    """

    id: str
    tab: str
    severity: str
    place: str
    camera: str
    purpose: str
    note: str
    captured: datetime
    seen: str
    deadline: datetime
    hits: tuple[str, ...]
    mine: bool

    def ages(self, now: datetime) -> str:
        """Say how long ago it was seen and how long it is kept; api/static/queue.js counts on from there."""
        return f"{span(now - self.captured)} ago, {span(self.deadline - now)} left"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which lines somebody wants to see; an empty field wants all."""

    tab: str = WAITING
    severity: str = ""
    camera: str = ""

    def takes(self, item: Item) -> bool:
        """Whether an item is one of them."""
        wanted = ((self.severity, item.severity), (self.camera, item.camera))
        return item.tab == self.tab and all(not want or want == has for want, has in wanted)


def items(service: Service, who: SignedIn) -> list[Item]:
    """Return the queue: what waits for review, then what waits for an outcome; each urgent first, oldest first."""
    groups: defaultdict[str, list[Waiting]] = defaultdict(list)
    for line in queue(service):
        single = line.state is not State.PENDING or line.doubted
        groups[line.id if single else line.alike].append(line)
    reading, now = readers.being_read(service, who), service.now()
    return [_item(service, who, group, reading, now) for group in groups.values()]


def next_hit(service: Service, who: SignedIn, after: UUID | None) -> str:
    """Return the hit to read next, empty where none waits: not `after`, and none that somebody else reads."""
    reading = readers.being_read(service, who)
    waiting = [item for item in items(service, who) if item.tab == WAITING and not item.mine]
    free = [hit for item in waiting for hit in item.hits if hit not in reading and hit != str(after)]
    return next(iter(free), "")


def _item(
    service: Service, who: SignedIn, group: Sequence[Waiting], reading: dict[str, str], now: datetime
) -> Item:
    newest = max(group, key=lambda line: line.captured)
    return Item(
        id=newest.id,
        tab=WAITING if newest.state is State.PENDING else OUTCOME,
        severity=min((line.severity for line in group), key=SEVERITIES.index),
        place=newest.place,
        camera=newest.camera,
        purpose=newest.purpose.replace("-", " "),
        note=", ".join(_notes(newest, group, reading)),
        captured=newest.captured,
        seen=_seen(newest, now, service),
        deadline=min(line.deadline for line in group),
        hits=tuple(line.id for line in sorted(group, key=lambda line: line.captured, reverse=True)),
        mine=newest.doubted_by == who.person.id,
    )


def _notes(newest: Waiting, group: Sequence[Waiting], reading: dict[str, str]) -> list[str]:
    """Return what is to be known of an item, in words."""
    notes = ["UNVERIFIED" if newest.state is State.PENDING else newest.state.value]
    notes += [f"seen {len(group)} times"] if len(group) > 1 else []
    notes += [_NOTES[newest.kind]] if newest.kind in _NOTES else []
    notes += ["needs a second reader"] if newest.doubted and newest.state is State.PENDING else []
    notes += ["on hold"] if newest.held else []
    names = sorted({reading[line.id] for line in group if line.id in reading})
    return notes + [f"{name} is reading it" for name in names]


def _seen(line: Waiting, now: datetime, service: Service) -> str:
    words = clock_time(line.captured, now, service.settings.zone)
    return words if line.basis is Basis.SYNCHRONISED else f"{words}, {line.basis}"
