"""Under which licences what we ship and need stands: `python -m scripts.licences` writes THIRD-PARTY.md.

The table's licences are what the installed packages say of themselves; the pictures that the bundled weights were
trained on stand in the page's upper half, by hand (docs/models/). The page goes into the wheel.
"""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "THIRD-PARTY.md"
BEGIN: Final = "<!-- packages: begin -->\n"
END: Final = "<!-- packages: end -->\n"


def packages() -> dict[str, str]:
    """Return every package of the two locks, with which of them need it."""
    found: dict[str, dict[str, None]] = {}
    for part in ("edge", "api"):
        lock = (ROOT / "deploy" / f"{part}.lock").read_text("utf-8")
        for name in re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==", lock, re.MULTILINE):
            found.setdefault(name, {})[part] = None
    return {name: ", ".join(parts) for name, parts in sorted(found.items())}


def licence(name: str) -> str:
    """Return what an installed package says of its licence, in few words; empty where it is not installed here."""
    try:
        told = distribution(name).metadata
    except PackageNotFoundError:
        return ""
    if "License-Expression" in told:
        return told["License-Expression"]
    classes = [
        each.rpartition(" :: ")[2]
        for each in told.get_all("Classifier") or []
        if each.startswith("License ::")
    ]
    known = [each for each in classes if each != "OSI Approved"]
    if known:
        return ", ".join(known)
    return told["License"].splitlines()[0][:60] if "License" in told else "not stated"


def table(before: str) -> str:
    """Return the table; a package that is not installed here keeps the line it had."""
    kept = dict(re.findall(r"^\| `([^`]+)` \| (.*?) \|", before, re.MULTILINE))
    lines = ["| Package | Licence, as it says | Needed by |", "|---|---|---|"]
    for name, parts in packages().items():
        lines.append(f"| `{name}` | {licence(name) or kept.get(name, 'look it up')} | {parts} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    old, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + table(old) + END + after, "utf-8")
