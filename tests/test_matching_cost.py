from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotlist.matching.clustering import clustering
from hotlist.matching.confusion import named
from hotlist.matching.cost import predict, thresholds_for
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.misreads import Misreads
from hotlist.matching.patterns import Codes, choices_of, digits_of, log_sizes, patterns_of
from hotlist.matching.traffic import LOOSEST, STRICTEST, Thresholds, Traffic
from hotlist.plate import ALPHABET, encode

HUB = "cct-xs-v2-global"
PLATES = st.text(ALPHABET, min_size=2, max_size=10)


def codes_of(*plates: str) -> Codes:
    """Return the codes of plates."""
    return np.array([encode(plate) for plate in plates], np.uint64)


def random_plates(count: int, seed: int = 0, pattern: str = "AAA0000") -> list[str]:
    """Return plates with letters and digits where the pattern has them."""
    rng = np.random.default_rng(seed)
    kinds = {"A": ALPHABET[10:], "0": ALPHABET[:10]}
    return ["".join(rng.choice(list(kinds[kind])) for kind in pattern) for _ in range(count)]


@given(plate=PLATES)
def test_a_pattern_is_where_letters_and_digits_stand(plate: str) -> None:
    """Plates of one pattern have equal numbers and the size that counting gives; others differ."""
    swapped = "".join(ALPHABET[(ALPHABET.index(c) + 1) % 10] if c.isdigit() else "Q" for c in plate)
    first, second, longer = patterns_of(codes_of(plate, swapped, ("A" + plate)[:10]))
    assert first == second
    assert (first == longer) == (patterns_of(codes_of(plate))[0] == longer)
    expected = np.prod([10.0 if character.isdigit() else 26.0 for character in plate])
    assert np.exp(log_sizes(patterns_of(codes_of(plate))))[0] == pytest.approx(expected)
    assert choices_of(codes_of(plate))[0].prod() == expected
    assert "".join(ALPHABET[digit - 1] for digit in digits_of(codes_of(plate))[0] if digit) == plate


def test_the_traffic_is_the_lists_own() -> None:
    """A plate's probability is its pattern's share, over the plates of that pattern."""
    traffic = Traffic.like(codes_of(*random_plates(899), *random_plates(100, pattern="0000AA")))
    logs = traffic.log_probability(codes_of("XYZ1234", "1234XY", "A1"))
    assert np.exp(logs[0]) == pytest.approx(900 / 1000 / (26**3 * 10**4))
    assert np.exp(logs[1]) == pytest.approx(101 / 1000 / (26**2 * 10**4))
    assert np.exp(logs[2]) == pytest.approx(1 / 1000 / 260)


def test_a_denser_pattern_needs_more() -> None:
    """Where fewer plates of a pattern exist, a reading must be surer; never beyond the bounds."""
    codes = codes_of(*random_plates(500), *random_plates(500, pattern="AA00"))
    dense, wide = Thresholds.at(Traffic.like(codes), 8.0, codes).of(codes_of("AB12", "ABC1234"))
    assert dense > LOOSEST
    assert wide == LOOSEST
    assert np.all(Thresholds.at(Traffic.like(codes), np.inf, codes).of(codes) == STRICTEST)


def test_the_cost_follows_traffic_and_list() -> None:
    """Twice the traffic costs twice as much; twice the list, about twice; an empty list, nothing."""
    limits = MatchSettings(passes_per_day=10_000)
    few, many = codes_of(*random_plates(2_000)), codes_of(*random_plates(4_000))
    at = Thresholds.at(Traffic.like(many), 12.0, many)
    base = predict(few, limits, thresholds=at).false_hits_per_day
    busy = predict(few, MatchSettings(passes_per_day=20_000), thresholds=at).false_hits_per_day
    assert base > 0
    assert busy == pytest.approx(2 * base)
    assert predict(many, limits, thresholds=at).false_hits_per_day == pytest.approx(2 * base, rel=0.2)
    assert predict(codes_of(), limits).false_hits_per_day == 0


def test_the_order_and_repetition_of_a_list_change_nothing() -> None:
    """The same plates in another order, and some twice, cost the same and get the same thresholds."""
    plates = random_plates(300)
    one, other = codes_of(*plates), codes_of(*reversed(plates), *plates[:50])
    first, second = predict(one, MatchSettings()), predict(other, MatchSettings())
    assert first.false_hits_per_day == pytest.approx(second.false_hits_per_day)
    assert first.thresholds.log_ratio == second.thresholds.log_ratio
    assert first.plates == second.plates == 300


@settings(max_examples=15, deadline=None)
@given(budget=st.floats(0.001, 50.0), size=st.sampled_from([50, 1_000, 3_000]))
def test_the_thresholds_keep_the_budget(budget: float, size: int) -> None:
    """What is predicted at the chosen thresholds is within the budget, unless none is strict enough."""
    limits = MatchSettings(max_false_hits_per_day=budget, passes_per_day=200_000)
    codes = codes_of(*random_plates(size))
    chosen = thresholds_for(codes, limits)
    cost = predict(codes, limits, thresholds=chosen)
    strictest = bool(np.all(chosen.of(codes) == STRICTEST))
    assert cost.false_hits_per_day <= budget * 1.000001 or strictest


def test_the_worst_plates_are_named_worst_first() -> None:
    """A short plate among long ones costs most, and its place in the given codes is told."""
    codes = codes_of(*random_plates(200), "D0", *random_plates(200, seed=1))
    cost = predict(codes, MatchSettings(), worst=5)
    rates = [each.false_hits_per_day for each in cost.worst]
    assert cost.worst[0].place == 200
    assert rates == sorted(rates, reverse=True)
    assert len(rates) == 5


def test_plates_in_sequence_cost_more() -> None:
    """A list whose plates are neighbours is found to be closer than chance, and costs as much more."""
    chance = codes_of(*random_plates(2_000))
    row = codes_of(*(f"ABC{number:04d}" for number in range(2_000)))
    assert clustering(chance) == pytest.approx(1.0, abs=0.2)
    assert clustering(np.sort(row)) > 100
    at = Thresholds.at(Traffic.like(chance), 12.0, chance)
    costs = [predict(codes, MatchSettings(), thresholds=at).false_hits_per_day for codes in (chance, row)]
    assert costs[1] > 50 * costs[0]


def test_neighbours_are_counted_as_by_hand() -> None:
    """Pairs that differ in one digit or one letter are neighbours; a digit for a letter is none."""
    plates = ["A1", "A2", "B1", "9Z", "Z9"]
    pairs = sum(
        sum(a != b for a, b in zip(one, other, strict=True)) == 1
        for one, other in product(plates, plates)
        if one < other
    )
    assert pairs == 2
    expected = 6 * 34 / 259
    assert clustering(np.sort(codes_of(*plates))) == pytest.approx(max(1.0, (10 + pairs) / (10 + expected)))


def test_misreads_are_told_in_words() -> None:
    """The misreads of a plate with an O hold the same with a 0, and are the likeliest first."""
    told = Misreads(named(HUB)).of("RKO99AN", -5.0)
    assert told[0].reading == "RK099AN"
    assert told[0].probability == pytest.approx(0.05, abs=0.02)
    assert [each.probability for each in told] == sorted((each.probability for each in told), reverse=True)
    assert "RK099AN" not in repr(told[0])
