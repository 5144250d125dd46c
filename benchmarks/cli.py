"""``alpr-bench``: one command, every measurement, one report that can be trusted.

Each part is a module with a ``run`` that returns its piece of ``results.json``; `PARTS` is where they meet.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from benchmarks.accuracy import accuracy_report
from benchmarks.accuracy.peers import OpenAlpr, load_models
from benchmarks.differential import differential_report
from benchmarks.drawing.weather import Weather
from benchmarks.fixtures import clips
from benchmarks.fixtures.render import RenderSpec
from benchmarks.fixtures.render import render as render_clip
from benchmarks.forgetting import forgetting_here
from benchmarks.harness import environment, report, results
from benchmarks.harness.compare import TIME_LIMIT, compare, regressed
from benchmarks.harness.options import (
    BaselineOption,
    DataOption,
    PeerOption,
    SeedOption,
    Shared,
    VideoOption,
    shared,
)
from benchmarks.harness.runner import Bench, BenchError
from benchmarks.load import load_report
from benchmarks.load.load_run import Plan
from benchmarks.matching.drawn_pictures import run_matching
from benchmarks.speed import latency, motion, review_latency, soak, soak_report, streams, video
from edge.errors import EdgeError
from hitonly_core.version_option import add_version

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measure this system on this machine, and write one report that can be trusted.",
)
add_version(app, "alpr-bench")
console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the user brings."""

    videos: Sequence[Path] = ()
    folders: Sequence[Path] = ()
    peers: Sequence[str] = ()


PartRun = Callable[[Bench, Inputs], dict[str, Any]]
PARTS: Final[dict[str, PartRun]] = {
    "video": lambda bench, inputs: video.run(bench, inputs.videos),
    "person": lambda bench, _inputs: review_latency.run(bench),
    "accuracy": lambda bench, inputs: accuracy_report.run(bench, inputs.folders, inputs.peers),
    "matching": lambda bench, inputs: run_matching(bench, inputs.folders),
    "motion": lambda bench, _inputs: motion.run(bench.seed, short=bench.short),
    "forgetting": lambda bench, _inputs: forgetting_here.run(bench),
    "differential": lambda bench, _inputs: differential_report.run(bench),
}


def main() -> None:
    """Run the command line; what cannot be measured is one clear line and exit code 2."""
    try:
        app()
    except (BenchError, EdgeError, ValueError, OSError) as problem:
        console.print(f"alpr-bench: {problem}", style="red", markup=False)
        if hint := getattr(problem, "hint", ""):
            console.print(f"  {hint}", markup=False)
        raise SystemExit(2) from None


@app.command("all")
@shared
def everything(
    told: Shared,
    videos: VideoOption = None,
    data: DataOption = None,
    peer: PeerOption = None,
    baseline: BaselineOption = None,
) -> None:
    """Measure everything and write the report. Exit 1 when a check fails or the baseline is not held."""
    inputs = Inputs(videos or (), data or (), _peers(peer or []))
    _finish(_measure(told.bench, PARTS, inputs), told.out, baseline)


@app.command("video")
@shared
def video_part(told: Shared, videos: VideoOption = None) -> None:
    """Measure speed, drops, memory and delay on video, beside fast-alpr's plain loop."""
    _finish(_measure(told.bench, _only("video"), Inputs(videos=videos or ())), told.out)


@app.command("streams")
@shared
def streams_part(told: Shared) -> None:
    """Measure processor time on roads encoded as cameras encode, beside both baselines. Takes PyAV, and hours."""

    def run(bench: Bench, _inputs: Inputs) -> dict[str, Any]:
        return streams.run(bench)

    _finish(_measure(told.bench, {"streams": run}, Inputs()), told.out)


@app.command("person")
@shared
def person_part(told: Shared) -> None:
    """Measure the time from a picture to the hit's row in a reviewer's browser. Takes Chromium and Playwright."""
    _finish(_measure(told.bench, _only("person"), Inputs()), told.out)


@app.command("accuracy")
@shared
def accuracy_part(told: Shared, data: DataOption = None, peer: PeerOption = None) -> None:
    """Measure how well plates are found and read, on drawn roads and on your labelled data."""
    inputs = Inputs(folders=data or (), peers=_peers(peer or []))
    _finish(_measure(told.bench, _only("accuracy"), inputs), told.out)


@app.command("matching")
@shared
def matching_part(told: Shared, data: DataOption = None) -> None:
    """Measure matching: recall against false hits, list sizes, look-up time and memory."""
    _finish(_measure(told.bench, _only("matching"), Inputs(folders=data or ())), told.out)


@app.command("motion")
@shared
def motion_part(told: Shared) -> None:
    """Measure the motion gate beside OpenCV's MOG2, and what a capture process costs."""
    _finish(_measure(told.bench, _only("motion"), Inputs()), told.out)


@app.command("forgetting")
@shared
def forgetting_part(
    told: Shared,
    plates: Annotated[int, typer.Option(min=10, help="Canary plates shown.")] = 1000,
    window: Annotated[
        list[float] | None,
        typer.Option(help="Retention window, seconds; may be repeated. Default: 180, 5, 0."),
    ] = None,
) -> None:
    """Search a running edge for what it must have forgotten: the release gate. Takes root and strace."""
    windows = window or [180.0, 5.0, 0.0]

    def run(bench: Bench, _inputs: Inputs) -> dict[str, Any]:
        return forgetting_here.run(bench, plates, windows)

    parts = {"forgetting": run, "differential": PARTS["differential"]}
    _finish(_measure(told.bench, parts, Inputs()), told.out)


@app.command("latency")
@shared
def latency_part(given: Shared) -> None:
    """Measure the time from a picture to its sealed hit over many drawn roads, and false hits beside it."""

    def run(told: Bench, _inputs: Inputs) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="alpr-bench-roads-") as folder:
            return latency.run(told, clips.draw, Path(folder))

    _finish(_measure(given.bench, {"latency": run}, Inputs()), given.out)


@app.command("soak")
@shared
def soak_part(
    given: Shared,
    minutes: Annotated[float, typer.Option(min=12, help="How long the edge is watched.")] = 60.0,
    entries: Annotated[int, typer.Option(min=1000, help="Plates listed.")] = 100_000,
) -> None:
    """Watch the edge's memory on a road that goes round and round. Takes GStreamer's RTSP server."""
    warm_up, lists = min(15.0, minutes / 4), max(4, round(minutes / 4))

    def run(told: Bench, _inputs: Inputs) -> dict[str, Any]:
        trial = soak.Trial(minutes, warm_up, entries=entries, lists=lists, reading=told.reading)
        return soak_report.run(trial, told.advance)

    _finish(_measure(given.bench, {"soak": run}, Inputs()), given.out)


@app.command("load")
@shared
def load_part(
    given: Shared,
    units: Annotated[int, typer.Option(min=10, help="Simulated units.")] = 10_000,
    people: Annotated[int, typer.Option(min=1, help="People who review.")] = 20,
    entries: Annotated[int, typer.Option(min=1, help="Plates listed.")] = 1000,
) -> None:
    """Put the department's service under load: units, hits, list polls, people. Takes PostgreSQL."""

    def run(told: Bench, _inputs: Inputs) -> dict[str, Any]:
        plan = None if told.short else Plan(units, entries, people)
        return load_report.run(told, plan)

    _finish(_measure(given.bench, {"load": run}, Inputs()), given.out)


@app.command("compare")
def compare_results(
    before: Annotated[Path, typer.Argument(help="Earlier results.json.")],
    after: Annotated[Path, typer.Argument(help="Later results.json.")],
    limit: Annotated[
        float, typer.Option(min=0, help="Times and memory may get worse by this share.")
    ] = TIME_LIMIT,
    portable: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--portable", help="Leave out what only one machine's runs can be compared by.")
    ] = False,
) -> None:
    """Show what changed beyond noise; exit 1 on a regression over the limit or a failed check."""
    changes = compare(results.load(before), results.load(after), limit=limit, portable=portable)
    report.print_changes(changes, Console(highlight=False))
    if regressed(changes):
        raise typer.Exit(1)


@app.command()
def render(  # noqa: PLR0917 - each is an option of the command line
    out: Annotated[Path, typer.Option(help="The clip to write, an .mp4 file.")],
    truth: Annotated[
        Path | None, typer.Option(help="CSV to write: plate, region, first and last frame.")
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(help="CSV to write: each plate's place in each frame.")
    ] = None,
    seed: SeedOption = 1,
    seconds: Annotated[float, typer.Option(help="Length of the clip.")] = 24.0,
    traffic: Annotated[float, typer.Option(help="Vehicles a minute.")] = 30.0,
    weather: Annotated[Weather, typer.Option(help="Light and weather.")] = Weather.CLEAR,
    speed: Annotated[float, typer.Option(help="Speed of the vehicles, metres a second.")] = 11.0,
    width: Annotated[int, typer.Option(help="Width of the picture, pixels.")] = 1280,
    height: Annotated[int, typer.Option(help="Height of the picture, pixels.")] = 720,
    fps: Annotated[int, typer.Option(help="Frames a second.")] = 25,
) -> None:
    """Draw a road video by code, with its ground truth. No plate in it can be on a real car."""
    spec = RenderSpec(seed, seconds, traffic, weather, width, height, fps, speed)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("drawing", total=spec.frames)
        found = render_clip(spec, out, truth, boxes, lambda frames: progress.advance(task, frames))
    share = found.share_with_plate
    console.print(
        f"{out}: {found.frames} frames, {len(found.passes)} plates, legible in {share:.0%} of frames"
    )


def _measure(bench: Bench, parts: Mapping[str, PartRun], inputs: Inputs) -> dict[str, Any]:
    """Run parts one after the other and return the whole results."""
    digests = [(f"{model.spec.kind} {model.spec.name}", model.digest) for model in load_models(bench.reading)]
    noise = environment.Noise()
    measured = []
    with _progress(len(parts)) as (advance, done):
        noise.sample()
        for run in parts.values():
            measured.append(run(replace(bench, advance=advance), inputs))
            noise.sample()
            done()
    machine = environment.describe(dict(digests), bench.seed)
    machine |= {"data": [path.name for path in (*inputs.videos, *inputs.folders)], "noise": noise.to_json()}
    machine["short"] = bench.short
    return results.assemble(machine, measured)


def _only(name: str) -> dict[str, PartRun]:
    return {name: PARTS[name]}


def _finish(found: dict[str, Any], out: Path, baseline: Path | None = None) -> None:
    """Write and print the results.

    Raises:
        typer.Exit: with 1 when a check failed or the baseline was not held.
    """
    page = report.write(found, out)
    report.print_summary(found, Console(highlight=False))
    failed = bool(results.failed_checks(found))
    if baseline:
        changes = compare(results.load(baseline), found)
        report.print_changes(changes, Console(highlight=False))
        failed = failed or regressed(changes)
    console.print(f"report: {page}", markup=False)
    if failed:
        raise typer.Exit(1)


@contextmanager
def _progress(parts: int) -> Iterator[tuple[Callable[[str], None], Callable[[], None]]]:
    """Show what is being done and how many parts are through."""
    columns = (
        SpinnerColumn(), BarColumn(bar_width=20), MofNCompleteColumn(), TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=parts)
        yield lambda doing: progress.update(task, description=doing), lambda: progress.advance(task)


def _peers(asked: Sequence[str]) -> list[str]:
    """Return the peers that can be measured beside fast-alpr.

    Raises:
        BenchError: an unknown peer, or one that is not installed.
    """
    for name in asked:
        if name not in {"openalpr", "fast-alpr"}:
            raise BenchError(f"no peer named {name!r}: openalpr or fast-alpr")
        if name == "openalpr" and not OpenAlpr.installed():
            raise BenchError("openalpr is not on the path (Debian: apt-get install openalpr)")
    return list(asked)


if __name__ == "__main__":
    main()
