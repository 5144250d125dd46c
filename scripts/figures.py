"""Write the figures in the documentation from committed results, so that no number is typed by hand.

A page says ``<!-- figure x86-64-2-cores.json video.drawn.cpu_gain -->5.2 times<!-- / -->``: a file of
docs/results/ and a figure's key. This script writes what stands between.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import number
from benchmarks.results import load

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"(<!-- figure (\S+) (\S+) -->)(.*?)(<!-- / -->)", re.DOTALL)
_BARE = {"share", "1"}


def pages() -> Iterator[Path]:
    """Yield every page that may hold figures."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def fill(text: str, results: Path) -> str:
    """Return a page with each figure as its results file has it.

    Raises:
        KeyError: the results file has no such figure.
        OSError: there is no such results file.
    """

    def value(mark: re.Match[str]) -> str:
        opening, file, key, _, closing = mark.groups()
        parts = load(results / file)["parts"].values()
        figures = {figure["key"]: figure for part in parts for figure in part["figures"]}
        unit = figures[key]["unit"]
        return f"{opening}{number(figures[key])}{'' if unit in _BARE else ' ' + unit}{closing}"

    return MARK.sub(value, text)


def main() -> int:
    """Fill every page; 1 when one was behind."""
    behind = 0
    for page in pages():
        old = page.read_text("utf-8")
        new = fill(old, ROOT / "docs" / "results")
        if new != old:
            page.write_text(new, "utf-8")
            behind += 1
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
