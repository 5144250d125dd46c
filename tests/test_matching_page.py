from pathlib import Path

import pytest

from benchmarks.harness.page import BEGIN, END, rendered, rewrite
from benchmarks.harness.results import load

DOCS = Path(__file__).parents[1] / "docs"


def test_the_pages_figures_are_the_results() -> None:
    """What docs/matching.md reports is what docs/results/matching.json holds, to the last digit."""
    page = (DOCS / "matching.md").read_text("utf-8")
    reported = page.partition(BEGIN)[2].partition(END)[0]
    assert reported.strip() == rendered(load(DOCS / "results" / "matching.json")).strip()


def test_a_page_is_rewritten_between_its_marks_only(tmp_path: Path) -> None:
    """Prose before and after stays; a page without marks is refused and left as it is."""
    results = load(DOCS / "results" / "matching.json")
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}what stood here\n{END}after\n", "utf-8")
    rewrite(page, results)
    text = page.read_text("utf-8")
    assert text.startswith(f"before\n{BEGIN}")
    assert text.endswith(f"{END}after\n")
    assert "what stood here" not in text
    page.write_text("no marks\n", "utf-8")
    with pytest.raises(ValueError, match="no marks"):
        rewrite(page, results)
    assert page.read_text("utf-8") == "no marks\n"
