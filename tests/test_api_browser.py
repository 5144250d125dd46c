"""The whole story in a real browser, against a real server process over TLS, with every page checked by axe."""

import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import httpx
import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from hitonly_core.keys import SigningKey
from hotlist.authoring.desk import review as review_waiting
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.trust import TrustedState, accept
from tests.api_kit import PASSWORD, Box, HandClock, make_hit
from tests.browser_kit import ARGUMENTS, CHROMIUM, RULES

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.system(CHROMIUM)


@dataclass(frozen=True, slots=True)
class Server:
    """A running service."""

    url: str
    link: str
    state: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run `alpr-api serve` over TLS on a free port."""
    with running(tmp_path_factory.mktemp("service") / "state") as started:
        yield started


@contextmanager
def running(state: Path, *options: str) -> Iterator[Server]:
    """Run the service on a state folder; end it with the block."""
    line = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--state", str(state)]
    with subprocess.Popen(
        [*line, "--port", "0", "--tls", "local", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().split()[-1]
            link = Path(process.stdout.readline().split()[-1]).read_text().strip()
            with client(url, state) as asking:
                _wait(asking)
            yield Server(url, link, state)
        finally:
            process.terminate()
    assert process.returncode in {0, -15}


def client(url: str, state: Path) -> httpx.Client:
    """Return an HTTP client that trusts the service's own authority and nothing else."""
    context = ssl.create_default_context(cafile=str(state / "ca.pem"))
    return httpx.Client(base_url=url, verify=context, timeout=20)


def _wait(asking: httpx.Client) -> None:
    """Wait until the service answers."""
    for _ in range(600):
        try:
            asking.get("/sign-in")
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        return
    raise TimeoutError("the service does not answer")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, browser: Browser, server: Server, name: str, folder: Path) -> None:
        context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 800})
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        self.server = server
        self.name = name
        self.folder = folder

    def go(self, path: str) -> None:
        """Open a page of the service."""
        self.page.goto(self.server.url + path)

    def join(self, link: str) -> None:
        """Set an account up and sign in with a recovery code."""
        page = self.page
        page.goto(link)
        self.look("welcome")
        page.locator("[name=code]").fill(pyotp.TOTP(str(page.text_content(".secret")).strip()).now())
        page.locator("[name=name]").fill(self.name)
        page.locator("[name=full_name]").fill(self.name.title())
        page.locator("[name=password]").fill(PASSWORD)
        self.press("button", "Make the account")
        self.look("recovery")
        code = str(page.locator(".codes code").first.text_content())
        self.press("link", "sign in")
        self.look("sign-in")
        page.locator("[name=name]").fill(self.name)
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("[name=code]").fill(code)
        self.press("button", "Sign in")
        page.wait_for_url("**/queue")

    def reason(self) -> None:
        """Say why something is opened, where it is asked: of reviews it is asked once a shift."""
        if not self.page.get_by_label("Case or dispatch number").count():
            expect(self.page.locator("#crop")).to_be_visible()
            return
        self.page.get_by_label("Case or dispatch number").fill("30-4711")
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def press(self, role: Literal["button", "link"], name: str) -> None:
        """Press what leads to another page, and wait for that page."""
        with self.page.expect_navigation():
            self.page.get_by_role(role, name=name).first.click()

    def look(self, name: str) -> None:
        """Keep a picture, light and dark, and let axe look for what keeps people out (WCAG 2.2 AA)."""
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.page.screenshot(path=self.folder / f"{name}-{scheme}.png", full_page=True)
            found = Axe().run(self.page, options=RULES).response["violations"]
            faults = [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found]
            assert not faults, f"{name}, {scheme}: {faults}"
        self.page.emulate_media(color_scheme="light")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where pictures are kept: HITONLY_SCREENSHOTS, or a folder of the test's."""
    kept = os.environ.get("HITONLY_SCREENSHOTS")
    path = Path(kept) if kept else tmp_path_factory.mktemp("screenshots")
    path.mkdir(parents=True, exist_ok=True)
    return path


def register(person: Person) -> str:
    """Register a device through the page; return its code."""
    page = person.page
    person.go("/devices")
    page.get_by_text("Register a device").click()
    values = {
        "device": "camera-1",
        "registration_id": "NH-2030-0017",
        "make": "Example Optics",
        "model": "EO-4",
        "location": "Mill Road, northbound",
        "agency": "Example Police Department",
        "policy_sha256": "c" * 64,
    }
    for name, value in values.items():
        page.fill(f"[name={name}]", value)
    person.look("devices-register")
    person.press("button", "Register")
    return str(page.locator(".done-note .platetext").text_content())


def propose(person: Person) -> None:
    """Propose an entry through the page, and import a file."""
    page = person.page
    person.go("/list/add")
    page.locator("[name=plate]").fill("zq57 kpx")
    page.locator("[name=region]").select_option("GB")
    page.locator("[name=severity]").select_option("urgent")
    page.locator("[name=case_number]").fill("30-000123")
    page.locator("[name=source]").fill("county list")
    page.locator("[name=expires]").fill(f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}")
    page.locator("[name=make]").fill("Ford")
    page.locator("[name=colour]").fill("blue")
    person.look("entry-form")
    person.press("button", "Propose")
    person.press("link", "Import a file")
    person.look("import")
    rows = b"Plate,State,Reason,Case Number\nAB12345,NH,stolen vehicle,30-1\n000,NH,stolen plate,30-2\n"
    page.locator("[name=file]").set_input_files({"name": "feed.csv", "mimeType": "text/csv", "buffer": rows})
    page.locator("[name=source]").fill("state feed")
    page.locator("[name=country]").fill("US")
    page.locator("[name=days]").fill("20")
    person.press("button", "Dry run")
    person.reason()
    expect(page.get_by_text("False hits to expect")).to_be_visible()
    person.look("dry-run")
    person.press("button", "Put forward")


def approve(person: Person) -> None:
    """Approve what waits, and publish."""
    page = person.page
    person.go("/list")
    person.look("list-waiting")
    while page.get_by_role("link", name="Look at it").count():
        person.press("link", "Look at it")
        person.reason()
        person.look("proposal")
        person.press("button", "Approve")
    person.press("button", "Publish now")
    expect(page.get_by_text("Version 1")).to_be_visible()
    person.look("list")


def review(person: Person) -> None:
    """Open the hit from the live queue with the keyboard, read it blind, and confirm it."""
    page = person.page
    expect(page.locator(".queue .urgent")).to_be_visible(timeout=10_000)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    person.look("queue")
    page.locator("main").press("ArrowDown")
    with page.expect_navigation(url="**/hits/*"):
        page.keyboard.press("Enter")
    person.look("reason")
    person.reason()
    expect(page.get_by_text("Unverified")).to_be_visible()
    assert "ZQ57KPX" not in page.content()
    page.get_by_text("Enhance the view").click()
    page.get_by_label("Invert").check()
    assert "invert(1)" in str(page.locator("#crop").get_attribute("style"))
    person.look("blind")
    page.locator("[name=plate]").fill("zq57kpx")
    page.locator("[name=region]").select_option("GB")
    with page.expect_navigation():
        page.locator("[name=plate]").press("Enter")
    expect(
        page.get_by_role("heading", name="You read ZQ57KPX, United Kingdom. Submit or change.")
    ).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your decision")).to_be_visible()
    person.look("compare")
    person.press("button", "Correct read")
    expect(page.get_by_role("heading", name="What came of it")).to_be_visible()
    person.look("confirmed")


def test_the_whole_story_in_a_browser(server: Server, browser: Browser, folder: Path) -> None:
    """Enrol, import, approve, publish, hit, blind review, confirm, outcome, destroy, report."""
    ada = Person(browser, server, "ada", folder)
    ada.join(server.link)
    ada.look("queue-empty")
    edith, arno, gus = (Person(browser, server, name, folder) for name in ("edith", "arno", "gus"))
    for person, role in ((edith, "Editor"), (arno, "Approver"), (gus, "Auditor")):
        joins(person, invited(ada, role))
    ada.look("people")
    code = register(ada).split("#")[1]
    propose(edith)
    with client(server.url, server.state) as line:
        box = Box(line, HandClock(datetime.now(UTC)))
        assert box.enrol(code).status_code == 200
        approve(arno)
        box.clock.now = datetime.now(UTC)
        hot_list = box.send("GET", "/v1/hotlist")
        keys = KeySet.from_bytes(box.answer["hot_list_keys"].encode())
        trusted = TrustedState(box.answer["department"], keys)
        accepted = accept(hot_list.content, device_key=box.seal, trusted=trusted, now=datetime.now(UTC))
        (entry,) = (entry for entry in accepted.list.entries if entry.plate == "ZQ57KPX")
        ada.go("/queue")
        expect(ada.page.locator("#line")).to_contain_text("Live, heard")
        answer = box.deliver(box.sealed(make_hit(entry=entry, captured=datetime.now(UTC))))
        assert answer.json()["results"][0]["status"] == "stored"
    review(ada)
    ada.press("button", "None")
    ada.press("button", "None: destroy the hit")
    expect(ada.page.get_by_text("the hit has been destroyed")).to_be_visible()
    ada.look("ended")
    for name, person in (
        ("report", gus),
        ("audit", gus),
        ("precision", gus),
        ("devices", ada),
        ("list", edith),
    ):
        person.go(f"/{name}")
        person.look(f"page-{name}")
        assert "ZQ57KPX" not in person.page.content()
    for person in (ada, edith, arno, gus):
        assert not person.faults


def invited(admin: Person, role: str) -> str:
    """Make a link for somebody new; return it."""
    admin.go("/people")
    admin.page.get_by_label(role).first.check()
    admin.press("button", "Make a link")
    return str(admin.page.locator(".secret").text_content())


def joins(person: Person, link: str) -> None:
    """Join without the queue: only a reviewer has one."""
    page = person.page
    page.goto(link)
    page.locator("[name=code]").fill(pyotp.TOTP(str(page.text_content(".secret")).strip()).now())
    page.locator("[name=name]").fill(person.name)
    page.locator("[name=full_name]").fill(person.name.title())
    page.locator("[name=password]").fill(PASSWORD)
    person.press("button", "Make the account")
    code = str(page.locator(".codes code").first.text_content())
    person.go("/sign-in")
    page.locator("[name=name]").fill(person.name)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=code]").fill(code)
    person.press("button", "Sign in")
    expect(page.get_by_role("link", name="your account")).to_be_visible()


@pytest.mark.parametrize(("width", "height", "zoom"), [(1280, 800, 2), (820, 1180, 1), (390, 844, 1)])
def test_the_page_fits_at_twice_the_size_and_on_a_tablet(
    server: Server, browser: Browser, width: int, height: int, zoom: int
) -> None:
    """No page scrolls sideways at 200 % zoom, on a tablet or on a telephone (WCAG 1.4.10)."""
    context = browser.new_context(
        ignore_https_errors=True, viewport={"width": width // zoom, "height": height // zoom}
    )
    page = context.new_page()
    page.goto(server.url + "/sign-in")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0


@pytest.fixture
def signed_server(tmp_path: Path) -> Iterator[Server]:
    """Run a service whose list two people sign."""
    config = tmp_path / "service.toml"
    config.write_text('list_signing = "people"\nstate = "unused"\n')
    with running(tmp_path / "state", "--config", str(config)) as started:
        yield started


def sign(person: Person, key: SigningKey) -> None:
    """Download what waits, with a reason, sign it at one's own desk, and hand the signature in."""
    page = person.page
    person.go("/signing")
    person.press("link", "Download to sign")
    person.reason()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download to sign").click()
    waiting = Path(download.value.path()).read_bytes()
    found = review_waiting(waiting, key, None, datetime.now(UTC))
    file: FilePayload = {
        "name": "mine.sig",
        "mimeType": "application/octet-stream",
        "buffer": found.detached.to_bytes(),
    }
    page.locator("[name=file]").set_input_files(file)
    person.press("button", "Hand it in")


def test_people_sign_the_list_through_the_page(signed_server: Server, browser: Browser, folder: Path) -> None:
    """Keys registered by one and confirmed by another; a version waits, is signed twice, and is in use."""
    keys = {name: SigningKey.generate() for name in ("edith", "arno")}
    ada, edith, arno = (Person(browser, signed_server, name, folder) for name in ("ada", "edith", "arno"))
    ada.join(signed_server.link)
    joins(edith, invited(ada, "Editor"))
    joins(arno, invited(ada, "Approver"))
    for name, key in keys.items():
        ada.go("/signing")
        ada.page.get_by_text("Register a key").click()
        ada.page.locator("[name=name]").fill(name)
        ada.page.locator("[name=key]").fill(key.public.to_text())
        ada.press("button", "Register")
    ada.look("signing-keys")
    arno.go("/signing")
    for key in keys.values():
        form = arno.page.locator(f"form[action='/signing/signers/{key.public.id}/confirm']")
        form.locator("[name=typed]").fill(key.public.id)
        if key is keys["edith"]:
            arno.look("signing-confirm")
        with arno.page.expect_navigation():
            form.get_by_role("button").click()
    arno.go("/list")
    arno.press("button", "Make a version to sign")
    expect(arno.page.get_by_text("nobody signed so far")).to_be_visible()
    arno.look("list-signing")
    sign(edith, keys["edith"])
    expect(edith.page.get_by_text("1 of 2 by the keys that it brings")).to_be_visible()
    edith.look("signing-waiting")
    sign(arno, keys["arno"])
    expect(arno.page.get_by_role("heading", name="Version 1 is in use")).to_be_visible()
    arno.look("signing-published")
    for person in (ada, edith, arno):
        assert not person.faults


def test_a_lost_telephone_through_the_page(tmp_path: Path, browser: Browser, folder: Path) -> None:
    """A link is made, seen by its person, used with a new telephone; then the password is changed."""
    with running(tmp_path / "state") as server:
        ada, dora = Person(browser, server, "ada", folder), Person(browser, server, "dora", folder)
        ada.join(server.link)
        ada.go("/people")
        ada.page.get_by_label("Reviewer").first.check()
        ada.press("button", "Make a link")
        dora.join(str(ada.page.locator(".secret").text_content()))
        ada.go("/people")
        ada.press("link", "Account of dora")
        ada.press("button", "Make a link")
        link = str(ada.page.locator(".secret").text_content())
        ada.look("person")
        dora.press("link", "your account")
        expect(dora.page.get_by_text("ada has made a link")).to_be_visible()
        dora.look("account-link")
        lost = Person(browser, server, "dora", folder)
        totp = renewed(lost, link)
        dora.go("/account")
        assert dora.page.url.endswith("/sign-in")
        entered(lost, "another long pass phrase", str(lost.page.locator(".codes code").first.text_content()))
        lost.press("link", "your account")
        form = lost.page.locator("form[action='/account/password']")
        form.locator("[name=password]").fill("another long pass phrase")
        form.locator("[name=code]").fill(totp.at(datetime.now(UTC) + timedelta(seconds=30)))
        form.locator("[name=new]").fill(PASSWORD)
        lost.press("button", "Change the password")
        expect(lost.page.get_by_text("The password is changed")).to_be_visible()
        lost.look("account")
        assert not [fault for one in (ada, dora, lost) for fault in one.faults]


def renewed(person: Person, link: str) -> pyotp.TOTP:
    """Set a new password and telephone with a link; return the telephone."""
    page = person.page
    page.goto(link)
    person.look("reset")
    totp = pyotp.TOTP(str(page.text_content(".secret")).strip())
    page.locator("[name=code]").fill(totp.now())
    page.locator("[name=password]").fill("another long pass phrase")
    person.press("button", "Set them")
    return totp


def entered(person: Person, password: str, code: str) -> None:
    """Sign in."""
    person.press("link", "sign in")
    person.page.locator("[name=name]").fill(person.name)
    person.page.locator("[name=password]").fill(password)
    person.page.locator("[name=code]").fill(code)
    person.press("button", "Sign in")
