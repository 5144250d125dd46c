"""``alpr-edge``: run the box, check it, set up a camera, look after models and keys.

No plate is ever printed, but by ``read``, to a person who already has the picture.
"""

import contextlib
import json
import signal
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from edge import models
from edge.box import Box, Listener, Summary, load_models, watch_list
from edge.clock import SystemClock
from edge.config import EdgeConfig, load_config
from edge.errors import ConfigError, EdgeError, Exit, ModelError
from edge.hit import Hit
from edge.lists import ListState
from edge.sources import open_source
from edge.sources.settings import FileSettings, settings_from_text
from edge.spool import Spool
from edge.unsafe_read import unsafe_read
from hotlist.errors import HotListError, KeyFileError
from hotlist.files import write_durably
from hotlist.keys import SealKey, SealPublic, SigningKey

app = typer.Typer(
    help="A plate reader that forgets: reads are matched in memory, and destroyed within the window.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
models_app = typer.Typer(
    help="Model files: only those whose digest matches are ever loaded.", no_args_is_help=True
)
app.add_typer(models_app, name="models")

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]


def main() -> None:
    """Run the command line; every expected failure is one clear line and its documented exit code."""
    try:
        app()
    except (EdgeError, HotListError) as problem:
        err.print(f"alpr-edge: {problem}", markup=False)
        if problem.hint:
            err.print(f"  {problem.hint}", markup=False)
        sys.exit(exit_code(problem))


def exit_code(problem: EdgeError | HotListError) -> int:
    """Return the documented exit code of a failure (docs/configuration.md)."""
    if isinstance(problem, EdgeError):
        return problem.exit_code
    return Exit.KEY if isinstance(problem, KeyFileError) else Exit.HOT_LIST


@app.command()
def run(
    config: ConfigOption,
    source: Annotated[
        str,
        typer.Option(
            help="Read this instead of the first camera's source: a clip, a folder, a URL, a device."
        ),
    ] = "",
    every: Annotated[int, typer.Option(min=1, help="Of a clip, every N-th frame.")] = 1,
    realtime: Annotated[bool, typer.Option(help="A clip at its own pace, as a camera would.")] = False,  # noqa: FBT002
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Read plates, match them, seal the hits, forget the rest. Ctrl-C stops cleanly."""
    settings = _with_source(load_config(config), source, every=every, realtime=realtime)
    if settings.device.demo:
        err.print(
            "DEMO: no registration, agency or policy is set; not for use on a road (R18).", style="bold red"
        )
    with _reporter(as_json=as_json) as listener:
        box = Box.assemble(settings, listener=listener)
        with _stopped_by_signals(box):
            summary = box.run()
    _print_summary(summary, as_json=as_json)


@app.command()
def check(config: ConfigOption) -> None:
    """Check the configuration, keys, models, hot list and cameras; say what is wrong and how to mend it."""
    settings = load_config(config)
    problems = 0
    for what, test in _checks(settings):
        try:
            finding = test()
        except (EdgeError, HotListError) as problem:
            problems += 1
            out.print(f"[red]wrong[/red]  {what}: ", end="")
            out.print(str(problem) + (f" {problem.hint}" if problem.hint else ""), markup=False)
        else:
            out.print(f"[green]good[/green]   {what}: ", end="")
            out.print(finding, markup=False)
    if problems:
        raise typer.Exit(Exit.CONFIG)


@app.command()
def read(
    images: Annotated[list[Path], typer.Argument(help="Picture files or folders.")],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Take models from this file.")] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Unsafe: print the plates in given pictures, to set up a camera. Only for pictures you already have."""
    err.print("Unsafe: plates are printed on this terminal; nothing is stored.", style="yellow")
    chosen = load_config(config).models if config else None
    for path, findings in unsafe_read(images, chosen):
        if as_json:
            out.print_json(data={"picture": str(path), "plates": findings})
            continue
        texts = [f"{each['plate']} ({each['probability']:.0%}{_region(each)})" for each in findings]
        out.print(f"{path}: {', '.join(texts) or 'no plate'}", markup=False)


@app.command()
def keygen(
    folder: Annotated[Path, typer.Argument(help="Where the device's keys are made; never replaced.")],
) -> None:
    """Make the device's signing and sealing keys. The private halves never leave this box."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    signing, sealing = SigningKey.generate(), SealKey.generate()
    for key, name in ((signing, "signing"), (sealing, "sealing")):
        key.save(folder / f"{name}.key")
        key.public.save(folder / f"{name}.pub")
    out.print(f"signing key {signing.public.id}, sealing key {sealing.public.id} in {folder}", markup=False)


@models_app.command("list")
def models_list(
    folder: Annotated[Path | None, typer.Option(help="Looked in first.")] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """List the models that can be loaded by name, and whether each is here."""
    rows = list(models.status(models.folders(folder)))
    if as_json:
        body = [
            {"name": spec.name, "kind": spec.kind, "licence": spec.licence, "status": how}
            for spec, how in rows
        ]
        out.print_json(data=body)
        return
    grid = Grid("name", "kind", "licence", "source", "here")
    for spec, how in rows:
        grid.add_row(
            spec.name, spec.kind, spec.licence, spec.source, "verified" if how == "verified" else "no"
        )
    out.print(grid)


@models_app.command("verify")
def models_verify(folder: Annotated[Path | None, typer.Option(help="Looked in first.")] = None) -> None:
    """Verify the digest of every model that is here; exit 5 when a file was altered."""
    altered = 0
    for spec, how in models.status(models.folders(folder)):
        absent = "is in none of" in how
        altered += how != "verified" and not absent
        out.print(f"{spec.name}: {'absent' if absent else how}", markup=False)
    if altered:
        raise typer.Exit(Exit.MODEL)


@models_app.command("fetch")
def models_fetch(
    name: Annotated[str, typer.Argument(help="A name of `alpr-edge models list`.")],
    folder: Annotated[Path, typer.Option(help="Where to put it.")],
) -> None:
    """Download a model and verify it. Never done at run time."""
    spec = models.manifest().get(name)
    if spec is None or not spec.url:
        known = ", ".join(each.name for each in models.manifest().values() if each.url)
        raise ModelError(f"nothing to fetch for {name!r}", hint=f"Can be fetched: {known}.")
    folder.mkdir(parents=True, exist_ok=True)
    for file, digest in spec.files.items():
        try:
            with urllib.request.urlopen(spec.url + file, timeout=60) as answer:  # noqa: S310 - https, from the manifest
                content = answer.read(models.MAX_BYTES)
        except OSError as problem:
            raise ModelError(
                f"{spec.url}{file} cannot be fetched: {problem}", hint="Is there a network?"
            ) from None
        models.demand_digest(content, digest, where=spec.url + file)
        write_durably(folder / file, content, mode=0o644)
    out.print(f"{name}: verified, in {folder}", markup=False)


def _with_source(config: EdgeConfig, source: str, *, every: int, realtime: bool) -> EdgeConfig:
    """Return the configuration with the first camera's source replaced, and a clip's pace set."""
    first = config.cameras[0]
    chosen = first.source
    if source:
        try:
            chosen = settings_from_text(source, name=first.name)
        except ValueError:
            raise ConfigError("--source is neither a path, a device number nor an rtsp:// address") from None
    if isinstance(chosen, FileSettings):
        chosen = chosen.model_copy(
            update={"every": every if every > 1 else chosen.every, "realtime": realtime or chosen.realtime}
        )
    elif every > 1 or realtime:
        raise ConfigError("--every and --realtime are for clips")
    camera = first.model_copy(update={"source": chosen})
    return config.model_copy(update={"cameras": (camera, *config.cameras[1:])})


@contextlib.contextmanager
def _reporter(*, as_json: bool) -> Iterator[Listener]:
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
            progress.update(
                task, description=f"{frames} frames, {box.window.counts().reads} reads, {hits} hits"
            )

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
    return f"hit {hit.id} at {hit.camera}: {best.kind.value} match{urgent}, sealed (UNVERIFIED)"


def _json_line(body: dict[str, Any]) -> None:
    typer.echo(json.dumps(body, sort_keys=True))


def _print_summary(summary: Summary, *, as_json: bool) -> None:
    """Print the forgetting ledger."""
    if as_json:
        _json_line({"event": "summary", **asdict(summary)})
        return
    counts = summary.counts
    grid = Grid(title="Forgetting ledger", show_header=False)
    grid.add_row("reads", str(counts.reads))
    grid.add_row("= hits (sealed, spooled)", str(counts.hits))
    grid.add_row("+ destroyed", str(counts.destroyed))
    grid.add_row("+ live", str(counts.live))
    grid.add_row("destroyed early (arena full)", str(counts.destroyed_early))
    grid.add_row("worst purge lateness", f"{counts.worst_late_ns / 1e6:.1f} ms")
    grid.add_row("frames dropped", str(summary.drops))
    state = f"version {summary.list_version}, {summary.list_state.value}"
    grid.add_row(
        "hot list", state if summary.list_state is ListState.FRESH else f"[red]{state}: no alerts[/red]"
    )
    grid.add_row("models", " ".join(digest[:12] for digest in summary.models))
    grid.add_row("software", summary.software)
    out.print(grid)


@contextlib.contextmanager
def _stopped_by_signals(box: Box) -> Iterator[None]:
    """Stop cleanly on Ctrl-C and SIGTERM while the block runs."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        box.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _checks(config: EdgeConfig) -> Iterator[tuple[str, Any]]:
    """Yield each thing to check with a function that says what it found, or raises."""
    device = config.device
    yield "device", lambda: f"{device.id}" + (" (DEMO, not for use on a road)" if device.demo else "")
    yield "signing key", lambda: SigningKey.load(config.keys.signing).public.id
    yield "sealing key", lambda: SealKey.load(config.keys.sealing).public.id
    yield "department's key", lambda: _department(config)
    yield "models", lambda: ", ".join(model.spec.name for model in load_models(config))
    yield "hot list", lambda: _list_finding(config)
    yield "folders", lambda: _folders(config)
    for section in config.cameras:
        yield f"camera {section.name}", lambda section=section: _camera_finding(section.source)


def _department(config: EdgeConfig) -> str:
    return SealPublic.load(config.keys.department).id


def _list_finding(config: EdgeConfig) -> str:
    said: list[str] = []
    watch = watch_list(config, SystemClock(), said.append)
    watch.poll()
    if watch.state is not ListState.FRESH:
        raise HotListError("; ".join(said) or f"the list is {watch.state.value}")
    return said[-1]


def _folders(config: EdgeConfig) -> str:
    for folder in (config.storage.spool, config.storage.state):
        Spool(folder)
    return "spool and state can be written"


def _camera_finding(settings: Any) -> str:  # noqa: ANN401 - any source's settings
    source = open_source(settings)
    try:
        frame = next(iter(source.frames()))
        height, width = frame.pixels.shape[:2]
    finally:
        source.close()
    return f"{width} x {height} pixels"


def _region(finding: dict[str, Any]) -> str:
    return f", {finding['region']}" if finding.get("region") else ""


if __name__ == "__main__":
    main()
