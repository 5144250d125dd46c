"""A configuration written as TOML: strings, numbers, lists and tables, read back before it is used."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from edge.errors import ConfigError


def config_text(tables: Mapping[str, Any]) -> str:
    """Return tables as TOML that reads back as the same.

    Args:
        tables: by name; a list stands for an array of tables.

    Raises:
        ConfigError: a value cannot be written as TOML.
    """
    text = "\n".join(_blocks(tables))
    try:
        same = tomllib.loads(text) == tables
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise ConfigError("an answer holds a character that cannot stand in the configuration")
    return text


def _blocks(tables: Mapping[str, Any]) -> Iterator[str]:
    for name, table in tables.items():
        for each in table if isinstance(table, list) else [table]:
            head = f"[[{name}]]" if isinstance(table, list) else f"[{name}]"
            yield "\n".join([head, *(f"{key} = {_value(value)}" for key, value in each.items()), ""])


def _value(value: Any) -> str:  # noqa: ANN401 - whatever TOML can hold
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
