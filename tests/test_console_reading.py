"""Nothing is destroyed by one slip: the reading is shown again, and every destroying button asks."""

from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect

from api.accounts.people import Role
from api.core.lifecycle import Mistake, State
from api.db.models import HitRow, PersonRow
from tests.browser_kit import CHROMIUM
from tests.console_kit import Department
from tests.test_api_browser import Person

pytest_plugins = ("tests.console_fixtures",)
pytestmark = pytest.mark.system(CHROMIUM)


def state(town: Department, hit: UUID) -> str:
    """Return where a hit stands; "gone" when it has been destroyed."""
    with town.service.database.read() as session:
        row = session.get(HitRow, str(hit))
        return "gone" if row is None else row.state


def opened(town: Department, person: Person) -> UUID:
    """Deliver a hit and open it with a reason."""
    hit = town.hit()
    person.go(f"/hits/{hit}")
    person.reason()
    return hit


def type_in(person: Person, plate: str, region: str) -> None:
    """Type a reading and go on."""
    person.page.locator("[name=plate]").fill(plate)
    person.page.locator("[name=region]").select_option(region)
    with person.page.expect_navigation():
        person.page.locator("[name=plate]").press("Enter")


def confirmed(town: Department, person: Person) -> UUID:
    """Deliver a hit, read it right and confirm it."""
    hit = opened(town, person)
    type_in(person, "zq57kpx", "GB")
    person.press("button", "Submit")
    person.press("button", "Correct read")
    return hit


def test_a_reading_is_shown_again_before_anything_is_compared(town: Department, browser: Browser) -> None:
    """A wrong country is seen and changed; the hit lives; the listed plate is nowhere before the comparison."""
    rita = town.person(browser, "rita")
    hit = opened(town, rita)
    type_in(rita, "zv10 fsc", "IE")
    echo = rita.page.get_by_role("heading", name="You read ZV10FSC, Ireland. Submit or change.")
    expect(echo).to_be_visible()
    assert "ZQ57KPX" not in rita.page.content()
    assert rita.page.locator("#crop").is_visible()
    rita.look("echo")
    rita.press("button", "Change")
    expect(rita.page.locator("[name=plate]")).to_have_value("ZV10FSC")
    expect(rita.page.locator("[name=region]")).to_have_value("IE")
    assert (state(town, hit), town.records("hit.read-blind")) == (State.PENDING, [])
    type_in(rita, "zq57kpx", "IE")
    rita.press("button", "Change")
    rita.page.get_by_label("I only guess at the region").check()
    rita.press("button", "Go on")
    expect(rita.page.get_by_role("heading", name="You read ZQ57KPX, region cannot be told.")).to_be_visible()
    rita.press("button", "Submit")
    expect(rita.page.get_by_role("heading", name="Your decision")).to_be_visible()
    assert not rita.faults


def test_the_end_page_shows_what_was_typed(town: Department, browser: Browser) -> None:
    """And a reading that cannot be made is asked about too."""
    rita = town.person(browser, "rita")
    hit = opened(town, rita)
    type_in(rita, "ab12cde", "FR")
    assert state(town, hit) == State.PENDING
    rita.press("button", "Submit")
    expect(rita.page.get_by_text("You read AB12CDE, France.")).to_be_visible()
    assert state(town, hit) == "gone"
    rita.look("ended-typed")
    hit = opened(town, rita)
    rita.press("button", "It cannot be read")
    expect(rita.page.get_by_role("heading", name="You say that it cannot be read.")).to_be_visible()
    assert state(town, hit) == State.PENDING
    rita.press("button", "Submit")
    assert state(town, hit) == "gone"


@pytest.mark.parametrize("button", ["Release", "None", "Wrong vehicle"])
def test_an_outcome_that_destroys_asks_on_a_page_of_its_own(
    town: Department, browser: Browser, button: str
) -> None:
    """Going back leaves the hit as it was; saying yes destroys it."""
    rita = town.person(browser, "rita")
    hit = confirmed(town, rita)
    rita.press("button", button)
    expect(rita.page.get_by_role("heading", name="Destroy the hit?")).to_be_visible()
    expect(rita.page.get_by_role("link", name="No, go back")).to_be_focused()
    rita.look(f"confirm-{button.lower()}")
    rita.press("link", "No, go back")
    expect(rita.page.get_by_role("heading", name="What came of it")).to_be_visible()
    assert state(town, hit) == State.CONFIRMED
    rita.press("button", button)
    rita.press("button", f"{button}: destroy the hit")
    expect(rita.page.get_by_text("the hit has been destroyed")).to_be_visible()
    assert state(town, hit) == "gone"


def test_an_outcome_that_keeps_the_hit_is_one_press(town: Department, browser: Browser) -> None:
    """And then Release no longer destroys, so it no longer asks."""
    rita = town.person(browser, "rita")
    hit = confirmed(town, rita)
    rita.press("button", "Arrest")
    assert state(town, hit) == State.CONCLUDED
    rita.press("button", "Release")
    assert state(town, hit) == State.CONCLUDED


@pytest.mark.parametrize("mistake", [one for one in Mistake if one is not Mistake.ILLEGIBLE])
def test_each_way_to_refute_asks(town: Department, browser: Browser, mistake: Mistake) -> None:
    """Misread, wrong region, stale entry; another vehicle is for the unit on the road to find."""
    rita = town.person(browser, "rita")
    hit = opened(town, rita)
    type_in(rita, "zq57kpx", "GB")
    rita.press("button", "Submit")
    words = mistake.replace("-", " ").capitalize()
    rita.press("button", words)
    expect(rita.page.get_by_role("heading", name="Destroy the hit?")).to_be_visible()
    assert state(town, hit) == State.PENDING
    rita.press("button", f"{words}: destroy the hit")
    assert state(town, hit) == "gone"


def test_disabling_a_person_asks(town: Department, browser: Browser) -> None:
    """One click does nothing; the second, on a page of its own, does."""
    ada = town.person(browser, "ada", Role.ADMINISTRATOR)
    town.person(browser, "carl")
    ada.go("/people")

    def disabled() -> bool:
        with town.service.database.read() as session:
            return session.query(PersonRow).where(PersonRow.name == "carl").one().disabled is not None

    ada.press("button", "Disable carl")
    expect(ada.page.get_by_role("heading", name="Disable carl?")).to_be_visible()
    ada.look("confirm-disable")
    assert not disabled()
    ada.press("button", "Disable carl")
    assert disabled()


def test_a_second_reviewer_reads_a_near_mismatch(town: Department, browser: Browser) -> None:
    """One character off: the first waits, the second reads blind, sees both readings, and decides."""
    rita, sam = town.person(browser, "rita"), town.person(browser, "sam")
    hit = opened(town, rita)
    type_in(rita, "zq57kpy", "GB")
    rita.press("button", "Submit")
    expect(rita.page.get_by_role("heading", name="Another reviewer reads it now")).to_be_visible()
    assert "ZQ57KPX" not in rita.page.content()
    rita.look("second-waits")
    sam.go("/queue")
    expect(sam.page.locator(f"a[href='/hits/{hit}']")).to_contain_text("needs a second reader")
    sam.go(f"/hits/{hit}")
    sam.reason()
    expect(sam.page.get_by_text("Second reading.")).to_be_visible()
    assert "ZQ57KP" not in sam.page.content()
    sam.look("second-reading")
    type_in(sam, "zq57kpx", "GB")
    sam.press("button", "Submit")
    expect(sam.page.get_by_role("heading", name="Two reviewers do not agree")).to_be_visible()
    expect(sam.page.get_by_text("ZQ57KPY")).to_be_visible()
    sam.look("second-compare")
    sam.press("button", "Correct read")
    assert state(town, hit) == State.CONFIRMED
    assert not rita.faults + sam.faults
