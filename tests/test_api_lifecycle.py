from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.core import lifecycle as life
from api.core.errors import IllegalTransitionError
from api.core.lifecycle import Comparison, Deadlines, Hold, Mistake, Outcome, State, Status
from tests.api_kit import START

RULES = Deadlines()
MINUTE = timedelta(minutes=1)
ORDER = Hold(
    reason="preservation request",
    authority="Superior Court",
    until=START + timedelta(days=90),
    asked_by="dora",
)


def fresh() -> Status:
    """Return a hit that has just arrived."""
    return life.arrive(START, START, RULES)


def confirmed() -> Status:
    """Return a hit that was read blind and confirmed."""
    compared = life.compare(fresh(), Comparison.AGREES, current=True, now=START)
    return life.confirm(compared, current=True, now=START, deadlines=RULES)


STEPS = st.one_of(
    st.tuples(st.just("compare"), st.sampled_from(Comparison), st.booleans(), st.booleans()),
    st.tuples(st.just("confirm"), st.booleans()),
    st.tuples(st.just("refute"), st.sampled_from(Mistake)),
    st.tuples(st.just("conclude"), st.sampled_from(Outcome)),
    st.tuples(st.just("hold"), st.integers(-2, 120), st.sampled_from(["dora", "arno"])),
    st.tuples(st.just("agree"), st.sampled_from(["dora", "arno"])),
    st.tuples(st.just("release")),
    st.tuples(st.just("tick")),
)


def apply(status: Status, step: tuple[Any, ...], now: datetime) -> Status:  # noqa: PLR0911 - one a step
    """Take one step through the public functions."""
    match step:
        case ("compare", comparison, current, nearly):
            return life.compare(status, comparison, current=current, now=now, nearly=nearly)
        case ("confirm", current):
            return life.confirm(status, current=current, now=now, deadlines=RULES)
        case ("refute", mistake):
            return life.refute(status, mistake, now)
        case ("conclude", outcome):
            return life.conclude(status, outcome, now, RULES)
        case ("hold", days, person):
            order = replace(ORDER, until=now + timedelta(days=days), asked_by=person)
            return life.ask_hold(status, order, now, RULES)
        case ("agree", person):
            return life.agree_hold(status, person, now, RULES)
        case ("release",):
            return life.release(status, now)
    return life.tick(status, now)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(STEPS, st.integers(0, 3000)), max_size=14))
def test_no_path_confirms_without_a_blind_reading_and_none_leaves_an_end(
    path: list[tuple[tuple[object, ...], int]],
) -> None:
    """Whatever is tried in whatever order: confirmed means read blind; ends are final (R8, R9)."""
    status, now, agreed = fresh(), START, False
    for step, minutes in path:
        now += minutes * MINUTE
        before = status
        try:
            status = apply(status, step, now)
        except IllegalTransitionError:
            continue
        if step[:2] == ("compare", Comparison.AGREES) and step[2] and status.state is State.PENDING:
            agreed = True
        if before.final:
            assert status == before
        if status.state in {State.CONFIRMED, State.CONCLUDED}:
            assert agreed
            assert status.compared
        assert (status.mistake is not None) == (status.state is State.REFUTED)
        assert (status.hold is None) or status.state in {State.CONFIRMED, State.CONCLUDED}
        alive = status.final or now < status.deadline or (status.hold and now < status.hold.until)
        assert alive or step[0] != "tick"


@given(st.sampled_from(Comparison), st.booleans())
def test_only_an_agreeing_reading_of_a_current_entry_goes_on(comparison: Comparison, current: bool) -> None:  # noqa: FBT001
    """A mismatch, an unreadable crop and a cancelled entry each end the hit (R9)."""
    after = life.compare(fresh(), comparison, current=current, now=START)
    assert (after.state is State.PENDING) == (comparison is Comparison.AGREES and current)


def test_the_first_blind_reading_counts() -> None:
    """Nobody reads again after a first reading: a second guess is refused."""
    compared = life.compare(fresh(), Comparison.AGREES, current=True, now=START)
    with pytest.raises(IllegalTransitionError, match="first blind reading"):
        life.compare(compared, Comparison.AGREES, current=True, now=START)


def test_an_entry_cancelled_between_reading_and_disposition_refutes() -> None:
    """The list is looked at again at the moment of confirmation (R7, R9)."""
    compared = life.compare(fresh(), Comparison.AGREES, current=True, now=START)
    after = life.confirm(compared, current=False, now=START, deadlines=RULES)
    assert (after.state, after.mistake) == (State.REFUTED, Mistake.STALE_ENTRY)


@pytest.mark.parametrize(("minutes", "state"), [(59, State.PENDING), (60, State.EXPIRED)])
def test_an_unreviewed_hit_expires_at_its_deadline(minutes: int, state: State) -> None:
    """To the minute: an hour by default."""
    assert life.tick(fresh(), START + minutes * MINUTE).state is state


@pytest.mark.parametrize(("seconds", "state"), [(179, State.PENDING), (180, State.EXPIRED)])
def test_in_strict_mode_a_hit_expires_with_the_reads_own_window(seconds: int, state: State) -> None:
    """Strict mode counts from the capture, not from the arrival (R1)."""
    rules = Deadlines(strict=True)
    status = life.arrive(START, START + timedelta(seconds=30), rules)
    assert life.tick(status, START + timedelta(seconds=seconds)).state is state
    assert life.arrive(START, START + timedelta(seconds=180), rules).state is State.EXPIRED


def test_a_confirmed_hit_without_an_outcome_expires() -> None:
    """Confirmation alone keeps nothing (R8)."""
    assert life.tick(confirmed(), START + timedelta(days=1)).state is State.EXPIRED


@pytest.mark.parametrize("outcome", [Outcome.NONE, Outcome.RELEASE])
def test_an_outcome_that_needs_no_evidence_destroys_at_once(outcome: Outcome) -> None:
    """Nothing came of it: nothing is kept."""
    assert life.conclude(confirmed(), outcome, START, RULES).state is State.DESTROYED


def test_the_first_qualifying_outcome_counts() -> None:
    """A stop that became an arrest is kept for the arrest's time."""
    stop = life.conclude(confirmed(), Outcome.STOP, START, RULES)
    both = life.conclude(stop, Outcome.ARREST, START + MINUTE, RULES)
    assert both.outcomes == {Outcome.STOP, Outcome.ARREST}
    assert both.deadline == START + MINUTE + timedelta(days=30)
    assert life.tick(both, both.deadline).state is State.DESTROYED
    with pytest.raises(IllegalTransitionError, match="contradict"):
        life.conclude(both, Outcome.NONE, START + MINUTE, RULES)


def test_a_legal_hold_stops_the_deadline_until_its_end() -> None:
    """Held past the deadline, destroyed at the hold's end (R8)."""
    asked = life.ask_hold(life.conclude(confirmed(), Outcome.STOP, START, RULES), ORDER, START, RULES)
    assert life.tick(asked, START + timedelta(days=1)).state is State.DESTROYED, "asking keeps nothing"
    held = life.agree_hold(asked, "arno", START, RULES)
    assert life.tick(held, START + timedelta(days=89)).state is State.CONCLUDED
    assert life.tick(held, ORDER.until).state is State.DESTROYED
    assert life.release(held, START + timedelta(days=2)).state is State.DESTROYED
    assert life.release(held, START + MINUTE).state is State.CONCLUDED


@pytest.mark.parametrize(
    "order",
    [
        replace(ORDER, reason=" "),
        replace(ORDER, authority=""),
        replace(ORDER, until=START),
        replace(ORDER, until=START + timedelta(days=90, seconds=1)),
        replace(ORDER, asked_by=""),
    ],
    ids=["no reason", "no authority", "no end in the future", "too long", "nobody asks"],
)
def test_a_legal_hold_lacks_nothing(order: Hold) -> None:
    """Reason, authority, a person and an end within the limit: without one of them there is no hold."""
    with pytest.raises(IllegalTransitionError):
        life.ask_hold(confirmed(), order, START, RULES)


def test_a_pending_hit_cannot_be_held() -> None:
    """What nobody has confirmed cannot be kept by a hold (R8)."""
    with pytest.raises(IllegalTransitionError):
        life.ask_hold(fresh(), ORDER, START, RULES)


def test_whoever_asks_for_a_hold_cannot_agree_to_it() -> None:
    """Two people, at the first time and at every renewal; no one alone moves its end."""
    asked = life.ask_hold(confirmed(), ORDER, START, RULES)
    with pytest.raises(IllegalTransitionError, match="second person"):
        life.agree_hold(asked, "dora", START, RULES)
    held = life.agree_hold(asked, "arno", START, RULES)
    later = START + timedelta(days=80)
    renewal = life.ask_hold(held, replace(ORDER, until=later + timedelta(days=60)), later, RULES)
    assert renewal.hold == held.hold
    assert life.tick(renewal, ORDER.until).final
    with pytest.raises(IllegalTransitionError, match="no legal hold waits"):
        life.agree_hold(held, "arno", START, RULES)
    renewed = life.agree_hold(renewal, "arno", later, RULES)
    assert renewed.hold
    assert renewed.hold.until == later + timedelta(days=60)


def test_a_hold_that_waited_too_long_for_its_second_person_is_refused() -> None:
    """An end that lay within the limit when it was asked for must still lie ahead."""
    held = life.agree_hold(life.ask_hold(confirmed(), ORDER, START, RULES), "arno", START, RULES)
    asked = life.ask_hold(held, replace(ORDER, until=START + timedelta(days=2)), START, RULES)
    with pytest.raises(IllegalTransitionError, match="in the future"):
        life.agree_hold(asked, "arno", START + timedelta(days=3), RULES)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(STEPS, st.integers(0, 60 * 24 * 12)), max_size=24))
def test_nothing_keeps_a_hit_longer_than_its_first_outcomes_and_holds_of_two(
    path: list[tuple[tuple[Any, ...], int]],
) -> None:
    """Whatever is done, repeated or reordered: the deadline is the first outcome's, or the first qualifying one's.

    Only a hold that two people agreed to keeps a hit beyond it, each at most 90 days from their agreement.
    """
    status, now = confirmed(), START
    most, qualified, held_until = status.deadline, False, START
    for step, minutes in path:
        now += minutes * MINUTE
        first = not status.outcomes
        try:
            after = apply(status, step, now)
        except IllegalTransitionError:
            after = status
        else:
            if (
                step[0] == "conclude"
                and (first or (step[1] in life.QUALIFYING and not qualified))
                and now < most
            ):
                most = max(now + RULES.outcomes[step[1]], START if first else most)
                qualified = step[1] in life.QUALIFYING
            if step[0] == "agree":
                assert status.asked
                assert step[1] != status.asked.asked_by
                held_until = status.asked.until
                assert held_until <= now + timedelta(days=90)
        status = after
        assert status.final or status.deadline <= most
        if now >= max(most, held_until):
            assert life.tick(status, now).final


def test_the_same_outcome_again_and_again_moves_nothing() -> None:
    """The attack: an arrest posted every 29 days kept the crop on day 348 of 30."""
    status = first = life.conclude(confirmed(), Outcome.ARREST, START, RULES)
    for day in range(0, 29, 7):
        now = START + timedelta(days=day)
        for outcome in (Outcome.ARREST, Outcome.CITATION, Outcome.STOP):
            status = life.conclude(status, outcome, now, RULES)
    assert status.deadline == first.deadline
    assert life.tick(status, START + timedelta(days=30)).state is State.DESTROYED
