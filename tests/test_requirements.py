"""docs/requirements.md: each rule has files that hold it and tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "requirements.md").read_text()
ROWS = {cells[1].strip(): cells for line in PAGE.splitlines() if len(cells := line.split("|")) == 6}


def known_tests() -> set[str]:
    """Return the names of all test functions."""
    found = set()
    for path in (ROOT / "tests").glob("test_*.py"):
        found |= {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
    return found


def test_every_requirement_has_a_row() -> None:
    """R1 to R25, each once, none without a file and a test."""
    rules = [name for name in ROWS if name.startswith("R")]
    assert rules == [f"R{number}" for number in range(1, 26)]
    assert all("`" in ROWS[rule][3] and "`test_" in ROWS[rule][4] for rule in rules)


def test_every_named_test_and_file_exists() -> None:
    """A renamed test or a moved module is renamed here too."""
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 40
    assert not named - known_tests()
    files = set(re.findall(r"`((?:api|edge|hotlist)/[\w./]+)`", PAGE))
    assert len(files) > 15
    assert not [name for name in files if not (ROOT / name).exists()]
