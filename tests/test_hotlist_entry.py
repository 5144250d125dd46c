import dataclasses
from datetime import timedelta

import pytest

from hotlist.entry import Purpose, entry_from_json, entry_to_json, entry_to_line
from hotlist.errors import MalformedError
from tests.hotlist_maker import NOW, entry

FIELDS = sorted(entry_to_json(entry()))


def test_an_entry_comes_back_as_it_was() -> None:
    """The JSON of an entry is the entry, and its text is one text."""
    assert entry_from_json(entry_to_json(entry())) == entry()
    assert entry_to_line(entry()) == entry_to_line(entry_from_json(entry_to_json(entry())))


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_may_be_absent_or_null(name: str) -> None:
    """Every field of R6 is there, or the entry is refused by the field's name."""
    body = entry_to_json(entry())
    for changed in ({key: value for key, value in body.items() if key != name}, body | {name: None}):
        with pytest.raises(MalformedError, match=name):
            entry_from_json(changed)


@pytest.mark.parametrize(
    "name", ["id", "plate", "purpose", "case_number", "source", "author", "approver", "expires", "severity"]
)
def test_what_r6_requires_may_not_be_empty(name: str) -> None:
    """An empty text says nothing: refused like an absent one."""
    with pytest.raises(MalformedError, match=name):
        entry_from_json(entry_to_json(entry()) | {name: ""})


def test_nothing_else_may_be_in_an_entry() -> None:
    """An unknown field is refused, and neither its name nor its value is repeated."""
    with pytest.raises(MalformedError) as caught:
        entry_from_json(entry_to_json(entry()) | {"SECRET1": "SECRET2"})
    assert "SECRET" not in str(caught.value)


def test_purposes_are_closed_in_the_type_itself() -> None:
    """There are nine purposes, and no other can be made (R16)."""
    assert len(Purpose) == 9
    for other in ("immigration", "reproductive-care", "protest", ""):
        with pytest.raises(ValueError, match="is not a valid Purpose"):
            Purpose(other)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"approver": "aaaaaaaaaaaaaaaa"}, "another person must approve"),
        ({"expires": NOW - timedelta(days=9)}, "before it takes effect"),
        ({"expires": NOW + timedelta(days=400)}, "more than 365 days"),
        ({"expires": NOW.replace(year=1999)}, "expires"),
        ({"plate": "ab123"}, "plate"),
        ({"plate": "A"}, "plate"),
        ({"region": "us-nh"}, "region"),
        ({"id": "../x"}, "id"),
    ],
)
def test_rules_between_fields(changes: dict[str, object], reason: str) -> None:
    """Two people, an order of times, a longest life, one spelling."""
    with pytest.raises(MalformedError, match=reason) as caught:
        entry_from_json(entry_to_json(dataclasses.replace(entry(), **changes)))  # type: ignore[arg-type]
    assert "AB123" not in str(caught.value)
