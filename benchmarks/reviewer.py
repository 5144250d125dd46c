"""A reviewer at a real browser: signed in, the queue open, and a note of when each hit's row was painted."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.office import Office, run_tool

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
_PASSWORD: Final = "long enough for one benchmark"  # noqa: S105 - of an account that lives for one run
_WATCH: Final = """
() => {
  const shown = {};
  window.shownAt = shown;
  const note = () => {
    const fresh = [...document.querySelectorAll("#queue a")].map((link) => link.pathname)
      .filter((path) => !(path in shown));
    for (const path of fresh) shown[path] = null;
    if (!fresh.length) return;
    // The first frame draws the rows; when the second begins, the first has been painted.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const now = performance.timeOrigin + performance.now();
      for (const path of fresh) shown[path] = now;
    }));
  };
  new MutationObserver(note).observe(document.getElementById("queue"), { childList: true, subtree: true });
}
"""
"""Notes the wall clock's milliseconds at which each row of the queue had been painted."""


def lacking() -> list[str]:
    """Return what a browser would need and is not here: Playwright's package, Chromium."""
    found = []
    if importlib.util.find_spec("playwright") is None:
        found.append("Playwright (pip install playwright)")
    if _chromium() is None:
        found.append("Chromium (Debian: apt-get install chromium)")
    return found


class Queue:
    """The open queue page."""

    def __init__(self, page: Any) -> None:  # noqa: ANN401 - Playwright ships types, but may be absent
        self._page = page
        page.get_by_text("Live", exact=True).wait_for()
        page.evaluate(_WATCH)

    def rest(self, seconds: float) -> None:
        """Let the browser work for a while."""
        self._page.wait_for_timeout(seconds * 1000)

    def shown(self) -> dict[str, float]:
        """Return when each hit's row had been painted: wall clock, seconds, by hit."""
        noted: dict[str, float | None] = self._page.evaluate("window.shownAt")
        return {path.removeprefix("/hits/"): at / 1000 for path, at in noted.items() if at is not None}


@contextmanager
def at_the_queue(office: Office) -> Iterator[Queue]:
    """Invite a reviewer, set the account up and sign in through the pages; give the open queue."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - absent on a camera box

    link = run_tool("api.cli", "people", "invite", "reviewer", "--state", str(office.state)).split()[-1]
    token = link.rpartition("/")[2]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=list(_ARGUMENTS))
        try:
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            _join(page, f"{office.url}/welcome/{token}")
            yield Queue(page)
        finally:
            browser.close()


def _join(page: Any, link: str) -> None:  # noqa: ANN401 - as above
    """Set the account up and sign in with a recovery code, as a person does."""
    import pyotp  # noqa: PLC0415 - comes with the service

    page.goto(link)
    page.locator("[name=code]").fill(pyotp.TOTP(str(page.text_content(".secret")).strip()).now())
    page.locator("[name=name]").fill("reviewer")
    page.locator("[name=full_name]").fill("Reviewer")
    page.locator("[name=password]").fill(_PASSWORD)
    _press(page, "button", "Make the account")
    code = str(page.locator(".codes code").first.text_content())
    _press(page, "link", "sign in")
    page.locator("[name=name]").fill("reviewer")
    page.locator("[name=password]").fill(_PASSWORD)
    page.locator("[name=code]").fill(code)
    _press(page, "button", "Sign in")
    page.wait_for_url("**/queue")


def _press(page: Any, role: str, name: str) -> None:  # noqa: ANN401 - as above
    with page.expect_navigation():
        page.get_by_role(role, name=name).first.click()


def _chromium() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)
