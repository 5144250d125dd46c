"""The public report: who may read it, and that no small count can be worked out from it."""

import csv
import hashlib
import io
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.accounts.people import Role
from api.core import counts
from api.core.counts import Kind
from api.oversight.disclosure_noise import BASE, blurred
from api.oversight.report import settled_year
from tests.api_kit import PLATE, START, Desk, make_entry, make_hit

Spread = Callable[[int], tuple[int, int]]
"""From a published number to the least and the greatest true count that it allows."""


def key(text: str) -> str:
    """Return what a keyed hash would be."""
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department that publishes its report, with a year of counts."""
    desk = Desk(tmp_path / "state", public_report=True)
    desk.approve(make_entry())
    box = desk.box()
    box.deliver(box.sealed(make_hit()))
    kind = Kind("2030-01", "camera-1", "north gate", "exact", "county list")
    numbers = {
        "received": 40,
        "confirmed": 30,
        "refuted:misread": 3,
        "refuted:stale-entry": 6,
        "outcome:arrest": 12,
        "receipt:reads": 100_000,
        "receipt:hits": 41,
        "receipt:destroyed": 99_950,
    }
    with desk.service.database.begin() as session:
        for what, number in numbers.items():
            counts.count(session, kind, what, number)
    yield desk
    desk.service.close()


def rows(text: str) -> dict[tuple[str, str], str]:
    """Return a CSV report's values by section and name."""
    return {(section, name): value for section, name, value in csv.reader(io.StringIO(text))}


def test_the_report_is_a_fixed_set_of_blurred_counts(desk: Desk) -> None:
    """Saf-C 7204.01's fields and the receipts' counts; multiples of five near the truth; no plate (R17)."""
    browser = desk.sign_in("ada", Role.AUDITOR)
    found = rows(browser.get("/report.csv").text)
    golden = (Path(__file__).parent / "golden" / "report.csv").read_text()
    assert [f"{section},{name}" for section, name in found] == golden.splitlines()
    numbers = {name: int(value) for (part, name), value in found.items() if part not in {"section", "report"}}
    assert all(number % BASE == 0 for number in numbers.values())
    assert abs(numbers["Plates read, from the devices' receipts"] - 100_000) < 50
    assert abs(numbers["Matches leading to arrests"] - 12) < 50
    page = browser.get("/report").text
    for text in ("\n".join(found.values()), page):
        assert PLATE not in text
        assert not re.search(r"\b(?=[A-Z0-9]*[0-9])(?=[A-Z0-9]*[A-Z])[A-Z0-9]{5,8}\b", text)
    assert browser.get("/report?year=1999").status_code == 422


def test_the_same_report_is_the_same_and_its_totals_are_the_sums_of_its_parts(desk: Desk) -> None:
    """Asking again averages nothing away, and a total tells nothing that its parts do not (R17)."""
    browser = desk.sign_in("ada", Role.AUDITOR)
    first = browser.get("/report.csv").text
    assert browser.get("/report.csv").text == first
    parts, found = Counter[str](), rows(first)
    for (section, _), value in found.items():
        parts[section] += int(value) if section not in {"section", "report"} else 0
    assert int(found["total", "Matches received by the department"]) == parts["device matches"]
    assert int(found["total", "Matches refuted (false)"]) == parts["false match"]
    of_reads = [name for section, name in found if section == "total" and name.startswith("Read")]
    assert len(of_reads) == 3
    reads = int(found["total", "Plates read, from the devices' receipts"])
    assert reads == sum(int(found["total", name]) for name in of_reads)
    page = browser.get("/report").text
    assert page.count("The sum of") == 3
    assert "The year is not settled" in page


def test_a_year_is_chosen_from_those_that_have_a_report(desk: Desk) -> None:
    """Signed in, the present one and those before; the public sees the settled ones, and a link before sign-in."""
    desk.clock.move(days=365)
    page = desk.sign_in("ada", Role.AUDITOR).get("/report").text
    assert re.findall(r"<option( selected)?>(\d+)", page) == [(" selected", "2031"), ("", "2030")]
    client = desk.client()
    assert 'href="/public/report"' in client.get("/sign-in").text
    desk.clock.move(days=60 + 365)
    page = client.get("/public/report").text
    assert re.findall(r"<option( selected)?>(\d+)", page) == [(" selected", "2031"), ("", "2030")]


def test_anybody_reads_a_settled_year_where_the_department_says_so(desk: Desk) -> None:
    """Without a cookie: cacheable, under the same policy, only what has settled, and nothing beside it."""
    client = desk.client()
    assert client.get("/public/report?year=2030").status_code == 404
    desk.clock.move(days=365 + 60)
    answer = client.get("/public/report")
    assert answer.status_code == 200
    assert "report 2030" in answer.text
    assert "/public/report.csv?year=2030" in answer.text
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers
    assert "Sign out" not in answer.text
    again = client.get("/public/report", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert rows(client.get("/public/report.csv").text)["report", "year"] == "2030"
    assert client.get("/public/report?year=2031").status_code == 404
    assert client.get("/public/report?year=1999").status_code == 422
    assert client.get("/report").status_code == 303


def test_nothing_is_public_unless_it_is_turned_on(tmp_path: Path) -> None:
    """The default publishes nothing."""
    desk = Desk(tmp_path / "state")
    desk.clock.move(days=800)
    assert desk.client().get("/public/report").status_code == 404
    assert desk.client().get("/public/report.csv").status_code == 404
    desk.service.close()


def test_a_year_is_published_when_its_longest_outcome_is_over() -> None:
    """On the first of March."""
    assert settled_year(START.date().replace(month=2, day=28)) == START.year - 2
    assert settled_year(START.date().replace(month=3, day=1)) == START.year - 1


def plain(number: int) -> tuple[int, int]:
    """Return what plain rounding to the nearest five allows."""
    return max(0, number - 2), number + 2


def fewer(number: int) -> tuple[int, int]:
    """Return what "fewer than 5" for 1 to 4 allows; 1 stands for that class."""
    return (1, 4) if 0 < number < BASE else (number, number)


def ours(number: int) -> tuple[int, int]:
    """Return what our noise allows, cut at twelve on each side: more is possible, which only adds doubt."""
    return (max(1, number - 14) if number else 0), number + 14


def pinned(spread: Spread, devices: list[int], lists: list[int], total: int | None = None) -> set[int]:
    """Work out every table that fits what was published; return the counts below five that only one fits.

    Every linear combination of the published numbers is a consequence of these: the parts by device and the
    parts by list have the same sum, and each true count lies in its published number's spread.
    """

    def tables(parts: list[int]) -> dict[int, list[set[int]]]:
        found: dict[int, list[set[int]]] = {}
        for table in itertools.product(*(range(low, high + 1) for low, high in map(spread, parts))):
            places = found.setdefault(sum(table), [set() for _ in parts])
            for place, value in enumerate(table):
                places[place].add(value)
        return found

    by_device, by_list = tables(devices), tables(lists)
    sums = by_device.keys() & by_list.keys()
    if total is not None:
        low, high = spread(total)
        sums = {one for one in sums if low <= one <= high}
    small = set()
    for found, parts in ((by_device, devices), (by_list, lists)):
        for place in range(len(parts)):
            values = set().union(*(found[one][place] for one in sums))
            if len(values) == 1 and 0 < min(values) < BASE:
                small |= values
    return small


def test_the_search_finds_what_plain_rules_give_away() -> None:
    """The control: "fewer than 5" pins four ones of a total of four, and plain rounding pins four threes."""
    assert pinned(fewer, [4], [1, 1, 1, 1], total=4) == {1, 4}
    assert pinned(plain, [10], [5, 5, 5, 5]) == {3}


@settings(max_examples=60, deadline=None)
@given(
    lists=st.lists(st.integers(0, 6), min_size=1, max_size=3),
    share=st.integers(0, 20),
    seed=st.integers(0, 10**9),
)
def test_no_small_count_can_be_worked_out_from_what_is_published(
    lists: list[int], share: int, seed: int
) -> None:
    """Whatever the counts: no sum or difference of the published numbers leaves one value only (R17)."""
    number = sum(lists)
    devices = [min(share, number), number - min(share, number)]
    published = [
        [blurred(count, key(f"{seed} {table} {place} {count}")) for place, count in enumerate(parts)]
        for table, parts in enumerate((devices, lists))
    ]
    assert not pinned(ours, published[0], published[1])


def test_what_never_happened_is_not_published() -> None:
    """No noise makes an arrest of none."""
    assert {blurred(0, key(str(trial))) for trial in range(4000)} == {0}


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7])
def test_any_count_can_have_led_to_any_published_number(number: int) -> None:
    """0, 5 and 10 are each published for each small count: none is excluded, and none is given away."""
    seen = Counter(blurred(number, key(f"{number} {trial}")) for trial in range(4000))
    assert {0, 5, 10} <= set(seen)
    assert min(seen) >= 0


def test_the_noise_leans_to_no_side() -> None:
    """Over many counts the published sum is near the true one: the report stays true in the large."""
    values = [blurred(1000, key(str(trial))) for trial in range(4000)]
    assert abs(sum(values) / len(values) - 1000) < 0.5
