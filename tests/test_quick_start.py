"""`alpr-edge --help` answers without loading what only a running box needs."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
HEAVY: Final = ("cryptography", "cv2", "fast_alpr", "httpx", "numpy", "onnxruntime", "pydantic")
_TELL: Final = (
    "import atexit, sys\n"
    f"atexit.register(lambda: print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules]))\n"
)


def loaded(program: str, *arguments: str) -> set[str]:
    """Return which heavy packages a program has loaded when it ends."""
    command = [sys.executable, "-c", _TELL + program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "words",
    [["--help"], ["run", "--help"], ["models", "--help"], ["receipts", "verify", "--help"]],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    """No command's help loads OpenCV, ONNX Runtime, NumPy, httpx or cryptography."""
    by_typer = (
        {"pydantic"} if words != ["--help"] else set()
    )  # Typer loads it to describe a command's options
    assert loaded("import edge.cli\nedge.cli.main()", *words) <= by_typer


def test_the_look_finds_them() -> None:
    """The positive control: a box's own module loads each of them."""
    assert loaded("import edge.runtime.box") == set(HEAVY)


def test_the_new_start_comes_before_anything_heavy() -> None:
    """What decides on the new start loads nothing heavy: it runs once before and once after."""
    assert loaded("import edge.start") == set()
