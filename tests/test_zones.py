"""Zones: a plate counts where its box's centre lies in an include, if there is any, and in no exclude."""

from hypothesis import given
from hypothesis import strategies as st

from edge.flow import Box
from edge.vision.zones import Zones

WIDTH, HEIGHT = 1000, 500
LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT_HALF = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
HOLLOW = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.2), (0.1, 0.9))
"""A shape like an M: what lies between its legs is outside."""


def at(x: float, y: float, size: float = 40) -> Box:
    """Return a box whose centre is at this part of the picture."""
    x, y = x * WIDTH, y * HEIGHT
    return Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)


def allowed(zones: Zones, box: Box) -> bool:
    """Ask the zones about a box of the test's picture."""
    return zones.allow(box, WIDTH, HEIGHT)


@given(x=st.floats(0, 1), y=st.floats(0, 1))
def test_without_zones_every_place_counts(x: float, y: float) -> None:
    """No polygon is no restriction."""
    assert allowed(Zones(), at(x, y))


@given(x=st.floats(0.001, 0.999).filter(lambda x: abs(x - 0.5) > 1e-6), y=st.floats(0.001, 0.999))
def test_an_exclude_takes_away_what_an_include_gives(x: float, y: float) -> None:
    """Including one half is excluding the other; excluding the included leaves nothing."""
    box = at(x, y)

    assert allowed(Zones(include=(LEFT_HALF,)), box) == (x < 0.5)
    assert allowed(Zones(exclude=(RIGHT_HALF,)), box) == (x < 0.5)
    assert allowed(Zones(include=(LEFT_HALF, RIGHT_HALF)), box)
    assert not allowed(Zones(include=(LEFT_HALF,), exclude=(LEFT_HALF,)), box)


def test_the_centre_decides_not_the_box() -> None:
    """A box that reaches into a zone counts by its centre only."""
    zones = Zones(include=(LEFT_HALF,))

    assert allowed(zones, at(0.49, 0.5, size=400))
    assert not allowed(zones, at(0.51, 0.5, size=400))


def test_a_zone_may_have_a_bay() -> None:
    """Polygons need not be convex."""
    zones = Zones(include=(HOLLOW,))

    assert allowed(zones, at(0.15, 0.7))
    assert allowed(zones, at(0.85, 0.7))
    assert not allowed(zones, at(0.5, 0.7))


@given(x=st.floats(0.01, 0.99), y=st.floats(0.01, 0.99), turn=st.integers(0, 4), backwards=st.booleans())
def test_where_a_polygon_begins_and_which_way_it_runs_is_nothing(
    *, x: float, y: float, turn: int, backwards: bool
) -> None:
    """The same polygon from another corner, or the other way round, is the same zone."""
    turned = HOLLOW[turn:] + HOLLOW[:turn]
    other = turned[::-1] if backwards else turned

    assert allowed(Zones(include=(HOLLOW,)), at(x, y)) == allowed(Zones(include=(other,)), at(x, y))


@given(x=st.integers(1, 99), y=st.integers(1, 49), scale=st.sampled_from([1, 2, 4, 8]))
def test_zones_hold_at_any_resolution(x: int, y: int, scale: int) -> None:
    """Zones are parts of the picture: the same place counts whatever the camera's resolution."""
    zones = Zones(include=(HOLLOW,))
    box = at(x / 100, y / 50)
    larger = Box(box.left * scale, box.top * scale, box.right * scale, box.bottom * scale)

    assert zones.allow(larger, WIDTH * scale, HEIGHT * scale) == allowed(zones, box)
