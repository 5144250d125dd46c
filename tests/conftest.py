"""What every test may use, and the honest end of a run: what was left out, by name and count."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Real pictures, clips and weights, beside the checkout where they are; never part of the project."""


def _present(needed: str) -> bool:
    """Whether a program, a file or a Python module that a test needs is on this machine."""
    return Path(needed).exists() if "/" in needed else shutil.which(needed) is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave a test out where what it needs is absent."""
    missing = [mark.args[0] for mark in item.iter_markers("system") if not _present(mark.args[0])]
    if any(item.iter_markers("shared")) and not SHARED.is_dir():
        missing.append("shared data")
    if missing:
        pytest.skip("needs " + ", ".join(missing))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name and count what was left out, whoever left it out and why, or say that nothing was."""
    reasons = (str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []))
    left_out = Counter(reason.removeprefix("Skipped: ") for reason in reasons)
    if not left_out:
        terminalreporter.write_line("left out: nothing")
    for reason, count in sorted(left_out.items()):
        terminalreporter.write_line(f"left out: {count} test(s): {reason}")


@pytest.fixture
def shared() -> Path:
    """Return the folder of real pictures, clips and weights (use with the `shared` mark)."""
    return SHARED
