"""The console never looks alive when it is dead: in a real browser, over a network path that freezes."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api.accounts.people import Role
from tests.browser_kit import CHROMIUM, comes_true
from tests.console_kit import Department, FreezingPath, department

pytest_plugins = ("tests.console_fixtures",)
pytestmark = pytest.mark.system(CHROMIUM)
LONG = 60_000
TONES = "window.tones = []; document.addEventListener('tone', (event) => window.tones.push(event.detail));"


def tones(page: Page) -> list[str]:
    """Return the sounds that this page has made."""
    found: list[str] = page.evaluate("window.tones")
    return found


def test_a_frozen_path_is_said_loudly_and_is_left_again(town: Department, browser: Browser) -> None:
    """Nothing closes, nothing arrives: banner, sound, greyed list, each status with its age; then live again."""
    with FreezingPath(town.server.url) as path:
        rita = town.person(browser, "rita", url=path.url)
        page = rita.page
        page.add_init_script(TONES)
        page.goto(path.url + "/queue")
        first = town.hit()
        expect(page.locator("#line")).to_contain_text("Live, heard")
        expect(page.locator(f"a[href='/hits/{first}']")).to_be_visible()
        expect(page.locator("#alarm")).to_be_hidden()
        page.get_by_role("button", name="Turn sound on").click()
        expect(page.get_by_role("button", name="Turn sound off")).to_be_visible()
        expect(page.locator("#cameras")).to_contain_text("2 of 2 online, heard")
        rita.look("queue-live")
        path.freeze()
        missed = town.hit()
        expect(page.locator("#alarm")).to_be_visible(timeout=LONG)
        expect(page.locator("#alarm")).to_contain_text("new hits do not reach you")
        expect(page.locator("#line")).to_contain_text("NOT LIVE: last heard")
        expect(page.locator("#asof")).to_contain_text("Not live")
        expect(page.locator("#cameras")).to_contain_text("Last known")
        expect(page).to_have_title("NOT LIVE · Queue · hitonly")
        assert "dead" in tones(page)
        look = page.locator(f"a[href='/hits/{first}']").evaluate("(link) => getComputedStyle(link).filter")
        assert look == "grayscale(1)"
        assert page.locator(f"a[href='/hits/{missed}']").count() == 0
        rita.look("queue-dead")
        path.thaw()
        expect(page.locator("#alarm")).to_be_hidden(timeout=LONG)
        expect(page.locator("#line")).to_contain_text("Live, heard")
        expect(page.locator(f"a[href='/hits/{missed}']")).to_be_visible()
        assert "urgent" in tones(page)


def test_the_line_comes_back_after_the_path_is_cut(town: Department, browser: Browser) -> None:
    """A path that is closed and opened again is tried again by the page itself."""
    with FreezingPath(town.server.url) as path:
        page = town.person(browser, "rita", url=path.url).page
        page.goto(path.url + "/queue")
        expect(page.locator("#line")).to_contain_text("Live, heard")
        path.cut()
        expect(page.locator("#alarm")).to_be_visible(timeout=LONG)
        path.mend()
        expect(page.locator("#alarm")).to_be_hidden(timeout=LONG)
        expect(page.locator("#line")).to_contain_text("Live, heard")


def test_the_sound_stays_on_over_pages_and_every_page_hears_a_new_urgent_hit(
    town: Department, browser: Browser
) -> None:
    """The choice is made once; the reason, the reading and the account page each make the urgent sound."""
    waiting = town.hit()
    rita = town.person(browser, "rita")
    page = rita.page
    page.add_init_script(TONES)
    page.goto(town.server.url + "/queue")
    expect(page.locator("#line")).to_contain_text("Live, heard")
    page.get_by_role("button", name="Turn sound on").click()
    page.get_by_role("button", name="Play a test tone").click()
    comes_true(page, "window.tones.includes('test')")
    assert page.evaluate("Object.keys(localStorage).includes('sound')") is False
    for place in ("reason", "reading", "account"):
        with page.expect_navigation():
            if place == "reason":
                page.locator(f"a[href='/hits/{waiting}']").click()
            elif place == "reading":
                page.get_by_label("Case or dispatch number").fill("30-1")
                page.keyboard.press("Enter")
            else:
                page.get_by_role("link", name="Rita").click()
        expect(page.get_by_role("button", name="Turn sound off")).to_be_visible()
        expect(page.locator("#line")).to_contain_text("Live, heard")
        assert "urgent" not in tones(page)
        town.hit()
        comes_true(page, "window.tones.includes('urgent')")
        expect(page.locator("#announce")).to_have_text("1 new, urgent: north gate, unverified")
        rita.look(f"strip-{place}")
    page.get_by_role("button", name="Turn sound off").click()
    page.evaluate("window.tones.length = 0")
    town.hit()
    expect(page.locator("#announce")).to_be_attached()
    page.goto(town.server.url + "/queue")
    expect(page.get_by_role("button", name="Turn sound on")).to_be_visible()
    assert tones(page) == []


def test_nothing_waits_is_not_said_of_a_dead_camera(tmp_path: Path, browser: Browser) -> None:
    """No camera, two, one of two, and a list that is not there: each is said in words, in page and strip."""
    with department(tmp_path) as town:
        rita = town.person(browser, "rita")
        page = rita.page
        empty = page.locator("#empty")
        expect(empty).to_contain_text("Nothing is here, but hits may be missing: 0 of 0 cameras")
        expect(empty).to_contain_text("the hot list is too old or missing")
        town.camera()
        page.reload()
        expect(empty).to_have_text("Nothing waits. 2 of 2 cameras are online.")
        expect(page.locator("#hotlist")).to_contain_text("ago")
        expect(page.locator("#lasthit")).to_contain_text("none so far")
        town.says(north="online", south="offline")
        expect(empty).to_contain_text("hits may be missing: 1 of 2 cameras are online", timeout=20_000)
        expect(page.locator("#cameras.bad")).to_contain_text("1 of 2 online, heard")
        rita.look("queue-half-blind")
        assert not rita.faults


def test_the_strip_is_on_a_reviewers_pages_only(town: Department, browser: Browser) -> None:
    """Who may not see the queue is told nothing of it."""
    ada = town.person(browser, "ada", Role.ADMINISTRATOR)
    ada.go("/people")
    expect(ada.page.get_by_role("heading", name="People")).to_be_visible()
    assert ada.page.locator("#strip").count() == 0
    assert not ada.faults
