"""What every test may use, and the honest end of a run: what was left out, by name and count."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Real pictures, clips and weights, beside the checkout where they are; never part of the project."""

LEFT_OUT: Counter[str] = Counter()


def _present(needed: str) -> bool:
    """Whether a program, a file or a Python module that a test needs is on this machine."""
    return Path(needed).exists() if "/" in needed else shutil.which(needed) is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave a test out where what it needs is absent, and remember that."""
    missing = [mark.args[0] for mark in item.iter_markers("system") if not _present(mark.args[0])]
    if any(item.iter_markers("shared")) and not SHARED.is_dir():
        missing.append("shared data")
    if missing:
        LEFT_OUT.update(missing)
        pytest.skip("needs " + ", ".join(missing))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name and count what was left out, or say that nothing was."""
    if not LEFT_OUT:
        terminalreporter.write_line("left out: nothing")
    for needed, count in sorted(LEFT_OUT.items()):
        terminalreporter.write_line(f"left out: {count} test(s) that need {needed}")


@pytest.fixture
def shared() -> Path:
    """Return the folder of real pictures, clips and weights (use with the `shared` mark)."""
    return SHARED
