"""The console script ``alpr-bench``: the harness stands in the checkout, not in the wheel."""

import importlib
import importlib.util
import sys

import typer


def main() -> None:
    """Run the benchmark harness, or say where it is."""
    if importlib.util.find_spec("benchmarks") is None or importlib.util.find_spec("benchmarks.cli") is None:
        typer.echo("alpr-bench runs from a checkout of the project: clone it, then `make bench`.", err=True)
        sys.exit(2)
    importlib.import_module("benchmarks.cli").main()
