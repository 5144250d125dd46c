"""Do a test's work in a process of its own, for what could end the test run: a watchdog kills who it watches."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 120.0
_PROGRAM = "import sys; from {module} import {name}; {name}(*sys.argv[1:])"


def in_a_child(work: Callable[..., None], *arguments: str) -> None:
    """Call a module's function in a new process; it fails, with what that process said, unless it ends well."""
    program = _PROGRAM.format(module=work.__module__, name=work.__name__)
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, f"the process ended with {done.returncode}:\n{done.stdout}{done.stderr}"
