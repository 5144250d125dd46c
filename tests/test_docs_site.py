"""The documentation builds as a site, strictly: every link leads somewhere, every page is in the menu."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _build(docs: Path, site: Path) -> "subprocess.CompletedProcess[str]":
    config = site.with_name("mkdocs.yml")
    config.write_text((ROOT / "mkdocs.yml").read_text().replace("docs_dir: docs", f"docs_dir: {docs}"))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(site)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """`make docs` does the same."""
    done = _build(ROOT / "docs", tmp_path / "site")
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "site" / "policy-kit" / "index.html").is_file()


@pytest.mark.parametrize("text", ["[nowhere](nowhere.md)", "[no such place](service.md#no-such-place)"])
def test_a_broken_link_fails_it(text: str, tmp_path: Path) -> None:
    """The control."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for page in (ROOT / "docs").rglob("*.md"):
        place = docs / page.relative_to(ROOT / "docs")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(page.read_text() + (f"\n{text}\n" if page.name == "index.md" else ""))
    done = _build(docs, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr or "no-such-place" in done.stderr
