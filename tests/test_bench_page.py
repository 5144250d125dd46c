"""The benchmark's report in a real browser: it fetches nothing, fits a telephone, and keeps nobody out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.harness import report
from benchmarks.harness.results import load
from tests.browser_kit import ARGUMENTS, CHROMIUM, RULES

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.system(CHROMIUM)
WIDTHS = (375, 768, 1280)
SPILLS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
APPEND = "markup => document.querySelector('main').insertAdjacentHTML('beforeend', markup)"
IDS = "[...document.querySelectorAll('[id]')].map(element => element.id)"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of the short run that is kept with the code."""
    folder = tmp_path_factory.mktemp("report")
    return report.write(load(ROOT / "docs" / "results" / "short.json"), folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield started
        started.close()


def opened(browser: Browser, file: Path, width: int = 1280) -> tuple[Page, list[str]]:
    """Open a page; return it, and what was asked for beside the page itself."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri(), wait_until="load")
    return page, [url for url in asked if url != file.as_uri()]


def faults(page: Page, *rules: str) -> list[tuple[str, str]]:
    """Return what axe finds by these rules, or by all that the service's pages are held to, with the place."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else RULES
    found = Axe().run(page, options=only).response["violations"]
    return [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found]


def test_the_report_fetches_nothing(browser: Browser, page_file: Path, tmp_path: Path) -> None:
    """One file is all there is; a planted picture is seen to be asked for."""
    page, asked = opened(browser, page_file)
    assert asked == []
    assert page.locator("figure svg").count() > 5
    page.close()
    planted = tmp_path / "planted.html"
    planted.write_text(page_file.read_text().replace("<main>", '<main><img alt="" src="elsewhere.png">'))
    page, asked = opened(browser, planted)
    page.close()
    assert [Path(url).name for url in asked] == ["elsewhere.png"]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_fits(browser: Browser, page_file: Path, width: int) -> None:
    """From a telephone to a desk the page itself never scrolls sideways; a wide block is seen to make it."""
    page, _ = opened(browser, page_file, width)
    assert not page.evaluate(SPILLS)
    page.evaluate(APPEND, "<p style='width: 200vw'>wide</p>")
    assert page.evaluate(SPILLS)
    page.close()


def test_the_verdict_comes_first(browser: Browser, page_file: Path) -> None:
    """On a desk's first screen stand the verdict and the figures that decide."""
    page, _ = opened(browser, page_file)
    bottoms = [page.locator(where).first.bounding_box() for where in (".verdict h2", ".card")]
    page.close()
    assert all(box is not None and box["y"] + box["height"] < 800 for box in bottoms)


def test_the_report_keeps_nobody_out(browser: Browser, page_file: Path) -> None:
    """Nothing is found, light or dark, folded tables open; a bad contrast and a picture without a text are."""
    page, _ = opened(browser, page_file)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    assert faults(page, "color-contrast") == []
    page.evaluate(APPEND, "<img src='data:,'><p style='color: #222'>hardly seen</p>")
    assert [fault for fault, _ in faults(page, "color-contrast", "image-alt")] == [
        "color-contrast",
        "image-alt",
    ]
    page.close()


def test_no_two_elements_share_an_id(browser: Browser, page_file: Path) -> None:
    """Plots stand in one page: with shared ids one could be drawn with another's parts."""
    page, _ = opened(browser, page_file)
    ids = page.evaluate(IDS)
    page.close()
    assert len(ids) == len(set(ids)) > 50
