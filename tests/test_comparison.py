"""The comparison with other systems: every row names its source and when it was read, and gives every answer."""

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "comparison.md").read_text()
OWN = "**hitonly**"


def rows(page: str) -> list[list[str]]:
    """Return the cells of every row about a system."""
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in page.splitlines()
        if line.startswith("| **")
    ]


def unsourced(page: str) -> list[str]:
    """Return the systems whose row lacks an answer, or whose last cell leads to no public page."""
    return [
        row[0]
        for row in rows(page)
        if len(row) != 6 or not all(row) or (row[0] != OWN and "](https://" not in row[-1])
    ]


def test_every_row_names_its_source() -> None:
    """A row without one is named; the controls are."""
    bad = "| **A** | x | x | x | x | hearsay |\n| **B** | x | x |  | x | [b](https://b.example) |\n"
    assert unsourced(bad) == ["**A**", "**B**"]
    assert len(rows(PAGE)) > 8
    assert not unsourced(PAGE)


def test_every_table_says_when_its_sources_were_read() -> None:
    """In the heading of the column, as a date."""
    headings = re.findall(r"^\| System \|.*$", PAGE, re.MULTILINE)
    assert headings
    assert all(re.search(r"Source, read \d{4}-\d\d-\d\d \|$", heading) for heading in headings)
