"""``alpr-edge`` begins here: the environment is put right before a library is loaded that reads it."""

import importlib
import os
import sys

from edge.hardening.renewal import renew

COMPLETE = "_ALPR_EDGE_COMPLETE"
"""By this a shell asks what could come next: it is answered, and no command is run."""


def main() -> None:
    """Start anew in a clean environment where that is needed, then run the command line."""
    asked = bool(os.environ.get(COMPLETE))
    if not asked and sys.argv[1:3] != [
        "models",
        "fetch",
    ]:  # it sees no picture, and may need the system's proxy
        renew()
    importlib.import_module("edge.cli").main()
