"""What a form refused, in a person's words: the library's sentences are for programmers.

The library is not used here: an error is the mapping that it gives of each. No value is ever repeated.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "is missing",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be {ge} or more",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be {le} or less",
        "string_too_short": "must have {min_length} characters or more",
        "string_too_long": "can have {max_length} characters at most",
        "string_pattern_mismatch": "has a character that it cannot have, such as a line break",
        "string_type": "must be a text",
        "string_unicode": "has a character that is no text",
        "too_short": "must have {min_length} entries or more",
        "too_long": "can have {max_length} entries at most",
        "literal_error": "must be one of {expected}",
        "enum": "must be one of {expected}",
        "union_tag_invalid": "must have a kind that is one of {expected_tags}",
        "union_tag_not_found": "has no kind, or none that is known",
        "bool_type": "must be true or false",
        "bool_parsing": "must be true or false",
        "path_type": "must be a path, as a text",
        "list_type": "must be a list",
        "tuple_type": "must be a list",
        "dict_type": "must be a table of keys",
        "model_type": "must be a table of keys",
        "model_attributes_type": "must be a table of keys",
        "finite_number": "must be a number that is not infinite",
        "timezone_aware": "must be a time with its zone",
        "json_invalid": "is not JSON",
        "extra_forbidden": "is not known",
    }
)
_STARTS: Final = (
    ("int_", "must be a whole number"),
    ("float_", "must be a number"),
    ("decimal_", "must be a number"),
    ("datetime_", "must be a time"),
    ("date_", "must be a date"),
    ("time_delta_", "must be a length of time, in seconds or as PT1H"),
    ("url_", "must be an address"),
    ("bytes_", "must be a text"),
    ("is_instance", "must be something else"),
)
_MIDNIGHT: Final = "T00:00:00Z"
_KINDS: Final = frozenset({"rtsp", "file", "pictures", "usb"})
"""Which form of several was tried: no key of its own."""


def words_of(error: Mapping[str, Any]) -> str:
    """Return what is wrong, to stand behind the name of the field: ``must be 63 or less``."""
    kind = str(error["type"])
    limits = {name: str(value).removesuffix(_MIDNIGHT) for name, value in (error.get("ctx") or {}).items()}
    if kind in _WORDS:
        try:
            return _WORDS[kind].format(**limits)
        except KeyError:
            return "is not what it must be"
    for start, words in _STARTS:
        if kind.startswith(start):
            return words
    said = str(error["msg"]).removeprefix("Value error, ")
    return said[:1].lower() + said[1:] if kind != "value_error" else said


def sentence(error: Mapping[str, Any]) -> str:
    """Return where something is wrong, and what: ``cameras 1: source.device must be 63 or less``."""
    place, words = place_of(error), words_of(error)
    if not place:
        return words
    own = error["type"] not in _WORDS and not str(error["type"]).startswith(
        tuple(start for start, _ in _STARTS)
    )
    return f"{place}: {words}" if own else f"{place} {words}"


def place_of(error: Mapping[str, Any]) -> str:
    """Return the key as a file has it; entries of a list are counted from 1: ``cameras 1: source.device``."""
    place = ""
    for part in error["loc"]:
        if isinstance(part, int):
            place += f" {part + 1}:"
        elif part not in _KINDS or not place.endswith("source"):
            place += f"{' ' if place.endswith(':') else '.' if place else ''}{part}"
    return place.removesuffix(":")


def with_causes_only(errors: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the errors but for those of a list that seems too short because an entry of it was refused."""
    for error in errors:
        depth = len(error["loc"])
        inside = any(len(each["loc"]) > depth and each["loc"][:depth] == error["loc"] for each in errors)
        if not (inside and error["type"] == "too_short"):
            yield error
