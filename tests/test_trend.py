import subprocess
import sys

import numpy as np
import pytest

from benchmarks.fixtures.footprint import look
from benchmarks.fixtures.render import RenderSpec
from benchmarks.harness.trend import trend
from benchmarks.speed.soak import Trial
from benchmarks.speed.soak_report import FLAT_MIB_PER_HOUR, run
from tests.test_sources_live import needs_rtsp_server

HOURS = np.arange(50) / 60


def noise(seed: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return what a flat memory does: a sawtooth of a process that is renewed, and noise."""
    rng = np.random.default_rng(seed)
    return 200 + 0.4 * (np.arange(50) % 3) + rng.normal(0, 0.3, 50)


@pytest.mark.parametrize("seed", range(5))
def test_a_flat_memory_is_flat_and_a_leak_is_not(seed: int) -> None:
    """A rise of the bound is ruled out where there is none; a leak of three times the bound is seen for certain."""
    flat = trend(HOURS.tolist(), noise(seed).tolist())
    leaking = trend(HOURS.tolist(), (noise(seed) + 3 * FLAT_MIB_PER_HOUR * HOURS).tolist())
    assert flat.flat(FLAT_MIB_PER_HOUR)
    assert not leaking.flat(FLAT_MIB_PER_HOUR)
    assert leaking.rises()


@pytest.mark.parametrize("minute", [0, 12, 33, 49])
def test_one_minute_with_two_captures_is_no_growth_and_hides_none(minute: int) -> None:
    """While a capture is renewed there are two of them: 14 MiB for a minute make no leak and hide none."""
    overlap = np.where(np.arange(50) == minute, 14.0, 0.0)
    leak = 3 * FLAT_MIB_PER_HOUR * HOURS
    assert trend(HOURS.tolist(), (noise(2) + overlap).tolist()).flat(FLAT_MIB_PER_HOUR)
    assert trend(HOURS.tolist(), (noise(2) + overlap + leak).tolist()).rises()


def test_a_leak_in_steps_is_seen() -> None:
    """An arena that grows by a mebibyte every five minutes is a leak, however flat between the steps."""
    steps = np.floor(HOURS * 12)
    found = trend(HOURS.tolist(), (noise(3) + steps).tolist())
    assert not found.flat(FLAT_MIB_PER_HOUR)
    assert found.rises()


def test_too_short_a_run_shows_nothing() -> None:
    """Ten noisy minutes do not rule a leak out: what was not shown is not claimed."""
    short = trend(HOURS[:10].tolist(), (noise(1)[:10] * 1.01 ** np.arange(10)).tolist())
    assert not short.flat(FLAT_MIB_PER_HOUR)
    with pytest.raises(ValueError, match="8 values"):
        trend([0.0, 0.1], [1.0, 2.0])


def test_what_a_process_holds_is_seen_from_outside() -> None:
    """Its own memory, its descriptors, its threads: 32 MiB more are 32 MiB more."""
    code = "import sys; kept = bytearray(int(sys.argv[1]) << 20).replace(b'x', b'y'); print(1, flush=True); input()"
    own = []
    for size in ("1", "33"):
        with subprocess.Popen(
            [sys.executable, "-c", code, size], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            (seen,) = look(child.pid)
            own.append(seen.own_mib)
            assert (seen.role, seen.threads) == ("edge", 1)
            assert 3 <= seen.files < 16
            child.communicate("\n")
    assert own[1] - own[0] == pytest.approx(32, abs=12)


@needs_rtsp_server
def test_the_soak_sees_a_planted_leak() -> None:
    """The control: an edge that keeps 256 KiB of each turn fails the soak's own check, for certain.

    Sixteen KiB a turn, the control's own rate for an hour, did not show in so short a time.
    """
    road = RenderSpec(seed=11, seconds=10, traffic=18, fps=15)
    leaky = "benchmarks.leaks.very_leaky_edge"
    part = run(Trial(0.7, 0.3, entries=1000, road=road, module=leaky, sample_s=2.0, median_s=2.0))
    (check,) = (check for check in part["checks"] if check["name"] == "memory flat")
    (slope,) = (figure for figure in part["figures"] if figure["key"] == "soak.slope")
    assert not check["passed"]
    assert "it rises for certain" in check["detail"]
    assert slope["low"] > 250 * FLAT_MIB_PER_HOUR
