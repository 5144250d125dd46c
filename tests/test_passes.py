import numpy as np
import pytest

from edge.flow import COLUMNS, SLOTS, Frame, Reading, Table
from edge.pipeline import fusion
from edge.pipeline.passes import KEPT, READ_DTYPE, Best, Pass
from edge.retention.arena import Arena
from edge.retention.window import Window
from hitonly_core.clock import NS, SystemClock
from hotlist.plate import ALPHABET, PAD


def table_of(text: str, sure: float) -> Table:
    """Return a table that reads a text, with a probability at each place."""
    columns = [ALPHABET.index(character) for character in text] + [PAD] * (SLOTS - len(text))
    table = np.full((SLOTS, COLUMNS), (1 - sure) / (COLUMNS - 1), np.float32)
    table[np.arange(SLOTS), columns] = sure
    return table


def read(of: Pass, window: Window, seconds: float, sure: float, *, quality: float, shade: int) -> None:
    """Add a reading at a time of the stream, of a crop of one shade."""
    clock = SystemClock()
    pixels = np.full((20, 60, 3), shade, np.uint8)
    frame = Frame("north", 0, clock.boot_ns(), clock.utc(), round(seconds * NS), pixels)
    of.add(window, frame, Reading(table_of("AB12CDE", sure), {}, pixels, quality), camera=0)


@pytest.fixture
def window() -> Window:
    """Return an empty window."""
    return Window(Arena(4, READ_DTYPE), SystemClock(), window_ns=180 * NS)


def test_a_sharp_thing_that_is_no_plate_neither_blocks_the_plate_nor_stands_in_the_hit(
    window: Window,
) -> None:
    """A lamp that the pass began with is larger and sharper; the plate is read all the same, and is the picture."""
    of = Pass()
    read(of, window, 0.0, 0.2, quality=330.0, shade=10)
    assert of.wants(180.0, NS)
    read(of, window, 1.0, 0.99, quality=180.0, shade=200)
    assert of.slot is not None
    assert int(Best.of(of.slot).crop[0, 0, 0]) == 200


def test_of_two_plain_readings_the_better_crop_stands_in_the_hit(window: Window) -> None:
    """Where both read as plainly, size and sharpness decide; a much worse crop is not read."""
    of = Pass()
    read(of, window, 0.0, 0.95, quality=200.0, shade=10)
    read(of, window, 0.5, 0.95, quality=300.0, shade=200)
    assert of.slot is not None
    assert int(Best.of(of.slot).crop[0, 0, 0]) == 200
    assert not of.wants(160.0, NS)


def test_a_likely_listed_plate_is_worth_a_worse_crop(window: Window) -> None:
    """In doubt about a listed plate more is read; without one the reader rests."""
    of = Pass()
    read(of, window, 0.0, 0.9, quality=300.0, shade=10)
    assert not of.wants(200.0, NS)
    of.doubtful = True
    assert of.wants(200.0, NS)
    assert not of.wants(100.0, NS)


def test_a_pass_is_due_once_when_nothing_was_worth_reading_for_half_a_second(window: Window) -> None:
    """Not before, not twice, not when it is settled; a new reading makes it due again."""
    of = Pass()
    assert not of.due(10 * NS)
    read(of, window, 1.0, 0.9, quality=200.0, shade=10)
    assert not of.due(round(1.4 * NS))
    assert of.due(round(1.5 * NS))
    of.decided = True
    assert not of.due(9 * NS)
    read(of, window, 2.0, 0.9, quality=200.0, shade=10)
    assert of.due(3 * NS)
    of.settled = True
    assert not of.due(3 * NS)


def test_legibility_tells_a_plate_from_a_lamp() -> None:
    """From 0 to 1, rising with how plainly every place is read."""
    found = [fusion.legibility(table_of("AB12CDE", sure)) for sure in (0.1, 0.5, 0.9, 0.999)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(0.1, abs=1e-3)
    assert found[-1] == pytest.approx(0.999, abs=1e-3)


def test_a_better_reading_replaces_the_worst_and_a_worse_one_changes_nothing(window: Window) -> None:
    """A pass is fused from its twelve best readings, whenever they came."""
    of = Pass()
    for number in range(KEPT):
        read(of, window, number, 0.5, quality=100.0 + number, shade=10)
    assert of.slot is not None
    worst = float(of.slot.record["weights"].min())
    read(of, window, 20.0, 0.5, quality=50.0, shade=10)
    assert float(of.slot.record["weights"].min()) == worst
    read(of, window, 21.0, 0.5, quality=300.0, shade=10)
    record = of.slot.record
    assert (int(record["readings"]), int(record["taken"])) == (KEPT, KEPT + 2)
    assert float(record["weights"].min()) > worst
    assert float(record["weights"].max()) == pytest.approx(3 * worst, rel=1e-3)


def test_a_plate_that_stands_is_left_alone_and_one_that_grows_is_read_again(window: Window) -> None:
    """However often it was read, and however badly; a hit's pass is over."""
    of = Pass()
    for number in range(40):
        read(of, window, number, 0.05, quality=100.0, shade=10)
    assert not of.wants(100.0, 50 * NS)
    assert not of.wants(110.0, 50 * NS)
    assert of.wants(115.0, 50 * NS)
    of.over = True
    assert not of.wants(115.0, 50 * NS)
