"""A quiet shift in a real browser: a warning before the sign-out, a loud page after it."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser_kit import CHROMIUM, comes_true
from tests.console_kit import Department, department

pytest_plugins = ("tests.console_fixtures",)
pytestmark = pytest.mark.system(CHROMIUM)
TONES = "window.tones = []; document.addEventListener('tone', (event) => window.tones.push(event.detail));"
LONG = 30_000


def test_a_warning_comes_before_the_sign_out_and_one_act_stays(town: Department, browser: Browser) -> None:
    """Four minutes before: said in words and by a sound; the button makes the thirty minutes begin anew."""
    rita = town.person(browser, "rita")
    page = rita.page
    page.add_init_script(TONES)
    page.goto(town.server.url + "/queue")
    page.get_by_role("button", name="Turn sound on").click()
    expect(page.locator("#line")).to_contain_text("Live, heard")
    expect(page.locator("#leaving")).to_be_hidden()
    town.idle(minutes=26)
    expect(page.locator("#leaving")).to_contain_text("You will be signed out in", timeout=LONG)
    comes_true(page, "window.tones.includes('high')")
    rita.look("leaving")
    page.get_by_role("button", name="I am still here").click()
    expect(page.locator("#leaving")).to_be_hidden()
    expect(page.locator("#line")).to_contain_text("Live, heard")
    page.wait_for_timeout(6_000)
    expect(page.locator("#leaving")).to_be_hidden()
    assert not rita.faults


@pytest.mark.parametrize("where", ["queue", "reading"])
def test_after_the_sign_out_the_page_says_loudly_that_nobody_watches(
    town: Department, browser: Browser, where: str
) -> None:
    """On whatever page: nothing of a hit stays, the title and a sound say it, and the way back is one key away."""
    hit = town.hit()
    rita = town.person(browser, "rita")
    page = rita.page
    page.add_init_script(TONES)
    page.goto(town.server.url + "/queue")
    page.get_by_role("button", name="Turn sound on").click()
    if where == "reading":
        page.goto(f"{town.server.url}/hits/{hit}")
        page.keyboard.press("Shift")
        rita.reason()
        expect(page.locator("#crop")).to_be_visible()
    expect(page.locator("#line")).to_contain_text("Live, heard")
    town.idle(minutes=31)
    expect(page.get_by_role("heading", name="You are no longer watching")).to_be_visible(timeout=LONG)
    expect(page).to_have_title("NOT WATCHING · hitonly")
    comes_true(page, "window.tones.includes('dead')")
    assert page.locator("#crop, .queue, #strip:visible").count() == 0
    rita.look(f"unwatched-{where}")
    expect(page.locator("#again")).to_be_focused()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Unnamed department")).to_be_visible()


def test_a_page_that_cannot_connect_again_because_it_is_signed_out_says_so(
    town: Department, browser: Browser
) -> None:
    """The session ended while the line was down: the sign-in page that answers the stream is no dead line."""
    rita = town.person(browser, "rita")
    page = rita.page
    page.goto(town.server.url + "/queue")
    expect(page.locator("#line")).to_contain_text("Live, heard")
    page.context.clear_cookies()
    page.evaluate("document.getElementById('stay').click()")
    expect(page.get_by_role("heading", name="You are no longer watching")).to_be_visible(timeout=LONG)


def test_a_staffed_console_is_not_signed_out_while_it_is_watched(tmp_path: Path, browser: Browser) -> None:
    """The same quiet hour, with the department's written word: no warning, no sign-out, and a record."""
    words = 'reason = "Two dispatchers are in the room at all hours"\nauthority = "Chief Example"'
    setting = f"[staffed]\n{words}\nhours = 2\n"
    with department(tmp_path, setting) as town:
        rita = town.person(browser, "rita")
        page = rita.page
        page.goto(town.server.url + "/queue")
        expect(page.locator("#line")).to_contain_text("Live, heard")
        town.idle(minutes=60)
        page.wait_for_timeout(7_000)
        expect(page.locator("#line")).to_contain_text("Live, heard")
        expect(page.locator("#leaving")).to_be_hidden()
        town.idle(minutes=147)
        expect(page.locator("#leaving")).to_contain_text("signed out in 2 min", timeout=LONG)
        (record,) = town.records("setting.staffed")
        assert "Chief Example" in record.detail
