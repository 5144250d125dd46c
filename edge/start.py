"""``alpr-edge`` begins here: the environment is put right before a library is loaded that reads it."""

import importlib
import sys

from edge.hardening.renewal import renew


def main() -> None:
    """Start anew in a clean environment where that is needed, then run the command line."""
    if sys.argv[1:3] != ["models", "fetch"]:  # it sees no picture, and may need the system's proxy
        renew()
    importlib.import_module("edge.cli").main()
