"""docs/protocol.md names every message between unit and department, and every field of it."""

import inspect
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from protocol import messages

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "protocol.md").read_text()
MESSAGES = [
    kind
    for _, kind in inspect.getmembers(messages, inspect.isclass)
    if issubclass(kind, BaseModel) and kind is not BaseModel
]


def lacking(kind: type[BaseModel], page: str) -> list[str]:
    """Return what of a message the page does not name in code type: the message itself, and its fields."""
    named = set(re.findall(r"`([^`]+)`", page))
    return [name for name in (kind.__name__, *kind.model_fields) if name not in named]


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_every_field_of_a_message_is_on_the_page(kind: type[BaseModel]) -> None:
    """Somebody who has only the page must be able to write the other end."""
    assert not lacking(kind, PAGE)
    assert lacking(kind, "") == [kind.__name__, *kind.model_fields], "the control: an empty page lacks all"


@pytest.mark.parametrize("path", ["ENROL_PATH", "HITS_PATH", "HEARTBEAT_PATH", "HOT_LIST_PATH"])
def test_every_path_is_on_the_page(path: str) -> None:
    """So are the addresses."""
    assert re.search(rf"`(GET|POST) {getattr(messages, path)}`", PAGE)
