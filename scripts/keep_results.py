"""Keep a full run: copy its results to docs/results/, and write the figures and plots of README.md and docs/ anew.

    python -m scripts.keep_results report/results.json

A run that is short, noisy, failed a check, left a part out or was made of changed files is refused.
"""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import report, results
from scripts import figures, plots

ROOT = Path(__file__).resolve().parents[1]
KEPT = "docs/results/x86-64-2-cores.json"


def faults(found: dict[str, Any]) -> list[str]:
    """Return why a run must not be kept."""
    environment = found["environment"]
    said = [
        (environment.get("short", False), "it is a short run"),
        (environment.get("noise", {}).get("noisy", True), "the machine was noisy"),
        (not environment["commit"] or "+" in environment["commit"], "its commit is not clean"),
    ]
    reasons = [reason for holds, reason in said if holds]
    return reasons + results.failed_checks(found) + results.left_out(found)


def hardware(page: str, found: dict[str, Any]) -> str:
    """Return docs/hardware.md with the row of the kept file written anew.

    Raises:
        ValueError: no row names the file.
    """
    by_key = {each["key"]: each for each in found["parts"]["video"]["figures"]}
    fps, cpu = (report.number(by_key[f"video.drawn.{name}"]) for name in ("edge_fps", "edge_cpu"))
    row = rf"(\|[^|\n]+\| measured \|)[^|]*\|[^|]*(\| {re.escape(KEPT)} \|)"
    written, rows = re.subn(row, rf"\1 {fps} | {cpu} \2", page)
    if rows != 1:
        raise ValueError(f"docs/hardware.md has {rows} rows that name {KEPT}, expected 1")
    return written


def main() -> None:
    """Keep the run named on the command line."""
    path = Path(sys.argv[1])
    found = results.load(path)
    if reasons := faults(found):
        raise SystemExit(f"{path} is not kept: {'; '.join(reasons)}")
    page = ROOT / "docs" / "hardware.md"
    page.write_text(hardware(page.read_text("utf-8"), found), "utf-8")
    shutil.copyfile(path, ROOT / KEPT)
    figures.write()
    plots.write()
    print(f"kept as {KEPT}; README.md and docs/ are written anew")


if __name__ == "__main__":
    main()
