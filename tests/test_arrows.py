"""The arrows of docs/architecture.md: who may import whom."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"edge", "hotlist", "api", "benchmarks", "tests", "training"}
WIRE = {"protocol.acknowledgement", "protocol.receipt_chain", "protocol.hit", "protocol.receipts"}
"""What the department's service may know of the edge: the formats of what the edge sends it."""
VISION = {"cv2", "fast_alpr", "fast_plate_ocr", "onnxruntime", "open_image_models"}
WEB = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "jinja2"}


def imports(source: str) -> Iterator[str]:
    """Yield the dotted modules that a source text imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def breaches(package: str, source: str) -> list[str]:
    """Return the imports of a package's source text that go against the arrows."""
    found = []
    for name in imports(source):
        top = name.split(".")[0]
        wire = any(name == each or name.startswith(f"{each}.") for each in WIRE)
        allowed = {
            "hotlist": {"hotlist"},
            "edge": {"edge", "hotlist"},
            "api": {"api", "hotlist"} | ({"edge"} if wire else set()),
            "benchmarks": {"benchmarks", "edge", "hotlist", "api"},
        }[package]
        foreign = {"hotlist": VISION | WEB, "edge": WEB, "api": VISION, "benchmarks": set()}[package]
        if (top in OURS and top not in allowed) or top in foreign:
            found.append(name)
    return found


@pytest.mark.parametrize("package", ["hotlist", "edge", "api", "benchmarks"])
def test_no_import_goes_against_the_arrows(package: str) -> None:
    """Hotlist is a leaf; edge knows it; api knows it and the wire formats; nobody knows the benchmarks."""
    files = list((ROOT / package).rglob("*.py"))
    assert files
    wrong = {str(path.relative_to(ROOT)): breaches(package, path.read_text()) for path in files}
    assert not {path: names for path, names in wrong.items() if names}


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("hotlist", "import protocol.hit"),
        ("hotlist", "from api import app"),
        ("edge", "from api.web.app import create_app"),
        ("edge", "import fastapi"),
        ("edge", "import benchmarks.fixtures.render"),
        ("api", "from edge.pipeline.loop import Pipeline"),
        ("api", "import cv2"),
    ],
)
def test_a_breach_is_found(package: str, source: str) -> None:
    """The positive control: each forbidden import is seen."""
    assert breaches(package, source)


@pytest.mark.parametrize("module", ["protocol.hit", "hotlist.matching.matcher", "hotlist.cli"])
def test_a_module_without_vision_needs_no_vision_package(module: str) -> None:
    """`import protocol.hit` works where OpenCV is not installed: it is made unimportable here."""
    blocked = ", ".join(repr(name) for name in sorted(VISION))
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
