"""The processes of the demonstration: the tools as a person would call them, and the running service."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Office:
    """The department's running service, its address, and the first administrator's link."""

    state: Path
    url: str
    link: str
    process: subprocess.Popen[str]


def run_tool(module: str, *arguments: str) -> str:
    """Run one of our command lines and return what it printed.

    Raises:
        SystemExit: it failed; what it said is printed.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise SystemExit(f"{module} {arguments[0]}: {done.stderr or done.stdout}")
    return done.stdout


@contextmanager
def start_office(state: Path) -> Iterator[Office]:
    """Run the department's service on loopback while the block runs.

    Raises:
        SystemExit: it did not start.
    """
    command = [sys.executable, "-m", "api.cli", "serve", "--state", str(state), "--port", "0"]
    log = state.with_suffix(".log").open("w")
    with (
        log,
        subprocess.Popen(  # noqa: S603 - our own
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        said = ""
        for line in process.stdout or ():
            said += line
            if link := re.search(r"(http://[\w.]+:\d+)/welcome/\S+", said):
                break
        else:
            raise SystemExit(f"the service did not start: {said}; see {log.name}")
        try:
            yield Office(state, link[1], link[0], process)
        finally:
            process.send_signal(signal.SIGTERM)


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
                        f"hit {event['hit'][:8]}: {event['kind']} match, sealed and spooled (UNVERIFIED)"
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
