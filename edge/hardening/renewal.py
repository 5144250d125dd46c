"""Step 1 of `edge.hardening.process`: the program starts anew in an environment of ours.

It stands apart because it runs before anything else, once in the old environment and once in the new: so it
imports no more than it needs.
"""

import os
import sys
from typing import Final

from edge.hardening.environment import cleaned
from hitonly_core import allocator

ENVIRONMENT: Final = {
    **allocator.OVERWRITING,
    "PYTHONSAFEPATH": "1",  # no module from the folder that it was started in
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",  # a line is in the journal when it is said
    "OPENBLAS_NUM_THREADS": "1",  # its threads would start before step 7
    "ORT_DISABLE_TELEMETRY": "1",  # so would ONNX Runtime's, which reports to its maker (edge/__init__.py)
}


def renew() -> None:
    """Start this program anew with an environment of ours, unless it already runs in it; step 1.

    Replaces the process: does not return when it had to. Call it before OpenCV is loaded, which changes the
    environment of its process.
    """
    found = dict(os.environ)
    clean = cleaned(found, ENVIRONMENT)
    if found != clean:
        os.execve(sys.executable, sys.orig_argv, clean)  # noqa: S606 - ourselves


def renewed() -> bool:
    """Whether this program runs with our settings."""
    return all(os.environ.get(name) == value for name, value in ENVIRONMENT.items())
