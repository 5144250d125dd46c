"""The queue in a real browser: what each line says, tabs, filters, repeated hits, and room for twenty rows."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api.db.models import HitRow
from tests.browser_kit import CHROMIUM, comes_true
from tests.console_kit import Department, department

pytest_plugins = ("tests.console_fixtures",)
pytestmark = pytest.mark.system(CHROMIUM)
SETTING = 'time_zone = "America/New_York"\n'


def texts(page: Page) -> list[str]:
    """Return each line of the queue."""
    return [" ".join(text.split()) for text in page.locator("#queue li").all_text_contents()]


def test_a_line_tells_place_purpose_age_and_both_times(tmp_path: Path, browser: Browser) -> None:
    """Before and after the live line has drawn it; no plate is in it; twice at one camera is one line."""
    with department(tmp_path, SETTING) as town:
        town.camera()
        rita = town.person(browser, "rita")
        page, line = rita.page, rita.page.locator("#queue li")
        town.hit()
        newest = town.hit()
        said = (
            r"urgent ?Mill Road, northbound, north gate ?stolen vehicle: UNVERIFIED, seen 2 times ?"
            r"\d+ s ago, \d+ (s|min) left ?\d\d:\d\d:\d\d E[SD]T \((\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d UTC\)"
        )
        page.route("**/queue/events", lambda route: route.abort())
        page.reload()
        expect(line).to_have_count(1)
        assert re.fullmatch(said, texts(page)[0]), texts(page)
        page.unroute("**/queue/events")
        page.reload()
        expect(page.locator("#line")).to_contain_text("Live, heard")
        comes_true(page, "document.querySelector('.age[data-item]') !== null")
        assert re.fullmatch(said, texts(page)[0]), texts(page)
        assert "ZQ57KPX" not in page.content()
        assert page.locator("#queue a").get_attribute("href") == f"/hits/{newest}"
        expect(page.locator("#count")).to_have_text("1")
        rita.look("queue-line")
        before = page.locator(".age").inner_text()
        comes_true(page, "(before) => document.querySelector('.age').textContent !== before", before)
        assert not [fault for fault in rita.faults if "ERR_FAILED" not in fault]


def test_tabs_and_filters_show_a_part_and_say_what_they_hide(town: Department, browser: Browser) -> None:
    """A filter never hides a hit silently; a confirmed hit is in the other tab; both stay so as events come."""
    rita = town.person(browser, "rita")
    page = rita.page
    hit = town.hit()
    rita.go(f"/hits/{hit}")
    rita.reason()
    page.locator("[name=plate]").fill("zq57kpx")
    rita.press("button", "Go on")
    rita.press("button", "Submit")
    rita.press("button", "Correct read")
    waiting = town.hit()
    rita.go("/queue")
    assert page.locator("#queue a").get_attribute("href") == f"/hits/{waiting}"
    rita.press("link", "Confirmed, needs outcome (1)")
    expect(page.locator("#line")).to_contain_text("Live, heard")
    expect(page.locator(f"a[href='/hits/{hit}']")).to_contain_text("confirmed")
    assert page.locator(f"a[href='/hits/{waiting}']").count() == 0
    rita.look("queue-outcome")
    rita.go("/queue?severity=routine")
    expect(page.locator("#hiding")).to_contain_text("1 more here, hidden by your filter")
    expect(page.locator("#empty")).to_be_hidden()
    expect(page.locator("#line")).to_contain_text("Live, heard")
    expect(page.locator("#hiding")).to_contain_text("1 more here, hidden by your filter")
    assert page.locator("#queue li").count() == 0
    with page.expect_navigation():
        page.get_by_label("Severity").select_option("urgent")
    expect(page.locator(f"a[href='/hits/{waiting}']")).to_be_visible()
    expect(page.locator("#hiding")).to_be_hidden()
    assert not rita.faults


def test_a_laptop_shows_twenty_rows(tmp_path: Path, browser: Browser) -> None:
    """On 1366 x 768 the twentieth row is on the screen, and a row is large enough to be hit."""
    with department(tmp_path, SETTING) as town:
        town.camera()
        rita = town.person(browser, "rita")
        for number in range(22):
            hit = town.hit()
            with town.service.database.begin() as session:
                session.get_one(HitRow, str(hit)).alike = f"{number}"
        rita.page.set_viewport_size({"width": 1366, "height": 768})
        rita.go("/queue")
        rows = rita.page.locator("#queue li a")
        expect(rows).to_have_count(22)
        expect(rita.page.locator("#line")).to_contain_text("Live, heard")
        twentieth = rows.nth(19).bounding_box()
        assert twentieth
        assert twentieth["y"] + twentieth["height"] <= 768, twentieth
        assert twentieth["height"] >= 24
        for width in (390, 820):
            rita.page.set_viewport_size({"width": width, "height": 844})
            wide = rita.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, width
        rita.look("queue-full")


def test_next_hit_leaves_out_what_somebody_else_reads(tmp_path: Path, browser: Browser) -> None:
    """Rita reads the one; Sam's next is the other, and his queue says who reads; then nothing is left."""
    with department(tmp_path) as town:
        first = town.hit()
        rita, sam = town.person(browser, "rita"), town.person(browser, "sam")
        rita.go("/queue")
        rita.press("link", "Next hit")
        rita.reason()
        assert rita.page.url.endswith(f"/hits/{first}")
        second = town.hit()
        sam.go("/queue")
        expect(sam.page.locator("#queue")).to_contain_text("Rita is reading it")
        sam.press("link", "Next hit")
        sam.reason()
        assert sam.page.url.endswith(f"/hits/{second}")
        sam.go(f"/queue/next?after={second}")
        assert sam.page.url.endswith("/queue")
        assert not rita.faults + sam.faults
