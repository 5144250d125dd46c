"""A hit's life, as a pure state machine (R8, R9): states and events in, the next status out.

    PENDING    --blind reading agrees, entry still current-->  PENDING, compared
    PENDING    --off by one character or the region only---->  PENDING, doubted: another reviewer reads it once more
    PENDING    --anything else in the comparison------------>  REFUTED
    doubted    --any reading that does not agree------------>  REFUTED
    compared   --disposition "correct read"----------------->  CONFIRMED
    compared   --any other disposition---------------------->  REFUTED
    PENDING    --its deadline------------------------------->  EXPIRED
    CONFIRMED  --outcome------------------------------------>  CONCLUDED
    CONFIRMED  --its deadline, no outcome------------------->  EXPIRED
    CONCLUDED  --the deadline its outcome sets-------------->  DESTROYED
    CONFIRMED, CONCLUDED --legal hold of two people--------->  held: no deadline counts until the hold's end

The first outcome sets the deadline; only the first that the law keeps evidence for (`QUALIFYING`) may move it
further, once. No repetition, other order or hold does.

REFUTED, EXPIRED and DESTROYED are final, and the hit's contents are destroyed on entering them. No I/O, no
clock: the time is an argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from api.core.errors import IllegalTransitionError
from hitonly_core.policy import WINDOW_CEILING


class State(StrEnum):
    """Where a hit stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    CONCLUDED = "concluded"
    REFUTED = "refuted"
    EXPIRED = "expired"
    DESTROYED = "destroyed"


FINAL: Final = frozenset({State.REFUTED, State.EXPIRED, State.DESTROYED})


class Outcome(StrEnum):
    """What a confirmed hit led to (Saf-C 7204.01). Several can be recorded: a stop, then an arrest.

    `WRONG_VEHICLE` is what the unit on the road finds: the crop shows the plate only, and no reviewer can tell.
    """

    STOP = "stop"
    SEARCH = "search"
    RELEASE = "release"
    ARREST = "arrest"
    CITATION = "citation"
    PROTECTIVE_CUSTODY = "protective-custody"
    MISSING_FOUND = "missing-person-found"
    WRONG_VEHICLE = "wrong-vehicle"
    NONE = "none"


class Mistake(StrEnum):
    """Why a hit was refuted; kept as a count after the hit is gone (R20)."""

    MISREAD = "misread"
    ILLEGIBLE = "illegible"
    WRONG_REGION = "wrong-region"
    STALE_ENTRY = "stale-entry"


class Comparison(StrEnum):
    """How the blind reading, made before the entry was shown, agrees with the entry (R9)."""

    AGREES = "agrees"
    OTHER_PLATE = "other-plate"
    OTHER_REGION = "other-region"
    ILLEGIBLE = "illegible"


_REFUTES: Final = MappingProxyType(
    {
        Comparison.OTHER_PLATE: Mistake.MISREAD,
        Comparison.OTHER_REGION: Mistake.WRONG_REGION,
        Comparison.ILLEGIBLE: Mistake.ILLEGIBLE,
    }
)

QUALIFYING: Final = frozenset(
    {Outcome.ARREST, Outcome.CITATION, Outcome.PROTECTIVE_CUSTODY, Outcome.MISSING_FOUND}
)
"""The four outcomes of RSA 261:75-b VIII that a hit is kept for."""
DAY: Final = timedelta(days=1)
SHORTEST: Final[Mapping[Outcome, timedelta]] = MappingProxyType(
    {
        Outcome.NONE: timedelta(0),
        Outcome.RELEASE: timedelta(0),
        Outcome.WRONG_VEHICLE: timedelta(0),
        Outcome.STOP: DAY,
        Outcome.SEARCH: DAY,
        Outcome.ARREST: 30 * DAY,
        Outcome.CITATION: 30 * DAY,
        Outcome.PROTECTIVE_CUSTODY: 30 * DAY,
        Outcome.MISSING_FOUND: 30 * DAY,
    }
)
"""How long a hit is kept after each outcome; only the four of RSA 261:75-b VIII keep it past a day."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each state may last.

    Attributes:
        pending: from arrival to the end of review.
        confirmed: from confirmation to an outcome.
        outcomes: from the outcome to destruction; the first one counts, and the first qualifying one.
        hold: the longest that a legal hold may last, from the second person's agreement.
        strict: an unreviewed hit expires with the read's own window.
        window: that window, from capture (R1).
    """

    pending: timedelta = timedelta(hours=1)
    confirmed: timedelta = DAY
    outcomes: Mapping[Outcome, timedelta] = field(default_factory=lambda: SHORTEST)
    hold: timedelta = 90 * DAY
    strict: bool = False
    window: timedelta = WINDOW_CEILING


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: who ordered it, why, and when it ends. There is none without an end (R8).

    Attributes:
        reason: why.
        authority: who ordered it.
        until: its end.
        asked_by: id of the person who asked for it.
        agreed_by: id of the second person; empty while it is only asked for, and does not hold.
        id: told from every other; the second person names the one that they saw.
    """

    reason: str = field(repr=False)
    authority: str
    until: datetime
    asked_by: str = ""
    agreed_by: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """Where one hit stands.

    Attributes:
        state: its state.
        deadline: when the state ends by itself; kept, for the record, in a final state.
        compared: the blind reading agreed and the entry was current; only then is the entry shown.
        mistake: why it was refuted.
        outcomes: what a confirmed hit led to.
        hold: the legal hold in force.
        doubted: a first reading nearly agreed, and a second one, by another reviewer, decides.
        asked: a legal hold that waits for the second person; nothing is kept by it.
    """

    state: State
    deadline: datetime
    compared: bool = False
    mistake: Mistake | None = None
    outcomes: frozenset[Outcome] = frozenset()
    hold: Hold | None = None
    doubted: bool = False
    asked: Hold | None = None

    @property
    def final(self) -> bool:
        """Whether the hit's contents are, or must now be, destroyed."""
        return self.state in FINAL

    @property
    def unread(self) -> bool:
        """Whether nobody's blind reading agreed yet, so that nothing but the crop may be seen (R9)."""
        return self.state is State.PENDING and not self.compared


def arrive(captured: datetime, now: datetime, deadlines: Deadlines) -> Status:
    """Return a new hit's status; it may already have expired (strict mode, a long time off line)."""
    deadline = captured + deadlines.window if deadlines.strict else now + deadlines.pending
    return tick(Status(State.PENDING, deadline), now)


def compare(
    status: Status, comparison: Comparison, *, current: bool, now: datetime, nearly: bool = False
) -> Status:
    """Return the status after the blind reading and the recheck against the current list.

    Anything but agreement with an entry that is still current refutes, finally (R9); but a first reading that
    nearly agrees leaves the decision to a second one. The deadline stays as it was.

    Args:
        status: where the hit stands.
        comparison: how the reading agrees.
        current: whether the entry that it agrees with, or nearly does, is still on the list.
        now: the time.
        nearly: off by one character or by the region only, and there is another reviewer.

    Raises:
        IllegalTransitionError: the hit is not pending, or was compared before.
    """
    _need(status, now, State.PENDING)
    if status.compared:
        raise IllegalTransitionError("the hit has been read already; the first blind reading counts")
    if comparison is not Comparison.AGREES:
        if nearly and current and not status.doubted:
            return replace(status, doubted=True)
        return replace(status, state=State.REFUTED, mistake=_REFUTES[comparison])
    if not current:
        return replace(status, state=State.REFUTED, mistake=Mistake.STALE_ENTRY)
    return replace(status, compared=True)


def refute(status: Status, mistake: Mistake, now: datetime) -> Status:
    """Return the status after a disposition that says what is wrong.

    Raises:
        IllegalTransitionError: the hit is not pending, or was not read blind first.
    """
    _need_compared(status, now)
    return replace(status, state=State.REFUTED, mistake=mistake)


def confirm(status: Status, *, current: bool, now: datetime, deadlines: Deadlines) -> Status:
    """Return the status after the disposition "correct read"; a cancelled entry refutes instead.

    Raises:
        IllegalTransitionError: the hit is not pending, or was not read blind first (R9).
    """
    _need_compared(status, now)
    if not current:
        return replace(status, state=State.REFUTED, mistake=Mistake.STALE_ENTRY)
    return replace(status, state=State.CONFIRMED, deadline=now + deadlines.confirmed)


def conclude(status: Status, outcome: Outcome, now: datetime, deadlines: Deadlines) -> Status:
    """Return the status after one more outcome.

    The deadline is the first outcome's, or the first qualifying one's. It does not move any more once it has
    passed, when only a legal hold keeps the hit.

    Raises:
        IllegalTransitionError: the hit is not confirmed, or "none" contradicts what is recorded.
    """
    _need(status, now, State.CONFIRMED, State.CONCLUDED)
    outcomes = status.outcomes | {outcome}
    if Outcome.NONE in outcomes and len(outcomes) > 1:
        raise IllegalTransitionError('"none" and another outcome contradict each other')
    deadline = status.deadline
    first_qualifying = outcome in QUALIFYING and not status.outcomes & QUALIFYING
    if now < status.deadline and (first_qualifying or not status.outcomes):
        deadline = now + deadlines.outcomes[outcome]
        if status.outcomes:
            deadline = max(deadline, status.deadline)
    changed = replace(status, state=State.CONCLUDED, outcomes=outcomes, deadline=deadline)
    return tick(changed, now)


def ask_hold(status: Status, order: Hold, now: datetime, deadlines: Deadlines) -> Status:
    """Return the status with a legal hold asked for, or renewed; it keeps nothing until a second person agrees.

    Raises:
        IllegalTransitionError: the hit is not confirmed, or the order lacks a reason, an authority, a person, or
            an end that is ahead and near enough.
    """
    _need(status, now, State.CONFIRMED, State.CONCLUDED)
    texts = (order.reason.strip(), order.authority.strip(), order.asked_by)
    if not all(text and text.isprintable() for text in texts):
        raise IllegalTransitionError("a legal hold needs a reason and an authority")
    _need_end(order, now, deadlines)
    return replace(status, asked=replace(order, agreed_by=""))


def agree_hold(status: Status, person: str, now: datetime, deadlines: Deadlines) -> Status:
    """Return the status under the legal hold that was asked for, now that a second person agrees.

    Raises:
        IllegalTransitionError: no hold waits, the person is the one who asked, or its end is not ahead and near.
    """
    _need(status, now, State.CONFIRMED, State.CONCLUDED)
    if status.asked is None:
        raise IllegalTransitionError("no legal hold waits for a second person")
    if not person or person == status.asked.asked_by:
        raise IllegalTransitionError(
            "a legal hold needs a second person: whoever asked for it cannot agree to it"
        )
    _need_end(status.asked, now, deadlines)
    return replace(status, hold=replace(status.asked, agreed_by=person), asked=None)


def _need_end(order: Hold, now: datetime, deadlines: Deadlines) -> None:
    """Refuse an end that is past, or too far off.

    Raises:
        IllegalTransitionError: it is.
    """
    if order.until <= now:
        raise IllegalTransitionError("a legal hold needs an end in the future")
    if order.until > now + deadlines.hold:
        raise IllegalTransitionError(
            f"a legal hold ends within {deadlines.hold.days} days; the same two steps can renew it then"
        )


def release(status: Status, now: datetime) -> Status:
    """Return the status after a legal hold is lifted or no longer asked for; a deadline that passed counts at once.

    Raises:
        IllegalTransitionError: no hold is in force or asked for.
    """
    if status.final or (status.hold is None and status.asked is None):
        raise IllegalTransitionError("no legal hold is in force")
    return tick(replace(status, hold=None, asked=None), now)


def tick(status: Status, now: datetime) -> Status:
    """Return the status once the time is `now`: what its deadline, or its hold's end, has made of it."""
    if status.final:
        return status
    if status.hold is not None:
        if now < status.hold.until:
            return status
        status = replace(status, hold=None)
    if now < status.deadline:
        return status
    ended = State.DESTROYED if status.state is State.CONCLUDED else State.EXPIRED
    return replace(status, state=ended, asked=None)


def _need(status: Status, now: datetime, *states: State) -> None:
    """Refuse a step from any other state, or after the deadline.

    Raises:
        IllegalTransitionError: the hit does not stand in one of the states.
    """
    standing = tick(status, now)
    if standing.state not in states:
        wanted = " or ".join(states)
        raise IllegalTransitionError(f"the hit is {standing.state}; this step needs {wanted}")


def _need_compared(status: Status, now: datetime) -> None:
    """Refuse a disposition before the blind reading.

    Raises:
        IllegalTransitionError: the hit is not pending, or was not read blind first.
    """
    _need(status, now, State.PENDING)
    if not status.compared:
        raise IllegalTransitionError("the hit has not been read blind yet")
