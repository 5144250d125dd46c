"""The differential trial on the real box: what leaves it is equal, and a planted leak is not."""

import pytest

from benchmarks.differential import Trial, measured
from benchmarks.differential_leaks import IN_A_HITS_ID, LEAKS

pytestmark = pytest.mark.system("strace")


def test_nothing_that_leaves_the_box_hangs_on_the_plates_or_the_times_of_non_hits() -> None:
    """With other plates, and with vehicles at other times, every call, byte, name and size is the same."""
    outcome = measured(Trial("short", against=("other plates", "other times"), vehicles=8, seed=3))
    assert outcome.equal, (outcome.differences, outcome.faults, outcome.hits)
    assert outcome.calls > 100
    assert outcome.looked > 1000
    assert outcome.hits == outcome.listed == 2


@pytest.mark.parametrize(
    "kind",
    ["hash with a fixed salt on stderr", "code under a constant in a file", "name that is only asked for"],
)
def test_a_leak_planted_in_the_real_box_is_seen(kind: str) -> None:
    """A hash, a code, a name that is looked for: no search for a plate's bytes finds any of them."""
    outcome = measured(Trial(kind, against=("other plates",), vehicles=4, seed=3, leak=LEAKS[kind]))
    assert outcome.differences["other plates"]
    assert not outcome.equal


def test_an_id_that_is_a_hash_in_the_real_box_is_seen() -> None:
    """A hit's id made of the plate before it looks random, and is not what the kernel drew."""
    outcome = measured(Trial("id", against=(), vehicles=4, seed=3, leak=IN_A_HITS_ID))
    assert "rule: hit id: not the kernel's random bytes" in outcome.faults


def test_a_datagram_at_each_read_of_the_real_box_is_seen() -> None:
    """It holds nothing and goes to this machine: it is a call to where a box has no business."""
    outcome = measured(
        Trial("count", against=(), vehicles=4, seed=3, leak=LEAKS["empty datagram at each read"])
    )
    assert "sendto to something that is not allowed" in outcome.faults
