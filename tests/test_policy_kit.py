"""The policy kit names settings and rules that exist: a clause that nothing keeps must say so."""

import re
from pathlib import Path

import pytest

from api.core.settings import Settings
from edge.config import EdgeConfig

ROOT = Path(__file__).resolve().parents[1]
KIT = sorted((ROOT / "docs" / "policy-kit").glob("*.md"))
EDGE = (ROOT / "docs" / "configuration.md").read_text()
RULES = set(re.findall(r"^\| (R\d+) ", (ROOT / "docs" / "requirements.md").read_text(), re.MULTILINE))


def unknown(text: str) -> list[str]:
    """Return the settings and rules that a page names and nothing has."""
    settings = re.findall(r"`([a-z_]+(?:\[\])?(?:\.[a-z_]+)*)`", text)
    known = {*Settings.model_fields, *EdgeConfig.model_fields}
    known |= {f"retention.{name}" for name in Settings.model_fields["retention"].annotation.model_fields}  # type: ignore[union-attr]
    named = [name for name in settings if name not in known and f"`{name}`" not in EDGE]
    return named + [rule for rule in re.findall(r"\bR\d+\b", text) if rule not in RULES]


@pytest.mark.parametrize("page", KIT, ids=lambda page: page.name)
def test_settings_and_rules_exist(page: Path) -> None:
    """Each is a key of one of the two configurations, or a row of docs/requirements.md."""
    assert not unknown(page.read_text())


def test_what_does_not_exist_is_seen() -> None:
    """The control."""
    assert unknown("`retention.window_minutes` keeps it (R99)") == ["retention.window_minutes", "R99"]


def test_every_clause_says_how_it_is_kept() -> None:
    """By a rule, a setting, or plainly not at all."""
    clauses = re.findall(
        r"^\| (\d\.\d) [^|]*\|([^|]*)\|", (KIT[0].parent / "use-policy.md").read_text(), re.MULTILINE
    )
    assert len(clauses) > 20
    said = re.compile(r"\bR\d+\b|`[a-z_.]+`|Not enforced|No software|cannot|refused", re.IGNORECASE)
    assert not [number for number, how in clauses if not said.search(how)]
