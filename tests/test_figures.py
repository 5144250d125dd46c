"""Numbers in the documentation come from committed results, written there by a script."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.results import Better, Part, assemble, save
from benchmarks.stats import Estimate

ROOT = Path(__file__).resolve().parents[1]


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("figures", ROOT / "scripts" / "figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


figures = _script()


def test_every_page_says_what_the_results_say() -> None:
    """No page's figure differs from its results file (mend: `python -m scripts.figures`)."""
    for page in figures.pages():
        text = page.read_text("utf-8")
        assert figures.fill(text, ROOT / "docs" / "results") == text, page.name


def test_a_figure_is_written_from_its_file(tmp_path: Path) -> None:
    """A wrong number is replaced, with its unit; a share is in per cent; an unknown key is an error."""
    part = Part("video", "", "")
    part.figure("gain", "", Estimate(5.23, 5, 6, 3), "times", Better.HIGHER)
    part.figure("hit", "", Estimate(0.9912, 0.9, 1, 3), "share", Better.HIGHER)
    save(assemble({}, [part.to_json()]), tmp_path / "r.json")
    page = "<!-- figure r.json video.gain -->9 times<!-- / -->, <!-- figure r.json video.hit --><!-- / -->"
    filled = figures.fill(page, tmp_path)
    assert "-->5.23 times<!--" in filled
    assert "-->99.1%<!--" in filled
    assert figures.fill(filled, tmp_path) == filled
    with pytest.raises(KeyError):
        figures.fill("<!-- figure r.json video.other --><!-- / -->", tmp_path)
    with pytest.raises(FileNotFoundError):
        figures.fill("<!-- figure no.json video.gain --><!-- / -->", tmp_path)
