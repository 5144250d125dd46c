"""Write the table of keys in docs/configuration.md from the code, so that it is never behind."""

from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from edge.config import known_keys

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
BEGIN, END = "<!-- keys: begin -->", "<!-- keys: end -->"


def table() -> str:
    """Return the Markdown table: key, default, meaning."""
    rows = ["| Key | Default | Meaning |", "|---|---|---|"]
    rows += [f"| `{key}` | {_default(field)} | {field.description} |" for key, field in known_keys()]
    return "\n".join(rows)


def page(text: str) -> str:
    """Return the page with its table replaced."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is PydanticUndefined or value in (None, "", ()):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
