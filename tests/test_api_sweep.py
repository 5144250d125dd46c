"""Every page, for everybody: colours, contrast, zoom, tablet, telephone, keyboard and no motion (WCAG 2.2 AA)."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import select

from api.accounts import people, resets, sessions
from api.accounts.people import Application, Role
from api.core.service import Service, open_service
from api.core.settings import Settings
from api.db.models import EntryRow, PersonRow
from api.devices import registry
from hotlist.entry import Entry, entry_to_json
from tests.api_kit import PASSWORD, PLATE, Box, HandClock, make_entry, make_hit, registration
from tests.browser_kit import ARGUMENTS, CHROMIUM, RULES
from tests.test_api_browser import Server, client, running

pytestmark = pytest.mark.system(CHROMIUM)
COOKIE = "__Host-session"
ENDS = timedelta(days=9)


@dataclass(frozen=True, slots=True)
class Site:
    """A running service in which something is under way on every page."""

    server: Server
    session: str
    pages: dict[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """How somebody looks at a page."""

    size: tuple[int, int] = (1280, 800)
    scheme: str = "light"
    forced: str = "none"
    scale: int = 1


LOOKS = {
    "light": Look(),
    "dark": Look(scheme="dark"),
    "forced colours": Look(forced="active", scheme="dark"),
    "200 % zoom": Look(size=(640, 400), scale=2),
    "400 % zoom": Look(size=(320, 256), scale=4),
    "tablet": Look(size=(820, 1180)),
    "telephone": Look(size=(390, 844)),
}
LAYOUT = {**RULES, "runOnly": {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]}}
"""What of axe depends on the size of the window."""
COLOURS = {**RULES, "runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""What of axe depends on the colours."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run the service with people, a device, entries, a proposal, links, and hits in every state."""
    state = tmp_path_factory.mktemp("sweep") / "state"
    with running(state) as server:
        service = open_service(Settings(state=state))
        try:
            session = _joined(service, server)
            with client(server.url, state) as line:
                line.cookies.set(COOKIE, session)
                line.headers["Sec-Fetch-Site"] = "same-origin"
                yield Site(server, session, {**_plain(service), **_hits(service, line), **_list(line)})
        finally:
            service.close()


def _joined(service: Service, server: Server) -> str:
    """Let somebody with every role in, and a colleague; return the first one's session."""
    token, secret = server.link.rpartition("/")[2], ""
    for name in ("ada", "dora"):
        offered = people.open_invitation(service, token)
        totp = pyotp.TOTP(offered.secret)
        application = Application(name, name.title(), PASSWORD, totp.at(service.now()))
        codes = people.accept(service, token, application, offered.browser)
        secret = secret or codes[0]
        token = people.invite(service, frozenset({Role.REVIEWER}), "person:ada")
    with service.database.begin() as session:
        session.scalars(select(PersonRow).where(PersonRow.name == "ada")).one().roles = sorted(Role)
    return sessions.sign_in(service, "ada", PASSWORD, secret)


def _plain(service: Service) -> dict[str, str]:
    """Return the pages that need no hit and no entry; open links stand on some of them."""
    invited = people.invite(service, frozenset({Role.AUDITOR}), "person:ada")
    offered = resets.issue(service, "dora", "person:ada").token
    resets.issue(service, "ada", "person:dora")
    named = ("queue", "list", "signing", "devices", "people", "audit", "precision", "report", "account")
    return {
        **{name: f"/{name}" for name in named},
        "sign-in": "/sign-in",
        "welcome": f"/welcome/{invited}",
        "person": "/people/dora",
        "reset": f"/reset/{offered}",
        "new entry": "/list/add",
        "import": "/list/import",
        "absent": "/nowhere",
    }


def _standing(plate: str, now: datetime) -> Entry:
    return make_entry(
        plate,
        created=now - timedelta(hours=5),
        effective=now - timedelta(hours=4),
        verified=now - timedelta(hours=4),
        expires=now + ENDS,
    )


def _hits(service: Service, line: httpx.Client) -> dict[str, str]:
    """Deliver hits; return the page that asks why, and the stages of a review."""
    now = datetime.now(UTC)
    entry = _standing(PLATE, now)
    with service.database.begin() as session:
        row = EntryRow(id=entry.id, key=f"{PLATE}|GB|1", body=entry_to_json(entry), author="dora")
        row.approver, row.expires = "ada", entry.expires
        session.add(row)
    assert line.post("/list/publish").status_code == 303
    box = Box(line, HandClock(now))
    assert box.enrol(registry.register(service, registration(), "person:ada")).status_code == 200
    hits = [make_hit(entry=entry, captured=now) for _ in range(4)]
    assert box.deliver(*[box.sealed(hit) for hit in hits]).status_code == 200
    reason = {"purpose": "review-alert", "case_number": "30-4711"}
    for hit in hits[1:]:
        assert line.post(f"/v1/hits/{hit.id}/open", json=reason).status_code == 204
    for hit in hits[2:]:
        reading = {"plate": PLATE, "region": "GB"}
        assert line.post(f"/v1/hits/{hit.id}/reading", json=reading).json()["compared"] is True
    given = {"disposition": "correct-read"}
    assert line.post(f"/v1/hits/{hits[3].id}/disposition", json=given).json()["state"] == "confirmed"
    why = {"purpose": "hot-list-upkeep", "case_number": "30-4711"}
    page = f"/list/entries/{entry.id}"
    assert line.post(f"{page}/open", data=why).status_code == 303
    stages = ("reason", "blind", "compared", "confirmed")
    found = {name: f"/hits/{hit.id}" for name, hit in zip(stages, hits, strict=True)}
    return {**found, "entry": page, "change of an entry": f"{page}/change"}


def _list(line: httpx.Client) -> dict[str, str]:
    """Import a file as a dry run; return its page."""
    rows = b"Plate,State,Reason,Case Number\nAB12345,NH,stolen vehicle,30-1\n000,NH,stolen plate,30-2\n"
    form = {"format": "csv", "source": "state feed", "country": "US", "days": "20"}
    answer = line.post("/list/import", data=form, files={"file": ("feed.csv", io.BytesIO(rows), "text/csv")})
    assert answer.status_code == 303, answer.text
    page = answer.headers["location"]
    why = {"purpose": "hot-list-upkeep", "case_number": "30-4711"}
    assert line.post(f"{page}/open", data=why).status_code == 303
    return {"dry run": page}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


def signed_in(browser: Browser, site: Site, look: Look) -> BrowserContext:
    """Return a browser that looks so, in which somebody is signed in."""
    context = browser.new_context(
        ignore_https_errors=True,
        viewport={"width": look.size[0], "height": look.size[1]},
        device_scale_factor=look.scale,
        color_scheme=look.scheme,  # type: ignore[arg-type]
        forced_colors=look.forced,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    cookie: Any = {"name": COOKIE, "value": site.session, "url": site.server.url, "secure": True}
    context.add_cookies([cookie])
    return context


def opened(page: Page, site: Site, path: str) -> None:
    """Open a page, with everything on it unfolded; the queue once its first picture has come."""
    page.goto(site.server.url + path)
    if path == "/queue":
        expect(page).to_have_title(re.compile(r"^\(\d+\) "))
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


def violations(page: Page, rules: dict[str, Any]) -> list[str]:
    """Return what axe finds."""
    found = Axe().run(page, options={**rules, "resultTypes": ["violations"]}).response["violations"]
    return [f"{fault['id']}: {fault['nodes'][0]['html'][:160]}" for fault in found]


def sideways(page: Page, _: dict[str, Any]) -> list[str]:
    """Return what is wider than the window outside a region of its own that scrolls (WCAG 1.4.10)."""
    return list(
        page.evaluate(
            """() => {
              const root = document.documentElement;
              if (root.scrollWidth <= root.clientWidth) return [];
              return [...document.querySelectorAll("main *, header *")]
                .filter((one) => !one.closest(".scroll, .crop, .hidden, .skip"))
                .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1)
                .map((one) => "too wide: " + one.outerHTML.slice(0, 120)).slice(0, 3)
                .concat(["the page scrolls sideways"]);
            }"""
        )
    )


def each_page(browser: Browser, site: Site, look: Look, check: Callable[[Page], list[str]]) -> list[str]:
    """Return every page's faults in one look."""
    context, faults = signed_in(browser, site, look), []
    page = context.new_page()
    for name, path in site.pages.items():
        opened(page, site, path)
        faults += [f"{name}: {fault}" for fault in check(page)]
    context.close()
    return faults


@pytest.mark.parametrize("name", LOOKS)
def test_every_page_in_every_look(site: Site, browser: Browser, name: str) -> None:
    """No violation that axe finds, and nothing that scrolls sideways, in any colours and at any size."""
    look = LOOKS[name]
    rules = RULES if look == Look() else COLOURS if look.size == Look().size else LAYOUT
    faults = each_page(browser, site, look, lambda page: violations(page, rules) + sideways(page, rules))
    assert not faults, "\n".join(faults)


STOPS = """() => [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.disabled)
  .filter((one) => one.tabIndex >= 0 && one.getAttribute('aria-hidden') !== 'true')
  .filter((one) => one.type !== 'hidden')
  .map((one, place) => { one.dataset.stop = place; return one.outerHTML.slice(0, 120); })"""
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one.dataset.stop === undefined) return null;
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return [Number(one.dataset.stop), outlined, inside && box.width > 1];
}"""


def unreached(page: Page) -> list[str]:
    """Go through a page with the Tab key; return what it does not reach, or reaches unseen (WCAG 2.1.1, 2.4.7)."""
    stops = page.evaluate(STOPS)
    page.evaluate("document.activeElement.blur(); document.body.focus(); getSelection().removeAllRanges()")
    page.evaluate("document.querySelector('.skip').focus()")
    seen, faults = set(), []
    for _ in range(3 * len(stops) + 5):
        now = page.evaluate(FOCUSED)
        if now is not None:
            if now[0] in seen and now[0] == 0:
                break
            if now[0] not in seen and not now[1]:
                faults.append(f"no outline: {stops[now[0]]}")
            if now[0] not in seen and not now[2]:
                faults.append(f"out of sight: {stops[now[0]]}")
            seen.add(now[0])
        if len(seen) == len(stops):
            break
        page.keyboard.press("Tab")
    return faults + [f"not reached: {html}" for place, html in enumerate(stops) if place not in seen]


@pytest.mark.parametrize("name", ["light", "telephone"])
def test_every_action_is_reached_by_keyboard_and_seen(site: Site, browser: Browser, name: str) -> None:
    """Tab comes to everything that can be used; where it is, an outline of two pixels or more says so."""
    faults = each_page(browser, site, LOOKS[name], unreached)
    assert not faults, "\n".join(faults)


def test_nothing_moves_where_no_motion_is_wanted(site: Site, browser: Browser) -> None:
    """A new urgent hit pulses; with reduced motion it does not (WCAG 2.3.3)."""
    context = signed_in(browser, site, Look())
    page = context.new_page()
    for motion, moves in (("no-preference", True), ("reduce", False)):
        page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
        opened(page, site, "/queue")
        page.locator(".queue .urgent").first.wait_for()
        running = page.evaluate(
            """() => { for (const one of document.querySelectorAll('.queue .urgent')) one.classList.add('new');
                       return document.getAnimations().length; }"""
        )
        assert (running > 0) is moves, motion
    context.close()


@pytest.mark.parametrize(
    ("breaking", "check"),
    [
        ("main.innerHTML += '<img src=/static/icon.svg>'", lambda page: violations(page, RULES)),
        ("main.innerHTML += '<p class=pale>pale</p>'; main.lastChild.style.color = '#e8e8e8'",
         lambda page: violations(page, RULES)),
        ("main.innerHTML += '<p>wide</p>'; main.lastChild.style.width = '200vw'",
         lambda page: sideways(page, {})),
        ("main.querySelector('button').style.outline = 'none'", unreached),
        ("main.querySelector('button').addEventListener('focus', (e) => e.target.blur())", unreached),
    ],
    ids=["no text for a picture", "pale", "wide", "no outline", "not reached"],
)  # fmt: skip
def test_the_sweep_sees_a_broken_page(
    site: Site, browser: Browser, breaking: str, check: Callable[[Page], list[str]]
) -> None:
    """Each check finds what it is for, on a page that is broken on purpose."""
    context = signed_in(browser, site, Look())
    page = context.new_page()
    opened(page, site, "/list/import")
    assert not check(page)
    page.evaluate(f"const main = document.getElementById('main'); {breaking}")
    assert check(page)
    context.close()
