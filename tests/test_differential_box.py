"""The differential trial on the real box: what leaves it is equal, and a planted leak is not."""

import pytest

from benchmarks.differential.differential_leaks import IN_A_HITS_ID, IN_A_HITS_TIME, LEAKS
from benchmarks.differential.differential_part import Trial, measured

pytestmark = pytest.mark.system("strace")


def test_nothing_that_leaves_the_box_hangs_on_the_plates_of_non_hits() -> None:
    """With other plates on them every call, byte, name and size is the same."""
    outcome = measured(Trial("short", against=("other plates",), vehicles=8, seed=3))
    assert outcome.equal, (outcome.differences, outcome.faults, outcome.hits)
    assert outcome.calls > 100
    assert outcome.looked > 1000
    assert outcome.hits == outcome.listed == 2


def test_a_hash_that_is_never_written_is_seen_in_the_real_box() -> None:
    """A name is asked for that is a hash of the plate: no byte is written for a search to find."""
    leak = LEAKS["name that is only asked for"]
    outcome = measured(Trial("name", against=("other plates",), vehicles=4, seed=3, leak=leak))
    assert outcome.differences["other plates"]


def test_an_id_that_is_a_hash_is_seen_in_the_real_box() -> None:
    """A hit's id made of the plate before it looks random, and is not what the kernel drew."""
    outcome = measured(Trial("id", against=(), vehicles=4, seed=3, leak=IN_A_HITS_ID))
    assert "rule: hit id: not the kernel's random bytes" in outcome.faults


def test_a_datagram_at_each_read_is_seen_in_the_real_box() -> None:
    """It holds nothing and goes to this machine: it is a call to where a box has no business."""
    leak = LEAKS["empty datagram at each read"]
    outcome = measured(Trial("count", against=(), vehicles=4, seed=3, leak=leak))
    assert "sendto to something that is not allowed" in outcome.faults


def test_a_plate_in_the_digits_of_a_hits_time_is_seen_in_the_real_box() -> None:
    """A hit is sealed and signed as ever, and its milliseconds are those of the plate before it."""
    outcome = measured(Trial("time", against=("other plates",), vehicles=4, seed=3, leak=IN_A_HITS_TIME))
    assert outcome.differences["other plates"] or outcome.faults
