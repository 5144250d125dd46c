"""Which hot list a device can rightly have matched a hit against, at the time of capture that it claims (R7)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from api.accounts.people import Role
from api.core.errors import ListVersionError
from api.db.models import CountRow, HitRow, ListRow, SeenRow
from api.lists import publishing
from api.lists.list_age import check_lists
from protocol.hit import Hit
from tests.api_kit import PLATE, START, Box, Desk, make_entry, make_hit

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
DAY = 24 * HOUR
BEFORE = timedelta(minutes=8)
"""A read from the longest window (3 minutes), by a clock that is 5 minutes slow."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department that published version 1 at START and version 2 an hour later."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    publishing.publish(desk.service, "person:arno")
    desk.clock.move(hours=1)
    publishing.publish(desk.service, "person:arno")
    yield desk
    desk.service.close()


@pytest.fixture
def box(desk: Desk) -> Box:
    """Return a box that was enrolled a month before the lists."""
    now, desk.clock.now = desk.clock.now, START - timedelta(days=30)
    box = desk.box(published=False)
    desk.clock.now = now
    return box


def matched(version: int, captured: timedelta) -> Hit:
    """Return a hit that names a list's version, captured so long after START."""
    hit = make_hit(captured=START + captured)
    return replace(hit, matches=(replace(hit.matches[0], list_version=version),))


def deliver(desk: Desk, box: Box, hit: Hit | bytes) -> str:
    """Deliver a hit a week after START, when its time of capture is past; return what became of it."""
    desk.clock.now = START + timedelta(days=7)
    (result,) = box.deliver(hit if isinstance(hit, bytes) else box.sealed(hit)).json()["results"]
    return str(result["problem"]["type"].rpartition(":")[2] if result["problem"] else result["status"])


@pytest.mark.parametrize(
    ("version", "captured"),
    [
        pytest.param(1, timedelta(0), id="the moment it is published"),
        pytest.param(1, 2 * HOUR, id="superseded an hour ago: boxes fetch with a delay"),
        pytest.param(1, 25 * HOUR, id="superseded 24 hours ago, to the second"),
        pytest.param(1, -BEFORE, id="a read of the window, matched again, by a slow clock"),
        pytest.param(2, 2 * DAY, id="the newest there is"),
    ],
)
def test_a_list_that_could_be_in_use_is_accepted(
    desk: Desk, box: Box, version: int, captured: timedelta
) -> None:
    """Also when it is delivered days later; the review asks the list of that moment."""
    assert deliver(desk, box, matched(version, captured)) == "stored"


@pytest.mark.parametrize(
    ("version", "captured"),
    [
        pytest.param(1, 25 * HOUR + SECOND, id="superseded a second over 24 hours ago"),
        pytest.param(1, 5 * DAY, id="superseded days ago"),
        pytest.param(1, -BEFORE - SECOND, id="before it existed"),
        pytest.param(2, HOUR - BEFORE - SECOND, id="before the second existed"),
        pytest.param(3, 2 * HOUR, id="one that does not exist yet"),
        pytest.param(1_000_000, 2 * HOUR, id="one far ahead"),
        pytest.param(1, -29 * DAY, id="weeks before any list"),
    ],
)
def test_a_list_that_could_not_be_in_use_is_refused_on_arrival(
    desk: Desk, box: Box, version: int, captured: timedelta
) -> None:
    """A problem document, an audit line, a count on the device's page; and nothing else changes."""
    before = desk.acts()
    assert deliver(desk, box, matched(version, captured)) == "list-version"
    assert (desk.count(HitRow), desk.count(SeenRow)) == (0, 0)
    assert desk.acts() == [*before, "hit.refuse"]
    with desk.service.database.read() as session:
        assert [(row.device, row.what, row.n) for row in session.query(CountRow)] == [
            ("camera-1", "refused:list-version", 1)
        ]
    browser = desk.sign_in("ada", Role.AUDITOR)
    assert "1 deliveries" in browser.get("/devices").text
    assert browser.get("/v1/devices/camera-1").json()["refused"] == 1


def test_the_problem_says_why_and_names_no_plate(desk: Desk, box: Box) -> None:
    """The device's operator reads what is wrong; the others of the batch are taken."""
    desk.clock.now = START + timedelta(days=7)
    answer = box.deliver(box.sealed(matched(9, HOUR)), box.sealed(matched(2, HOUR)))
    refused, stored = answer.json()["results"]
    assert refused["problem"]["detail"] == "the hit was matched against a list that was never published"
    assert "newest published version is 2" in refused["problem"]["hint"]
    assert stored["status"] == "stored"
    assert PLATE not in answer.text


def test_one_match_of_a_wrong_list_is_enough(desk: Desk, box: Box) -> None:
    """A hit names a list with each of its matches."""
    good, bad = matched(2, HOUR), matched(9, HOUR)
    both = replace(good, matches=(good.matches[0], bad.matches[0]))
    assert deliver(desk, box, both) == "list-version"


def test_a_capture_in_the_future_is_refused_for_that(desk: Desk, box: Box) -> None:
    """Five minutes ahead are a clock a little off; a second more is refused before its list is asked for."""
    desk.clock.now = START + 2 * HOUR
    ahead = timedelta(minutes=5)
    results = box.deliver(
        box.sealed(matched(2, 2 * HOUR + ahead)), box.sealed(matched(2, 2 * HOUR + ahead + SECOND))
    ).json()["results"]
    assert results[0]["status"] == "stored"
    assert "captured in the future" in results[1]["problem"]["detail"]


def test_a_capture_before_the_device_was_enrolled_is_refused(desk: Desk) -> None:
    """A clock that was set wrong; five minutes are forgiven."""
    desk.clock.now = START + 3 * HOUR
    box = desk.box(published=False)
    late = timedelta(minutes=5)
    assert deliver(desk, box, matched(2, 3 * HOUR - late - SECOND)) == "list-version"
    assert deliver(desk, box, matched(2, 3 * HOUR - late)) == "stored"


def test_what_was_accepted_is_acknowledged_again_whatever_became_of_its_list(desk: Desk, box: Box) -> None:
    """Delivery stays idempotent."""
    envelope = box.sealed(matched(2, HOUR))
    assert deliver(desk, box, envelope) == "stored"
    with desk.service.database.begin() as session:
        session.execute(delete(ListRow))
    assert deliver(desk, box, envelope) == "known"


def test_a_cancelled_entry_of_a_list_in_use_is_accepted_and_refuted_at_review(desk: Desk, box: Box) -> None:
    """The two checks are two: the list at capture on arrival, the entry now at review (R9)."""
    hit = matched(2, HOUR)
    assert deliver(desk, box, hit) == "stored"
    editor = desk.sign_in("edith", Role.EDITOR)
    entry = hit.matches[0].entry.id
    assert editor.post(f"/v1/entries/{entry}/cancel", json={"reason": "found"}).json() == {
        "version": 3,
        "published": True,
    }
    reviewer = desk.sign_in("dora", Role.REVIEWER)
    path = f"/v1/hits/{hit.id}"
    reviewer.post(f"{path}/open", json={"purpose": "review-alert", "case_number": "1"})
    answer = reviewer.post(f"{path}/reading", json={"plate": PLATE, "region": "GB"}).json()
    assert (answer["state"], answer["mistake"]) == ("refuted", "stale-entry")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    version=st.integers(-3, 5) | st.integers(-(2**63), 2**63),
    captured=st.integers(-3 * 86_400, 3 * 86_400),
)
def test_the_rule_is_one_interval_for_each_published_version(
    desk: Desk, box: Box, version: int, captured: int
) -> None:
    """Accepted from 8 minutes before its publication to 24 hours after the next one, and never otherwise."""
    assert box.id == "camera-1"
    moment = timedelta(seconds=captured)
    begins, ends = {1: (timedelta(0), HOUR + DAY), 2: (HOUR, 365 * DAY)}.get(version, (DAY, -DAY))
    hit, right = matched(version, moment), begins - BEFORE <= moment <= ends
    with desk.service.database.read() as session:
        try:
            check_lists(session, hit, captured=hit.captured)
        except ListVersionError:
            assert not right
        else:
            assert right
