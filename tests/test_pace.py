"""How often frames are looked at: as often as asked for, whatever the camera's own rate and unevenness."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sampling import Pace
from hitonly_core.clock import NS

TENTH = NS // 10


def taken(pace: Pace, moments: list[int]) -> list[int]:
    """Return the moments at which a turn was due."""
    return [now for now in moments if pace.due(now)]


@given(st.lists(st.integers(NS // 100, NS), min_size=1, max_size=200))
def test_nobody_waits_longer_than_an_interval_and_a_frame(gaps: list[int]) -> None:
    """The first is taken; none too soon, or a quarter where frames are rare; none later than the next."""
    moments = [sum(gaps[:place]) for place in range(len(gaps) + 1)]
    turns = taken(Pace(TENTH), moments)

    assert turns[0] == moments[0]
    for before, after in itertools.pairwise(turns):
        gap = after - moments[moments.index(after) - 1]
        assert after - before >= (TENTH if gap < TENTH / 2 else 0.75 * TENTH)
        assert not [now for now in moments if before + TENTH <= now < after]


@pytest.mark.parametrize(("rate", "every"), [(5, 1), (10, 1), (12, 1), (15, 2), (25, 3), (30, 3), (60, 6)])
def test_common_frame_rates(rate: int, every: int) -> None:
    """Ten a second are asked for: a slow camera's every frame, or every third of 25 and 30 a second."""
    moments = [number * NS // rate for number in range(120)]

    assert taken(Pace(TENTH), moments) == moments[::every]


def test_a_camera_at_the_same_pace_loses_no_frame() -> None:
    """Frames that come 8 ms early and late by turns are all taken."""
    moments = [number * TENTH + (number % 2) * 8_000_000 for number in range(50)]

    assert taken(Pace(TENTH), moments) == moments


def test_a_time_that_jumps_back_starves_nobody() -> None:
    """A clip whose time stamps begin anew goes on being looked at."""
    moments = [0, TENTH, 2 * TENTH, 0, TENTH]

    assert taken(Pace(TENTH), moments) == moments
