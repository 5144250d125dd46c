"""Go through everything that an object can reach, and name each place where a value is kept."""

import enum
import functools
import re
import sys
import types
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

_NOTHING_KEPT = (types.ModuleType, type, types.BuiltinFunctionType, types.CodeType, enum.Enum, re.Pattern)
_MANY = (list, tuple, set, frozenset, deque)
_DEEP = 4
"""Levels below a module's own name that are gone into."""
_WIDE = 64
"""Elements of one collection that are; of the rest only how many they are."""


def places(root: object, name: str) -> dict[str, set[str]]:
    """Return each place under `root` that keeps a value, as a path of attributes, with the kinds found there.

    ``[]`` is any element of a collection, ``()`` what a function, a method or a partial call has bound. Modules and
    classes are not gone into. What two paths lead to is named by the shortest.
    """
    found: dict[str, set[str]] = {}
    seen: dict[int, object] = {}
    waiting = deque([(name, root)])
    while waiting:
        path, value = waiting.popleft()
        if isinstance(value, _NOTHING_KEPT) or (not _plain(value) and id(value) in seen):
            continue
        seen[id(value)] = value  # the reference keeps its id from being given to another
        inside = list(_inside(value))
        if not inside:
            found.setdefault(path, set()).add(_kind(value))
        waiting.extend((path + step, held) for step, held in inside)
    return found


def _inside(value: object) -> Iterator[tuple[str, object]]:
    """Yield what a value holds, with the step that leads there; nothing for what is a leaf."""
    if _plain(value):
        return
    if isinstance(value, dict):
        for key, held in list(value.items()):
            yield "[key]", key
            yield "[]", held
    elif isinstance(value, _MANY):
        yield from (("[]", held) for held in list(value))
    elif isinstance(value, np.ndarray):
        yield from (("[]", held) for held in (value.flat if value.dtype.hasobject else ()))
    elif isinstance(value, (types.MethodType, types.FunctionType, functools.partial)):
        yield from (("()", held) for held in _bound(value))
    elif isinstance(value, types.GeneratorType):
        frame = value.gi_frame
        yield from ((f"<{name}>", held) for name, held in (frame.f_locals if frame else {}).items())
    else:
        yield from ((f".{name}", held) for name, held in _attributes(value).items())


def _bound(value: types.MethodType | types.FunctionType | functools.partial[Any]) -> list[object]:
    """Return what a call of this would bring along."""
    if isinstance(value, types.MethodType):
        return [value.__self__]
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    cells = [cell.cell_contents for cell in value.__closure__ or ()]
    return [*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]


def _attributes(value: object) -> dict[str, Any]:
    """Return an object's own attributes, whether in slots or not."""
    found = {}
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            full = f"_{kind.__name__.lstrip('_')}{name}" if name[:2] == "__" != name[-2:] else name
            try:
                found[name] = object.__getattribute__(value, full)
            except AttributeError:
                continue
    own = getattr(value, "__dict__", None)
    return found | own if isinstance(own, dict) else found


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | bytes | bytearray | int | float | complex)


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"array of {value.dtype.kind}"
    return "collection" if isinstance(value, (*_MANY, dict)) else type(value).__name__


def kept_by_modules(names: tuple[str, ...]) -> dict[str, object]:
    """Return what the loaded modules of some packages keep themselves, for a comparison before and after some work.

    What a class or a function keeps counts: its attributes, its defaults, how full its cache is. A function that
    was replaced, and a value that was added, are other entries.

    Returns:
        For each place a value that compares equal while nothing is added, taken away or changed there.
    """
    found: dict[str, object] = {}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in names:
            for key, value in list(vars(module).items()):
                if not key.startswith("__") and not isinstance(value, types.ModuleType):
                    _keep(f"{name}.{key}", value, found, depth=0)
    return found


def _keep(place: str, value: object, found: dict[str, object], *, depth: int) -> None:
    """Note what stands at a place, and below it."""
    if _plain(value):
        found[place] = value
    elif isinstance(value, np.ndarray):
        found[place] = (value.shape, len(value) if value.dtype.hasobject else value.tobytes())
    elif callable(getattr(value, "cache_info", None)):
        found[place] = value.cache_info().currsize  # type: ignore[attr-defined]
    else:
        found[place] = len(value) if isinstance(value, (*_MANY, dict)) else id(type(value))
        if depth < _DEEP:
            for step, held in _kept_below(value, depth):
                _keep(f"{place}{step}", held, found, depth=depth + 1)


def _kept_below(value: object, depth: int) -> Iterator[tuple[str, object]]:
    """Yield what a module's value holds: a class its attributes, a function what it is made of and has bound."""
    if isinstance(value, type):
        inside = vars(value).items() if depth == 0 else ()
        yield from ((f".{name}", held) for name, held in list(inside) if not name.startswith("__"))
    elif isinstance(value, types.FunctionType):
        yield "", id(value.__code__)
        yield from ((f"({number})", held) for number, held in enumerate(_bound(value)))
        yield from ((f".{name}", held) for name, held in list(vars(value).items()))
    elif isinstance(value, (*_MANY, dict)):
        many = list(value.items() if isinstance(value, dict) else value)
        yield from ((f"[{number}]", held) for number, held in enumerate(many[:_WIDE]))
    elif not isinstance(value, enum.Enum):
        yield from ((f".{name}", held) for name, held in _attributes(value).items())
