"""The list in use, with a real store and a clock that the test moves."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from edge.department.list_watch import ListState, ListWatch
from hitonly_core.clock import NS
from hitonly_core.files import write_durably
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.matcher import Matcher
from hotlist.matching.plate_index import Index
from hotlist.plate import encode
from hotlist.signed_list.bundle import HotList
from hotlist.signed_list.store import LAST, HotListStore
from tests.hand_clock import HandClock
from tests.hotlist_maker import NOW, Department

POLL_NS = 5 * NS


def _build(hot_list: HotList) -> Matcher:
    codes = np.array([encode(plate) for plate in hot_list.entries.plates()], np.uint64)
    return Matcher(Index.from_codes(hot_list.version, hot_list.entries, codes), MatchSettings())


class Box:
    """A watch over a real store, and what it said."""

    def __init__(self, folder: Path, nh: Department) -> None:
        self.clock, self.said, self.folder, self.nh = HandClock(wall=NOW), list[str](), folder, nh
        store = HotListStore(folder / "trust", nh.device, source=folder / "incoming")
        store.begin(nh.name, nh.keys)
        self.watch = ListWatch(
            store, _build, self.clock, max_age=timedelta(hours=24), poll_ns=POLL_NS, say=self.said.append
        )

    def arrive(self, version: int = 1, *, issued: datetime = NOW) -> None:
        """Put a new list where lists arrive."""
        write_durably(self.folder / "incoming", self.nh.file(version=version, issued=issued))

    def poll(self) -> bool:
        """Look for a list at the next time that one is looked for."""
        self.clock.step(timedelta(seconds=6))
        return self.watch.poll()


def _alerts(box: Box) -> bool:
    return box.watch.current is not None


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """Return a box that trusts a department and has no list yet."""
    return Box(tmp_path, Department())


def test_a_list_alerts_from_when_it_is_taken_until_it_is_stale_or_ends(box: Box) -> None:
    """R7: absent, fresh for 24 hours after its issue, then stale, then past its own end; only fresh matches."""
    assert (box.watch.state, _alerts(box), box.watch.version) == (ListState.ABSENT, False, 0)
    box.arrive()
    assert box.poll()
    assert (box.watch.state, box.watch.version) == (ListState.FRESH, 1)
    assert _alerts(box)
    box.clock.step(timedelta(hours=24))
    assert (box.watch.state, _alerts(box)) == (ListState.STALE, False)
    box.clock.step(timedelta(hours=24))
    assert (box.watch.state, _alerts(box)) == (ListState.EXPIRED, False)


def test_the_store_is_not_asked_more_often_than_set(box: Box) -> None:
    """A poll before its time looks at nothing."""
    box.arrive()
    assert box.poll()
    box.arrive(2)
    box.clock.step(timedelta(seconds=4))
    assert not box.watch.poll()
    box.clock.step(timedelta(seconds=1))
    assert box.watch.poll()
    assert box.watch.version == 2


@pytest.mark.parametrize("back", [timedelta(hours=30), timedelta(days=20_000)])
def test_a_clock_set_back_makes_no_stale_list_young(back: timedelta, box: Box) -> None:
    """Promise 7 holds against somebody who sets the time: boot time tells that the list has become old."""
    box.arrive()
    assert box.poll()
    box.clock.step(timedelta(hours=25), wall=timedelta(hours=25) - back)
    assert (box.watch.state, _alerts(box)) == (ListState.STALE, False)
    assert box.watch.now() >= NOW + timedelta(hours=25)


def test_a_list_refused_for_a_slow_clock_is_taken_when_the_clock_is_right(box: Box) -> None:
    """A box without a battery starts in the past: its list counts as soon as the time is known; said once."""
    box.clock.wall -= timedelta(days=3)
    box.arrive()
    assert not any(box.poll() for _ in range(3))
    assert (len(box.said), box.watch.refused) == (1, 1)
    assert "yet to come" in box.said[0]
    box.clock.wall += timedelta(days=3)
    assert any(box.poll() for _ in range(2))
    assert box.watch.state is ListState.FRESH


def _block(folder: Path) -> Callable[[], None]:
    """Make the store's folder refuse the list; return what makes it take it again."""
    (folder / "trust" / LAST).mkdir()
    return (folder / "trust" / LAST).rmdir


def test_a_list_that_the_disk_refused_is_taken_when_there_is_room(box: Box) -> None:
    """A full disk passes: nobody has to publish again for the box's sake."""
    mend = _block(box.folder)
    box.arrive()
    assert not any(box.poll() for _ in range(4))
    mend()
    assert any(box.poll() for _ in range(2))
    assert box.watch.version == 1


def test_a_forged_list_is_refused_once_and_the_old_one_runs_on(box: Box) -> None:
    """What no clock and no disk can mend is not tried again."""
    box.arrive()
    assert box.poll()
    write_durably(box.folder / "incoming", Department(device=box.nh.device).file(version=9))
    assert not any(box.poll() for _ in range(3))
    assert (box.watch.version, box.watch.state, box.watch.refused) == (1, ListState.FRESH, 1)
    assert sum("refused" in sentence for sentence in box.said) == 1
