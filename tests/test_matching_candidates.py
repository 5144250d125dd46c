import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotlist.matching import candidates as candidates_module
from hotlist.matching.candidates import Candidates
from hotlist.matching.confusion import Kernel, Table, named
from hotlist.matching.misreads import Misreads
from hotlist.plate import ALPHABET, PAD, decode, encode
from tests.matching_reference import log_probability, reading

HUB = "cct-xs-v2-global"
PLATES = st.text(ALPHABET, min_size=2, max_size=10)
FEW = st.text("01AO", min_size=2, max_size=5)


def a_kernel(*, missing: float = 0.02) -> Kernel:
    """Return a kernel whose shifts are common enough to be seen: all of its parts take part."""
    base = named(HUB)
    return Kernel(
        confusion=base.confusion,
        spurious=np.log(np.array([0.03, 0.01, 0.02], np.float32)),
        missing=np.full(PAD, np.log(missing), np.float32),
        soft=base.soft,
        provenance={},
    )


def spread(seed: int, plate: str, doubtful: int) -> Table:
    """Return a reading of a plate with some places in doubt among a few characters."""
    rng = np.random.default_rng(seed)
    table = reading(plate, 0.99)
    for place in rng.choice(10, doubtful, replace=False):
        columns = rng.choice(37, 4, replace=False)
        table[place] *= 0.1
        table[place, columns] += rng.dirichlet(np.ones(4)).astype(np.float32)
        table[place] /= table[place].sum()
    return table


def best_of(table: Table, kernel: Kernel, threshold: float) -> dict[int, float]:
    """Return the candidates' codes and their best log probability."""
    codes, scores = Candidates(kernel).generate(table, threshold)
    best: dict[int, float] = {}
    for code, score in zip(codes.tolist(), scores.tolist(), strict=True):
        best[code] = max(score, best.get(code, -np.inf))
    return best


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), read=PLATES, listed=PLATES, doubtful=st.integers(0, 5))
def test_a_candidate_has_the_probability_of_the_slow_reference(
    seed: int, read: str, listed: str, doubtful: int
) -> None:
    """Every plate above the threshold is a candidate with the reference's probability; none below is."""
    kernel, table, threshold = a_kernel(), spread(seed, read, doubtful), -7.0
    best = best_of(table, kernel, threshold)
    near = {read, listed, *(decode(code) for code in best if _is_plate(code))}
    for plate in near:
        expected = log_probability(plate, table, kernel)
        if expected >= threshold + 1e-3:
            assert best[encode(plate)] == pytest.approx(expected, abs=1e-3)
        elif expected < threshold - 1e-3:
            assert encode(plate) not in best


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), read=FEW, doubtful=st.integers(0, 3))
def test_no_plate_above_the_threshold_is_left_out(seed: int, read: str, doubtful: int) -> None:
    """Over all plates of a small alphabet up to four characters, the candidates are the reference's."""
    kernel, table, threshold = a_kernel(), spread(seed, read, doubtful), -6.0
    best = best_of(table, kernel, threshold)
    for plate in _all_plates("01AO", 4):
        expected = log_probability(plate, table, kernel)
        if abs(expected - threshold) > 1e-3:
            assert (encode(plate) in best) == (expected > threshold)


def test_a_hopeless_reading_has_no_candidates() -> None:
    """A reading that says nothing gives no candidate: its likeliest plate is below every threshold."""
    codes, _ = Candidates(named(HUB)).generate(np.full((10, 37), 1 / 37, np.float32), -8.0)
    assert not len(codes)


def test_too_many_candidates_keep_the_likeliest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more plates are likely enough than there is room for, the likeliest plates stay."""
    table = spread(5, "AB12CD3", 6)
    whole = best_of(table, named(HUB), -7.5)
    monkeypatch.setattr(candidates_module, "LIMIT", 60)
    few = best_of(table, named(HUB), -7.5)
    assert len(whole) > 200
    assert len(few) <= 60
    likeliest = sorted(whole, key=lambda code: -whole[code])[:10]
    assert set(likeliest) <= set(few)


def test_nothing_of_a_reading_stays_in_the_buffers() -> None:
    """After `wipe` every buffer that a reading filled holds zeros only (promise 4)."""
    generator = Candidates(a_kernel())
    codes, _ = generator.generate(reading("XYZ1234", 0.99), -7.0)
    assert encode("XYZ1234") in codes
    assert any(getattr(generator, name).any() for name in _buffers(generator))
    generator.wipe()
    assert not any(getattr(generator, name).any() for name in _buffers(generator))


@settings(max_examples=60, deadline=None)
@given(plate=PLATES)
def test_misreads_are_the_readings_that_match(plate: str) -> None:
    """Read without a doubt, each misread of a plate gives the plate the probability that was told."""
    kernel, threshold = a_kernel(missing=0.004), -6.0
    told = Misreads(kernel).of(plate, threshold)
    assert all(misread.reading != plate for misread in told)
    assert len({misread.reading for misread in told}) == len(told)
    for misread in told[:3] + told[-3:]:
        expected = log_probability(plate, reading(misread.reading, 1.0), kernel)
        assert np.log(misread.probability) <= expected + 1e-3
        assert expected >= threshold - 1e-3


def _buffers(generator: Candidates) -> list[str]:
    return [name for name in generator.__slots__ if isinstance(getattr(generator, name), np.ndarray)]


def _all_plates(alphabet: str, longest: int) -> list[str]:
    plates = [""]
    found: list[str] = []
    for _ in range(longest):
        plates = [plate + character for plate in plates for character in alphabet]
        found += [plate for plate in plates if len(plate) > 1]
    return found


def _is_plate(code: int) -> bool:
    digits = [code // 37**place % 37 for place in range(9, -1, -1)]
    length = next((place for place, digit in enumerate(digits) if digit == 0), 10)
    return length >= 2 and not any(digits[length:])
