"""The demonstration's edge, run as a person would run it, with its hits shown as they happen."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from hotlist.matching.match import MatchKind

ROOT = Path(__file__).resolve().parents[1]


def run_edge(config: Path, source: str, out: Console) -> dict[str, int]:
    """Run the real edge; show hits as they happen; return its counts. Ctrl-C stops the edge, not the demo.

    Raises:
        SystemExit: the edge failed; its own line has said why.
    """
    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config), "--source", source, "--json"]
    counts: dict[str, int] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as edge:  # noqa: S603 - our own
        before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
        try:
            for line in edge.stdout or ():
                event = json.loads(line)
                if event["event"] == "hit":
                    out.print(
                        f"hit {event['hit'][:8]}: {MatchKind(event['kind']).words}, sealed and spooled (UNVERIFIED)"
                    )
                elif event["event"] == "summary":
                    counts = event["counts"]
                else:
                    out.print(event["text"])
        finally:
            signal.signal(signal.SIGINT, before)
    if edge.returncode or not counts:
        raise SystemExit(edge.returncode or 1)
    return counts
