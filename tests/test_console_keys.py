"""From an alert to a disposition with one hand on the keyboard: the keys are counted in a real browser."""

import pytest
from playwright.sync_api import Browser, Page, expect

from api.core.lifecycle import State
from api.db.models import HitRow
from tests.browser_kit import CHROMIUM
from tests.console_kit import Department

pytest_plugins = ("tests.console_fixtures",)
pytestmark = pytest.mark.system(CHROMIUM)
MOST = 12
"""Keys from the alert to the disposition, beside the plate's own characters."""
COUNT = """
addEventListener("keydown", (event) => {
  if (event.key === "Shift") return;
  sessionStorage.setItem("pressed", (sessionStorage.getItem("pressed") || "") + event.key + "\\n");
}, { capture: true });
"""


def pressed(page: Page) -> list[str]:
    """Return every key that was pressed since the last time, as the browser saw it."""
    kept: str = page.evaluate("sessionStorage.getItem('pressed') || ''")
    page.evaluate("sessionStorage.removeItem('pressed')")
    return kept.splitlines()


def key(page: Page, name: str) -> None:
    """Press a key that leads to another page."""
    with page.expect_navigation():
        page.keyboard.press(name)


def read(page: Page, plate: str = "zq57kpx") -> None:
    """From anywhere: next hit, plate, region, and on to the comparison."""
    key(page, "n")
    expect(page.locator("[name=plate]")).to_be_focused()
    page.keyboard.type(plate)
    page.keyboard.press("/")
    page.keyboard.type("un")
    expect(page.locator("[name=region]")).to_have_value("GB")
    key(page, "Enter")
    expect(page.get_by_role("button", name="Submit")).to_be_focused()
    key(page, "Enter")


def test_an_alert_takes_twelve_keys_and_the_plate(town: Department, browser: Browser) -> None:
    """The reason is asked once; then n, plate, /, region, Enter three times: no Tab, no pointer. Then c copies."""
    rita = town.person(browser, "rita")
    page = rita.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script(COUNT)
    town.hit()
    page.goto(town.server.url + "/queue")
    key(page, "n")
    expect(page.get_by_label("Case or dispatch number")).to_be_focused()
    expect(page.get_by_text("you are asked once")).to_be_visible()
    page.keyboard.type("30-4711")
    key(page, "Enter")
    expect(page.locator("[name=plate]")).to_be_focused()
    key_count = len(pressed(page))
    assert key_count == len("n") + len("30-4711") + 1
    for outcome in ("confirmed", "refuted"):
        hit = town.hit()
        page.goto(town.server.url + "/queue")
        expect(page.locator(f"a[href='/hits/{hit}']")).to_be_visible()
        pressed(page)
        read(page)
        assert page.url.endswith(f"/hits/{hit}")
        if outcome == "confirmed":
            expect(page.get_by_role("button", name="Correct read: confirm")).to_be_focused()
            key(page, "Enter")
            expect(page.get_by_role("heading", name="What came of it")).to_be_visible()
        else:
            key(page, "1")
            expect(page.get_by_role("link", name="No, go back")).to_be_focused()
            key(page, "y")
            expect(page.get_by_text("The hit has been destroyed")).to_be_visible()
        keys = pressed(page)
        assert "Tab" not in keys
        assert len(keys) - len("zq57kpx") <= MOST, keys
        if outcome == "confirmed":
            expect(page.get_by_role("button", name="Copy for dispatch")).to_be_focused()
            page.keyboard.press("c")
            expect(page.get_by_text("Copied.")).to_be_visible()
            copied = page.evaluate("navigator.clipboard.readText()").splitlines()
            assert copied[0] == "Plate: ZQ57KPX"
            assert copied[1] == "Region: United Kingdom"
            assert copied[2] == "Place: Mill Road, northbound, north gate"
            assert copied[3].startswith("Seen: 20")
            assert copied[4] == "Case: 30-000123"
            assert copied[5].endswith("vehicle (blue Ford Focus 2019)")
            rita.look("confirmed-dispatch")
            pressed(page)
        else:
            expect(page.get_by_role("link", name="Next hit")).to_be_focused()
    assert not rita.faults


def test_each_review_is_recorded_with_the_shifts_case_and_others_ask_each_time(
    town: Department, browser: Browser
) -> None:
    """Two hits, two records with purpose and number; a confirmed hit of somebody else's asks; so does a link."""
    sam, tom = town.person(browser, "sam"), town.person(browser, "tom")
    page = sam.page
    before = len(town.records("hit.open"))
    sam.go("/queue")
    first = town.hit()
    page.reload()
    sam.press("link", "Next hit")
    page.get_by_label("Case or dispatch number").fill("31-7")
    key(page, "Enter")
    second = town.hit()
    sam.go("/queue")
    expect(page.get_by_text("You review under case 31-7.")).to_be_visible()
    with page.expect_navigation():
        page.locator(f"a[href='/hits/{second}']").click()
    expect(page.locator("[name=plate]")).to_be_focused()
    opened = town.records("hit.open")[before:]
    assert {(row.object, row.purpose, row.case_number) for row in opened} == {
        (f"hit:{hit}", "review-alert", "31-7") for hit in (first, second)
    }
    third = town.hit()
    sam.go(f"/hits/{third}")
    expect(page.get_by_role("heading", name="Why do you open this?")).to_be_visible()
    read_as = tom.page
    tom.go(f"/hits/{second}")
    tom.reason()
    read_as.locator("[name=plate]").fill("zq57kpx")
    tom.press("button", "Go on")
    tom.press("button", "Submit")
    tom.press("button", "Correct read")
    sam.go("/queue?tab=outcome")
    fourth = town.hit()
    tom.go(f"/hits/{fourth}")
    tom.reason()
    read_as.locator("[name=plate]").fill("zq57kpx")
    tom.press("button", "Go on")
    tom.press("button", "Submit")
    tom.press("button", "Correct read")
    expect(page.locator(f"a[href='/hits/{fourth}']")).to_be_visible()
    with page.expect_navigation():
        page.locator(f"a[href='/hits/{fourth}']").click()
    expect(page.get_by_role("heading", name="Why do you open this?")).to_be_visible()
    sam.go("/queue")
    sam.press("button", "Change the case")
    fifth = town.hit()
    page.reload()
    with page.expect_navigation():
        page.locator(f"a[href='/hits/{fifth}']").click()
    expect(page.get_by_role("heading", name="Why do you open this?")).to_be_visible()


def test_a_held_enter_confirms_nothing_and_an_empty_reading_can_be_said_by_keys(
    town: Department, browser: Browser
) -> None:
    """The key's repetition is not taken; Enter on nothing asks whether it cannot be read."""
    rita = town.person(browser, "uma")
    page = rita.page
    hit = town.hit()
    rita.go(f"/hits/{hit}")
    rita.reason()
    page.keyboard.type("zq57kpx")
    with page.expect_navigation():
        page.keyboard.down("Enter")
    expect(page.get_by_role("button", name="Submit")).to_be_focused()
    for _ in range(5):
        page.keyboard.down("Enter")
    page.wait_for_timeout(500)
    expect(page.get_by_role("button", name="Submit")).to_be_focused()
    page.keyboard.up("Enter")
    key(page, "e")
    page.locator("[name=plate]").fill("")
    key(page, "Enter")
    expect(page.get_by_role("button", name="It cannot be read")).to_be_focused()
    key(page, "Enter")
    expect(page.get_by_role("heading", name="You say that it cannot be read.")).to_be_visible()
    with town.service.database.read() as session:
        assert session.get_one(HitRow, str(hit)).state == State.PENDING


def test_the_shortcuts_are_listed_and_can_be_turned_off(town: Department, browser: Browser) -> None:
    """By ? and by a button; off, a letter does nothing (WCAG 2.1.4)."""
    rita = town.person(browser, "vic")
    page = rita.page
    rita.go("/queue")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    rita.look("shortcuts")
    page.get_by_label("Use single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_hidden()
    page.get_by_role("button", name="Shortcuts").click()
    page.get_by_label("Use single-key shortcuts").check()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    assert not rita.faults
