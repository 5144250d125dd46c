"""The register of what can hold a part of a plate (edge/retention/buffers.toml), and its table in the docs.

`python -m scripts.buffers` writes docs/forgetting.md; `tests/test_buffers.py` holds both against a running box.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
REGISTER: Final = ROOT / "edge" / "retention" / "buffers.toml"
PAGE: Final = ROOT / "docs" / "forgetting.md"
BEGIN: Final = "<!-- the table of buffers, written by `python -m scripts.buffers` -->\n"
END: Final = "<!-- end of the table of buffers -->\n"


@dataclass(frozen=True, slots=True)
class Buffer:
    """One buffer; the comment at the register's top says what the fields are."""

    name: str
    process: str
    holds: str
    life: str
    ends: str
    test: str
    clear: bool = False
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Register:
    """All rows.

    Attributes:
        buffers: in the order of the page's table.
        nothing: places that hold no part of a frame, a reading or a plate, with what they hold instead.
    """

    buffers: Sequence[Buffer]
    nothing: dict[str, str]

    def row(self, place: str) -> Buffer | str | None:
        """Return the row that a place belongs to; None where nobody has said what it holds."""
        named: dict[str, Buffer | str] = {**self.nothing}
        named.update({path: buffer for buffer in self.buffers for path in buffer.places})
        over = [path for path in named if covers(path, place)]
        return named[max(over, key=len)] if over else None


def covers(path: str, place: str) -> bool:
    """Whether a place is this one or lies below it."""
    return place.startswith(path) and place[len(path) : len(path) + 1] in {"", ".", "[", "(", "<"}


def read_register() -> Register:
    """Return the register as it stands."""
    rows = tomllib.loads(REGISTER.read_text("utf-8"))
    buffers = [Buffer(**{**row, "places": tuple(row.get("places", ()))}) for row in rows["buffer"]]
    return Register(buffers, {place: row["holds"] for row in rows["nothing"] for place in row["places"]})


def table(register: Register) -> str:
    """Return the page's table."""
    lines = [
        "| What | Process | What it may hold | Longest life | What ends it | Held by |",
        "|---|" + "---|" * 5,
    ]
    lines += [
        f"| {each.name} | {each.process} | {each.holds} | {each.life} | {each.ends} | {each.test} |"
        for each in register.buffers
    ]
    return "\n".join(lines) + "\n"


def page_with_table(page: str, register: Register) -> str:
    """Return the page with its table written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table(register)}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text("utf-8"), read_register()), "utf-8")
