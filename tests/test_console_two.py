"""Two reviewers at one hit, and a session that ends while something is typed: in a real browser."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser_kit import CHROMIUM
from tests.console_kit import Department

pytest_plugins = ("tests.console_fixtures",)
pytestmark = pytest.mark.system(CHROMIUM)
LONG = 30_000


def test_the_second_reviewer_sees_the_first_before_typing(town: Department, browser: Browser) -> None:
    """On the reason page and on the reading page; and both pages change when the hit is taken."""
    rita, sam = town.person(browser, "rita"), town.person(browser, "sam")
    hit = town.hit()
    rita.go(f"/hits/{hit}")
    assert "is reading this" not in rita.page.content()
    rita.reason()
    sam.go(f"/hits/{hit}")
    expect(sam.page.locator(".warning")).to_have_text("Rita is reading this: opened 0 min ago.")
    expect(sam.page.locator("#taken")).to_contain_text("Rita is reading this", timeout=LONG)
    sam.look("reason-taken")
    sam.reason()
    expect(sam.page.locator("#taken")).to_contain_text("Rita is reading this", timeout=LONG)
    sam.look("blind-taken")
    expect(rita.page.locator("#taken")).to_contain_text("Sam is reading this", timeout=LONG)
    rita.page.locator("[name=plate]").fill("zq57kpx")
    rita.page.locator("[name=region]").select_option("GB")
    rita.press("button", "Go on")
    rita.press("button", "Submit")
    expect(sam.page.locator("#taken")).to_contain_text(
        "Somebody else has taken this hit further", timeout=LONG
    )
    assert sam.page.get_by_role("button", name="Go on").is_disabled()
    expect(rita.page.locator("#taken")).not_to_contain_text("further")
    with sam.page.expect_navigation():
        sam.page.get_by_role("link", name="Show it as it is now").click()
    expect(sam.page.get_by_role("heading", name="Your decision")).to_be_visible()
    rita.press("button", "Misread")
    rita.press("button", "Misread: destroy the hit")
    expect(sam.page.get_by_role("link", name="It has been destroyed: to the queue")).to_be_visible(
        timeout=LONG
    )
    assert not rita.faults + sam.faults


def test_a_typed_reading_survives_the_sign_out(town: Department, browser: Browser) -> None:
    """Typed and not sent, signed out, signed in again: it stands in its form, and no browser storage holds it."""
    rita = town.person(browser, "rita")
    page = rita.page
    hit = town.hit()
    rita.go(f"/hits/{hit}")
    rita.reason()
    page.locator("[name=plate]").fill("zv10fsc")
    page.locator("[name=region]").select_option("IE")
    expect(page.locator("#line")).to_contain_text("Live, heard")
    town.idle(minutes=31)
    expect(page.get_by_role("heading", name="You are no longer watching")).to_be_visible(timeout=LONG)
    stored = page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "known" in stored
    assert "zv10fsc" not in stored.lower()
    assert not page.locator("[name=plate]").is_visible()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_text("What you typed is kept")).to_be_visible()
    assert "zv10fsc" not in page.content().lower()
    rita.look("sign-in-kept")
    town.enter(page, "rita")
    expect(page.get_by_role("heading", name="What you typed is still here")).to_be_visible()
    rita.look("kept")
    rita.press("button", "Go on with it")
    rita.reason()
    expect(page.locator("[name=plate]")).to_have_value("ZV10FSC")
    expect(page.locator("[name=region]")).to_have_value("IE")
