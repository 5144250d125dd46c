"""The browser that the tests drive, and what axe is asked to look for (WCAG 2.2 AA)."""

from playwright.sync_api import Page

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


def comes_true(page: Page, script: str, given: object = None, *, tries: int = 300) -> None:
    """Ask a page again and again until a script answers yes.

    Playwright's own way has the page evaluate text, which the console's content security policy forbids.
    """
    for _ in range(tries):
        if page.evaluate(script, given):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {script}")
