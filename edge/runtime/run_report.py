"""What ``alpr-edge run`` says on a terminal, or as JSON lines: counts and sealed hits, never a plate.

Of a live camera nothing is said that changes when a vehicle passes which is no hit: neither while it runs nor at
its end (R22). Of a clip or pictures, which are nobody's passing now, every count is shown.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from edge.department.list_watch import ListState
from edge.runtime.box import Box, Listener
from edge.runtime.run_summary import Summary
from edge.runtime.terminal import err, out
from protocol.hit import Hit


@contextlib.contextmanager
def reporter(*, as_json: bool) -> Iterator[Listener]:
    """Report on the terminal: JSON lines, or sentences with a progress line where somebody watches."""
    if as_json:
        yield Listener(
            say=lambda sentence: _json_line({"event": "note", "text": sentence}),
            hit=lambda hit: _json_line({"event": "hit", **_public(hit)}),
        )
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("reading")

        def turn(box: Box) -> None:
            tallies = [pipeline.tally for pipeline in box.pipelines]
            frames, hits = sum(each.frames for each in tallies), sum(each.hits for each in tallies)
            reads = "" if box.live else f"{frames} frames, {box.window.counts().reads} reads, "
            progress.update(task, description=f"{reads}{hits} hits")

        yield Listener(
            say=lambda sentence: progress.console.print(sentence, markup=False),
            hit=lambda hit: progress.console.print(_hit_line(hit), markup=False),
            turn=turn if err.is_terminal else lambda _box: None,
        )


def _public(hit: Hit) -> dict[str, Any]:
    """Return what may be said of a hit on a terminal: no plate, no case."""
    best = hit.matches[0]
    return {
        "hit": str(hit.id),
        "camera": hit.camera,
        "captured": hit.captured.isoformat(timespec="seconds"),
        "kind": best.kind.value,
        "urgent": hit.urgent,
        "ambiguous": best.ambiguous,
        "list_version": best.list_version,
    }


def _hit_line(hit: Hit) -> str:
    best = hit.matches[0]
    urgent = ", urgent" if hit.urgent else ""
    return f"hit {hit.id} at {hit.camera}: {best.kind.words}{urgent}, sealed (UNVERIFIED)"


def _json_line(body: dict[str, Any]) -> None:
    typer.echo(json.dumps(body, sort_keys=True))


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """Print the forgetting ledger: of a live camera, what its receipts have told."""
    if as_json:
        _json_line({"event": "summary", **_told(summary)})
        return
    counts = summary.published if summary.live else summary.counts
    title = "Forgetting ledger" + (", as far as published in receipts" if summary.live else "")
    grid = Grid(title=title, show_header=False)
    grid.add_row("reads", str(counts.reads))
    grid.add_row("= hits (sealed)", str(counts.hits))
    if summary.unwritten:
        grid.add_row("[red]hits LOST: no disk took them[/red]", str(summary.unwritten))
    for name, what in summary.blind.items():
        grid.add_row(f"[red]camera {escape(name)}[/red]", what)
    grid.add_row("+ destroyed", str(counts.destroyed))
    grid.add_row("+ live", str(counts.live))
    if not summary.live:
        grid.add_row("destroyed early (arena full)", str(summary.counts.destroyed_early))
        grid.add_row("worst purge lateness", f"{summary.counts.worst_late_ns / 1e6:.1f} ms")
        grid.add_row("frames dropped", str(summary.drops))
    state = f"version {summary.list_version}, {summary.list_state.value}"
    grid.add_row(
        "hot list", state if summary.list_state is ListState.FRESH else f"[red]{state}: no alerts[/red]"
    )
    grid.add_row("models", " ".join(digest[:12] for digest in summary.models))
    grid.add_row("software", summary.software)
    grid.add_row("protection not in force", ", ".join(summary.unprotected) or "none missing")
    out.print(grid)


def _told(summary: Summary) -> dict[str, Any]:
    """Return what may be said of a run: of a live camera, its hits and what its receipts have told."""
    body = asdict(summary)
    if not summary.live:
        return body
    del body["drops"], body["published"]
    cameras = {name: {"hits": tally.hits} for name, tally in summary.cameras.items()}
    return {**body, "counts": asdict(summary.published), "cameras": cameras}
