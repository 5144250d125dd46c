"""A documentation page's figures, written from a results file, so that prose and measurement cannot part ways."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- begin results: written by the benchmark, not by hand -->\n"
END: Final = "<!-- end results -->\n"


def rendered(results: Mapping[str, Any]) -> str:
    """Return the findings and tables of every part as Markdown."""
    return "\n".join(line for part in results["parts"].values() for line in _part(part)) + "\n"


def rewrite(page: Path, results: Mapping[str, Any]) -> None:
    """Replace what stands between a page's marks.

    Raises:
        ValueError: the page has no marks.
    """
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no marks for results")
    page.write_text(before + begin + "\n" + rendered(results) + end + after, "utf-8")


def _part(part: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"### {part['title']}", "", part["about"], "")
    yield from (f"- {finding}" for finding in part["findings"])
    for table in part["tables"]:
        yield from ("", f"**{table['title']}**", "")
        yield _row(table["columns"])
        yield _row(["---", *["---:"] * (len(table["columns"]) - 1)])
        yield from (_row(row) for row in table["rows"])
    yield ""


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
