"""The arrows of docs/architecture.md: who may import whom, between packages and between their parts."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
OURS: Final = {
    "hitonly_core",
    "protocol",
    "hotlist",
    "edge",
    "api",
    "benchmarks",
    "tests",
    "training",
    "scripts",
}

_HOTLIST: Final = {"hitonly_core", "hotlist"}
_WIRE: Final = {"hitonly_core", "hotlist", "protocol"}
_EDGE: Final = _WIRE | {"hotlist.matching", "edge"}
_RULES: Final = _WIRE | {"hotlist.matching", "hotlist.signed_list", "api.core", "api.db"}
_WEB: Final = {"api.web"}

ARROWS: Final[dict[str, set[str]]] = {
    "hitonly_core": set(),
    "hitonly_core.policy": set(),
    "hitonly_core.version_option": {"hitonly_core"},
    "protocol": {"hitonly_core", "hotlist", "hotlist.matching"},
    "hotlist": {"hitonly_core"},
    "hotlist.matching": {"hotlist", "hitonly_core.policy"},
    "hotlist.signed_list": _HOTLIST,
    "hotlist.importers": _HOTLIST,
    "hotlist.authoring": _HOTLIST | {"hotlist.importers", "hotlist.matching", "hotlist.signed_list"},
    "hotlist.commands": _HOTLIST
    | {"hotlist.authoring", "hotlist.importers", "hotlist.matching", "hotlist.signed_list"},
    "hotlist.cli": _HOTLIST | {"hotlist.commands"},
    "edge": {"hitonly_core"},
    "edge.start": {"edge", "edge.cli", "edge.hardening"},
    "edge.config": {"hitonly_core", "protocol", "edge", "edge.capture"},
    "edge.hardening": _EDGE,
    "edge.capture": _EDGE | {"edge.hardening"},
    "edge.vision": _EDGE,
    "edge.retention": {"hitonly_core", "protocol", "edge"},
    "edge.department": _EDGE | {"edge.config", "edge.retention", "hotlist.signed_list"},
    "edge.pipeline": _EDGE | {"edge.capture", "edge.department", "edge.retention", "edge.vision"},
    "edge.runtime": _EDGE
    | {"hotlist.signed_list", "edge.config", "edge.capture", "edge.department", "edge.hardening"}
    | {"edge.pipeline", "edge.retention", "edge.vision"},
    "edge.cli": _EDGE
    | {
        "edge.start",
        "edge.config",
        "edge.capture",
        "edge.department",
        "edge.hardening",
        "edge.runtime",
        "edge.vision",
    },
    "api.db": {"api.core", "hitonly_core"},
    "api.core": _RULES,
    "api.accounts": _RULES,
    "api.devices": _RULES | {"api.accounts"},
    "api.lists": _RULES | {"hotlist.authoring", "hotlist.importers", "api.accounts", "api.devices"},
    "api.hits": _RULES | {"api.accounts", "api.devices", "api.lists"},
    "api.oversight": _RULES | {"api.accounts", "api.devices", "api.lists", "api.hits"},
}
"""What each part may import of ours, beside itself. A module at the top of a package stands under its own name
where it has a row, else under the package's."""

FOREIGN: Final[dict[str, set[str]]] = {
    "av": {"edge.capture", "benchmarks"},
    "cv2": {"edge.capture", "edge.vision", "benchmarks"},
    "fast_alpr": {"edge.pipeline", "edge.vision", "benchmarks"},
    "fast_plate_ocr": {"edge.vision", "benchmarks"},
    "onnx": {"edge.vision"},
    "onnxruntime": {"edge.vision", "benchmarks"},
    "open_image_models": {"edge.vision", "benchmarks"},
    "httpx": {"edge.department", "api.hits", "benchmarks"},
    "paho": {"api.hits"},
    "zxcvbn": {"api.accounts"},
    "fastapi": {"api"},
    "starlette": {"api"},
    "uvicorn": {"api", "benchmarks"},
    "jinja2": {"api.web", "benchmarks"},
    "prometheus_client": {"edge.runtime", "api"},
    "sqlalchemy": {"api", "benchmarks"},
    "typer": {
        "hitonly_core.version_option",
        "hotlist.commands",
        "hotlist.cli",
        "edge",
        "edge.cli",
        "edge.runtime",
        "api",
        "benchmarks",
    },
}
"""Where a library may be imported; a package's name stands for all of its parts."""


def imports(source: str) -> Iterator[str]:
    """Yield the dotted modules and names that a source text imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(name: str) -> str:
    """Return which row of the table a module, or a name imported from one, belongs to."""
    first, _, rest = name.partition(".")
    two = f"{first}.{rest.partition('.')[0]}"
    if two in ARROWS or (ROOT / two.replace(".", "/")).is_dir():
        return two
    return first


def is_route(module: str) -> bool:
    """Whether a module of the service answers requests."""
    return module.startswith("api.") and ".routes" in module


def breaches(module: str, source: str) -> list[str]:
    """Return the imports of a module's source text that go against the arrows."""
    return [name for name in imports(source) if not _may(module, name)]


def _may(module: str, name: str) -> bool:
    """Whether a module may import a name."""
    top, here, there = name.partition(".")[0], part(module), part(name)
    if top in FOREIGN:
        return bool(FOREIGN[top] & {here, module.partition(".")[0]})
    if top == "api" and is_route(name) and not is_route(module):
        return here in {"api.web", "api"} or module.startswith("benchmarks")
    if top not in OURS or here == there:
        return True
    return _may_cross(module, top, here, there)


def _may_cross(module: str, top: str, here: str, there: str) -> bool:
    """Whether one part of ours may import another."""
    if module.startswith("benchmarks"):
        return top not in {"tests", "training", "scripts"}
    if here in {"api.web", "api"}:  # what puts the service together
        return top in {"api", "hotlist", "protocol", "hitonly_core"}
    if is_route(module):
        return top in {"hotlist", "protocol", "hitonly_core"} or (top == "api" and there != "api")
    return there in ARROWS[here] or (top == "hitonly_core" and top in ARROWS[here])


def modules() -> list[tuple[str, Path]]:
    """Return every module of ours that is shipped, and those of the benchmarks."""
    packages = ("hitonly_core", "protocol", "hotlist", "edge", "api", "benchmarks")
    paths = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    return [(".".join(path.relative_to(ROOT).with_suffix("").parts), path) for path in paths]


def test_no_import_goes_against_the_arrows() -> None:
    """Hotlist and protocol build on the leaf; edge and api never meet; nobody knows the benchmarks."""
    found = modules()
    assert len(found) > 100
    wrong = {module: breaches(module, path.read_text()) for module, path in found}
    assert not {module: names for module, names in wrong.items() if names}


def test_every_part_has_its_row() -> None:
    """A new folder of the product gets a row, so that its arrows are decided rather than grown."""
    parts = {part(module) for module, path in modules() if path.name != "__init__.py"}
    unruled = (
        {name for name in parts if not name.startswith("benchmarks")} - ARROWS.keys() - {"api", "api.web"}
    )
    assert not unruled


def test_the_map_names_every_folder() -> None:
    """docs/architecture.md has a line for each folder of the product and of the benchmarks, and for no other."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"^\| `([a-z_/]+)/` \|", page, re.MULTILINE))
    folders = {path.parent.relative_to(ROOT) for _, path in modules() if path.name == "__init__.py"}
    inner = {"routes", "migrations", "versions"}
    assert named == {folder.as_posix() for folder in folders if folder.name not in inner}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("hotlist.signed_list.trust", "import protocol.hit"),
        ("hotlist.matching.matcher", "from hotlist.signed_list.bundle import HotList"),
        ("hotlist.matching.matcher", "from hitonly_core.keys import SealKey"),
        ("hitonly_core.keys", "from hotlist.entry import Entry"),
        ("protocol.hit", "from edge.flow import Frame"),
        ("edge.retention.window", "import cv2"),
        ("edge.retention.window", "from edge.vision.crop import encode"),
        ("edge.pipeline.loop", "import httpx"),
        ("edge.runtime.box", "from api.web.app import create_app"),
        ("edge.runtime.box", "import fastapi"),
        ("edge.runtime.box", "import benchmarks.fixtures.render"),
        ("api.hits.intake", "from edge.pipeline.loop import Pipeline"),
        ("api.hits.intake", "from api.hits.routes.review_pages import router"),
        ("api.hits.intake", "from api.web.pages import Page"),
        ("api.lists.publishing", "from api.hits.review import Review"),
        ("api.core.audit", "from api.accounts.people import Person"),
        ("api.hits.intake", "import cv2"),
        ("benchmarks.speed.video", "from tests.box_kit import Department"),
    ],
)
def test_a_breach_is_found(module: str, source: str) -> None:
    """The positive control: each forbidden import is seen."""
    assert breaches(module, source)


@pytest.mark.parametrize(
    "module", ["hitonly_core.keys", "protocol.hit", "hotlist.matching.matcher", "hotlist.cli"]
)
def test_a_module_without_vision_needs_no_vision_package(module: str) -> None:
    """`import protocol.hit` works where OpenCV is not installed: it is made unimportable here."""
    vision = ("av", "cv2", "fast_alpr", "fast_plate_ocr", "onnxruntime", "open_image_models")
    blocked = ", ".join(repr(name) for name in vision)
    program = (
        "import sys\n"
        f"for name in [{blocked}]: sys.modules[name] = None\n"
        f"import {module}\n"
        "try:\n    import cv2\nexcept ImportError: print('blocked')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "blocked\n"
