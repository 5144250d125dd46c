import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotlist.entry import Entry, Severity
from hotlist.matching.confusion import named
from hotlist.matching.match import Match, MatchKind
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.matcher import Matcher
from hotlist.matching.plate_index import Index
from hotlist.matching.region_agreement import region_told
from hotlist.plate import ALPHABET, encode
from tests.matching_reference import NOW, SURE, columns_of, doubt, entry, log_probability, reading

HUB = "cct-xs-v2-global"
PLATES = st.text(ALPHABET, min_size=2, max_size=10)


def matcher(*entries: Entry, budget: float = 10.0, passes: float = 10_000.0) -> Matcher:
    """Return a matcher over a list of these entries, version 7."""
    limits = MatchSettings(max_false_hits_per_day=budget, passes_per_day=passes, kernel=named(HUB))
    return Matcher(Index.build(7, entries), limits)


def only(matches: tuple[Match, ...]) -> Match:
    """Return the one match."""
    assert len(matches) == 1
    return matches[0]


@settings(max_examples=60, deadline=None)
@given(plates=st.lists(PLATES, min_size=1, max_size=12), data=st.data())
def test_a_listed_plate_that_is_read_without_doubt_is_found(plates: list[str], data: st.DataObject) -> None:
    """A sharp reading of a listed plate matches it exactly, whatever else is listed, in any order."""
    plate = data.draw(st.sampled_from(plates))
    shuffled = data.draw(st.permutations([entry(p, name=str(n)) for n, p in enumerate(plates)]))
    found = matcher(*shuffled).match(reading(plate), SURE, NOW)
    assert found[0].entry.plate == plate
    assert found[0].kind is MatchKind.EXACT
    assert found[0].doubtful == ()
    again = matcher(*reversed(shuffled)).match(reading(plate), SURE, NOW)
    assert {(m.entry.id, m.kind, m.probability, m.why, m.ambiguous) for m in found} == {
        (m.entry.id, m.kind, m.probability, m.why, m.ambiguous) for m in again
    }


@settings(max_examples=60, deadline=None)
@given(plates=st.lists(PLATES, min_size=1, max_size=8, unique=True), seed=st.integers(0, 2**32 - 1))
def test_matches_are_those_of_the_slow_reference(plates: list[str], seed: int) -> None:
    """Of a small list, the likeliest plate that reaches its threshold matches, and none that does not."""
    rng = np.random.default_rng(seed)
    table = reading(plates[0], 0.97)
    for place in rng.choice(10, 3, replace=False):
        table[place, rng.integers(37)] += rng.uniform(0, 3)
        table[place] /= table[place].sum()
    tried = matcher(*map(entry, plates))
    found = {match.entry.plate: match.probability for match in tried.match(table, SURE, NOW)}
    expected = {plate: log_probability(plate, table, named(HUB)) for plate in plates}
    codes = np.array([encode(plate) for plate in plates], np.uint64)
    needed = dict(zip(plates, tried.thresholds.of(codes).tolist(), strict=True))
    enough = {plate for plate in plates if expected[plate] >= needed[plate] + 1e-3}
    plain = {plate for plate in plates if table[range(10), columns_of(plate)].prod() > 0.6}
    assert set(found) <= plain | {plate for plate in plates if expected[plate] >= needed[plate] - 1e-3}
    if enough:
        likeliest = max(enough, key=lambda plate: expected[plate])
        assert found[likeliest] == pytest.approx(min(1.0, np.exp(expected[likeliest])), rel=5e-3)


@pytest.mark.parametrize(("effective", "expires"), [(1, 2), (-2, -1), (-2, 0)])
def test_an_entry_out_of_its_time_never_matches(effective: int, expires: int) -> None:
    """Not yet effective, expired, or expiring at this moment: no match; a moment inside: a match."""
    begin, end = NOW + timedelta(hours=effective), NOW + timedelta(hours=expires)
    tried = matcher(entry("ABC1234", effective=begin, expires=end))
    assert tried.match(reading("ABC1234"), SURE, NOW) == ()
    assert only(tried.match(reading("ABC1234"), SURE, begin)).entry.plate == "ABC1234"


@pytest.mark.parametrize(
    ("listed", "read", "kind", "said"),
    [
        ("US", {"US": 0.9}, MatchKind.EXACT, "region agrees"),
        ("US", {"US-NH": 0.6, "US-MA": 0.35}, MatchKind.EXACT, "region agrees"),
        ("US-NH", {"US-NH": 0.9}, MatchKind.EXACT, "region agrees"),
        ("US-NH", {"US-NH": 0.93, "US-MA": 0.05}, MatchKind.EXACT, "region agrees"),
        ("US-NH", {"US": 0.9}, MatchKind.REGION_NOT_READ, "region not read"),
        ("US-NH", {"US-NH": 0.6, "US-MA": 0.3}, MatchKind.REGION_NOT_READ, "region not read"),
        ("US-NH", {"US-MA": 0.6, "US-NH": 0.3}, MatchKind.REGION_NOT_READ, "region not read"),
        ("US-NH", {"US-MA": 0.5, "US-VT": 0.45}, MatchKind.WEAK, "region different"),
        ("US-NH", {"US-MA": 0.9}, MatchKind.WEAK, "region different"),
        ("US", {"CA": 0.9}, MatchKind.WEAK, "region different"),
        ("US", {"US": 0.4, "CA": 0.4}, MatchKind.REGION_NOT_READ, "region not read"),
        ("US", {}, MatchKind.REGION_NOT_READ, "region not read"),
        ("", {"US": 0.9}, MatchKind.REGION_NOT_READ, "the entry names no region"),
        ("G", {"GB": 0.9}, MatchKind.WEAK, "region different"),
    ],
)
def test_only_a_region_that_agrees_makes_a_match_urgent(
    listed: str, read: dict[str, float], kind: MatchKind, said: str
) -> None:
    """The same region: exact. Read and different: weak. Not told, or told unsurely: its own kind (R10)."""
    found = only(matcher(entry("ABC1234", region=listed)).match(reading("ABC1234"), read, NOW))
    assert found.kind is kind
    assert found.urgent is (kind is MatchKind.EXACT)
    assert said in found.why


@pytest.mark.parametrize(
    ("kind", "ambiguous", "listed", "severity"),
    [
        (MatchKind.EXACT, False, Severity.URGENT, Severity.URGENT),
        (MatchKind.CONFUSABLE, False, Severity.URGENT, Severity.URGENT),
        (MatchKind.REGION_NOT_READ, False, Severity.URGENT, Severity.HIGH),
        (MatchKind.REGION_NOT_READ, False, Severity.HIGH, Severity.HIGH),
        (MatchKind.REGION_NOT_READ, False, Severity.ROUTINE, Severity.ROUTINE),
        (MatchKind.WEAK, False, Severity.URGENT, Severity.ROUTINE),
        (MatchKind.REGION_NOT_READ, True, Severity.URGENT, Severity.ROUTINE),
        (MatchKind.EXACT, True, Severity.URGENT, Severity.ROUTINE),
    ],
)
def test_how_severe_a_match_is(
    kind: MatchKind,
    ambiguous: bool,  # noqa: FBT001 - a case of the table
    listed: Severity,
    severity: Severity,
) -> None:
    """A region that was not read leaves a match at high; a different one, or two likely plates, at routine."""
    match = Match(replace(entry("ABC1234"), severity=listed), kind, 0.97, (), "", 7, ambiguous)
    assert match.severity is severity
    assert match.urgent is (severity is Severity.URGENT)


@pytest.mark.parametrize(
    ("read", "told"),
    [
        ({"US-NH": 0.95, "US-MA": 0.02}, "US-NH"),
        ({"US-NH": 0.6, "US-MA": 0.35}, "US"),
        ({"US-NH": 0.5, "GB": 0.45}, ""),
        ({"GB": 0.97}, "GB"),
        ({}, ""),
    ],
)
def test_the_region_told_is_the_smallest_that_is_sure(read: dict[str, float], told: str) -> None:
    """A state where it is sure, else the country that its states make together, else nothing."""
    assert region_told(read) == told


def test_a_confused_character_is_told() -> None:
    """A listed O read as 0 is a confusable match; its place is doubtful and the sentence names it."""
    found = only(matcher(entry("RKO99AN")).match(reading("RK099AN"), {}, NOW))
    assert found.why == "O read as 0 at position 3; region not read"
    assert found.doubtful == (2,)
    assert found.kind is MatchKind.REGION_NOT_READ
    strong = only(matcher(entry("RKO99AN")).match(reading("RK099AN"), SURE, NOW))
    assert strong.kind is MatchKind.CONFUSABLE
    assert strong.urgent


def test_an_extra_character_is_told() -> None:
    """A character read before the plate, of the frame or a sticker, does not hide it."""
    found = only(matcher(entry("4YA411")).match(reading("14YA411"), SURE, NOW))
    assert found.why == "an extra 1 read before position 1; region agrees"
    assert found.kind is MatchKind.CONFUSABLE


def test_a_missing_character_is_told() -> None:
    """An L that the OCR dropped does not hide the plate."""
    found = only(matcher(entry("CALL123")).match(reading("CAL123", 0.9999), SURE, NOW))
    assert "L not read at position" in found.why
    assert found.kind is MatchKind.CONFUSABLE
    assert len(found.doubtful) == 1


def test_a_doubtful_but_right_character_is_marked() -> None:
    """The likeliest reading is the plate, one character barely so: exact, with that place doubtful."""
    table = doubt(reading("ABC1284"), 5, _8=0.6, B=0.4)
    found = only(matcher(entry("ABC1284")).match(table, SURE, NOW))
    assert found.kind is MatchKind.EXACT
    assert found.doubtful == (5,)
    assert found.probability == pytest.approx(0.6, abs=0.05)


def test_two_likely_plates_are_ambiguous_and_neither_is_urgent() -> None:
    """Two listed plates both likely: both shown, marked ambiguous, neither urgent."""
    table = doubt(reading("ABC1284"), 5, _8=0.6, B=0.4)
    found = matcher(entry("ABC1284"), entry("ABC12B4")).match(table, SURE, NOW)
    assert [match.entry.plate for match in found] == ["ABC1284", "ABC12B4"]
    assert all(match.ambiguous and not match.urgent for match in found)
    assert all("another listed plate is also likely" in match.why for match in found)


def test_a_far_less_likely_plate_is_left_out() -> None:
    """One vehicle has one plate: beside a sure match, a neighbour that is barely possible is not shown."""
    found = matcher(entry("ABC1284"), entry("ABC12B4")).match(reading("ABC1284"), SURE, NOW)
    assert only(found).entry.plate == "ABC1284"
    assert not found[0].ambiguous


def test_every_entry_of_a_plate_is_returned() -> None:
    """Two cases about one plate are two matches, and not ambiguous; one that has expired is left out."""
    gone = entry("AB123", name="gone", expires=NOW)
    tried = matcher(entry("AB123", name="one"), gone, entry("AB123", name="two", severity=Severity.ROUTINE))
    found = tried.match(reading("AB123"), SURE, NOW)
    assert [match.entry.id for match in found] == ["one", "two"]
    assert not any(match.ambiguous for match in found)
    assert [match.urgent for match in found] == [True, False]
    assert {match.list_version for match in found} == {7}


@pytest.mark.parametrize("plate", ["ABC1234", "OOO0000", "OQOQ0D0D1I"])
def test_a_plate_that_is_plainly_read_matches_under_any_budget(plate: str) -> None:
    """However small the budget, a reading that the OCR is sure of finds its plate, confusable or not."""
    tried = matcher(entry(plate), budget=1e-12)
    assert only(tried.match(reading(plate), SURE, NOW)).kind is MatchKind.EXACT


def test_an_empty_list_matches_nothing() -> None:
    """No entry, no match, and no error."""
    assert matcher().match(reading("ABC1234"), SURE, NOW) == ()


def test_a_smaller_budget_asks_for_more() -> None:
    """With fewer false hits allowed or more traffic, a doubtful reading matches no more; a sure one does."""
    rng = np.random.default_rng(1)
    plates = ["ABO1234", *(f"{a}{b}{c}{n:04d}" for a, b, c, n in _random_plates(rng, 3000))]
    entries = [entry(plate, name=str(place)) for place, plate in enumerate(plates)]
    generous, strict = matcher(*entries), matcher(*entries, budget=0.0001, passes=100_000)
    assert generous.thresholds.loosest < strict.thresholds.loosest
    for tried, expected in ((generous, True), (strict, False)):
        assert bool(tried.match(reading("AB01234"), SURE, NOW)) is expected
        assert tried.match(reading("ABO1234"), SURE, NOW)


def test_nothing_of_a_reading_that_is_no_hit_stays_in_memory(tmp_path: Path) -> None:
    """A process that matched it holds neither its text nor its code afterwards; of a hit it holds both."""
    script = tmp_path / "match_once.py"
    script.write_text(MATCH_ONCE, "utf-8")
    listed, secret = "QKD4417", "ZQX9876"
    columns = " ".join(str(column) for column in columns_of(secret))
    with subprocess.Popen(
        [sys.executable, str(script), listed, columns],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1 hit, 0 hits\n"
        assert _in_memory(process.pid, listed) == {"ASCII": True, "code": True}
        assert _in_memory(process.pid, secret) == {"ASCII": False, "code": False}
        process.communicate(b"\n")


MATCH_ONCE = """
import sys
import numpy as np
from tests.matching_reference import NOW, SURE, entry, reading
from hotlist.matching.plate_index import Index
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.matcher import Matcher

matcher = Matcher(Index.build(1, [entry(sys.argv[1])]), MatchSettings())
kept = matcher.match(reading(sys.argv[1], 0.98), SURE, NOW)
table = np.full((10, 37), 0.02 / 36, np.float32)
table[np.arange(10), np.array(sys.argv[2].split(), int)] = 0.98
missed = matcher.match(table, SURE, NOW)
table.fill(0)
print(len(kept), "hit,", len(missed), "hits", flush=True)
sys.stdin.readline()
"""


def _in_memory(pid: int, plate: str) -> dict[str, bool]:
    """Return whether a plate's text, and its code, is anywhere in another process's writable memory."""
    needles = {"ASCII": plate.encode(), "code": encode(plate).to_bytes(8, "little")}
    found = dict.fromkeys(needles, False)
    maps = Path(f"/proc/{pid}/maps").read_text("ascii").splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            bounds, rights, *_ = line.split()
            if not rights.startswith("rw") or line.endswith(("[vvar]", "[vsyscall]")):
                continue
            begin, end = (int(bound, 16) for bound in bounds.split("-"))
            memory.seek(begin)
            content = memory.read(end - begin)
            for name, needle in needles.items():
                found[name] |= needle in content
    return found


@pytest.mark.shared
def test_real_pictures_match_their_plates(shared: Path) -> None:
    """Of thirty real pictures, listed among ten thousand others, at most one is missed or wrong."""
    pictures = pytest.importorskip("benchmarks.fixtures.pictures")
    reader = pictures.open_reader(shared / "models", "cct-xs-v2-global")
    items = [item for _, item in zip(range(30), pictures.pictures(shared / "data" / "us"), strict=False)]
    tables = pictures.read(iter(items), reader, detector=None, margin=0.08, frames=0)
    rng = np.random.default_rng(0)
    others = [f"{a}{b}{c}{n:04d}" for a, b, c, n in _random_plates(rng, 10_000)]
    tried = matcher(*(entry(plate, name=str(n)) for n, plate in enumerate([*tables.plates, *others])))
    found = [
        {match.entry.plate for match in tried.match(table, SURE, NOW)} == {plate}
        for plate, table in zip(tables.plates, tables.single, strict=True)
    ]
    assert found.count(False) <= 1


def _random_plates(rng: np.random.Generator, count: int) -> list[tuple[str, str, str, int]]:
    letters = np.array(list(ALPHABET[10:]))
    return [(*rng.choice(letters, 3).tolist(), int(rng.integers(10_000))) for _ in range(count)]
