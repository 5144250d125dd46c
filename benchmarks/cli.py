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

from benchmarks import accuracy, clips, environment, forgetting_here, latency, report, results, soak, video
from benchmarks.compare import TIME_LIMIT, compare, regressed
from benchmarks.department import Reading
from benchmarks.drawing.weather import Weather
from benchmarks.drawn_pictures import run_matching
from benchmarks.peers import OpenAlpr, load_models
from benchmarks.render import RenderSpec
from benchmarks.render import render as render_clip
from benchmarks.runner import Bench, BenchError
from edge.config import ModelsSection
from edge.errors import EdgeError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measure this system on this machine, and write one report that can be trusted.",
)
console = Console(stderr=True, highlight=False)
_DEFAULT: Final = ModelsSection()

OutOption = Annotated[Path, typer.Option(help="Folder for index.html and results.json.")]
QuickOption = Annotated[
    bool, typer.Option(help="Short clips and one run each, as in continuous integration.")
]
SeedOption = Annotated[int, typer.Option(help="Decides all that is drawn.")]
ModelsOption = Annotated[Path | None, typer.Option(help="Folder looked in first for model files.")]
DetectorOption = Annotated[str, typer.Option(help="Detector, by its name in the manifest.")]
ReaderOption = Annotated[str, typer.Option(help="Reader, by its name in the manifest.")]
VideoOption = Annotated[list[Path] | None, typer.Option("--video", help="A clip of yours; may be repeated.")]
DataOption = Annotated[
    list[Path] | None, typer.Option("--data", help="A folder of labelled pictures or clips; may be repeated.")
]
PeerOption = Annotated[
    list[str] | None,
    typer.Option("--peer", help="openalpr: Debian's, when it is on the path. fast-alpr is always measured."),
]
BaselineOption = Annotated[
    Path | None, typer.Option(help="Earlier results.json: a regression against it fails the run.")
]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the user brings."""

    videos: Sequence[Path] = ()
    folders: Sequence[Path] = ()
    peers: Sequence[str] = ()


PartRun = Callable[[Bench, Inputs], dict[str, Any]]
PARTS: Final[dict[str, PartRun]] = {
    "video": lambda bench, inputs: video.run(bench, inputs.videos),
    "accuracy": lambda bench, inputs: accuracy.run(bench, inputs.folders, inputs.peers),
    "matching": lambda bench, inputs: run_matching(bench, inputs.folders),
    "forgetting": lambda bench, _inputs: forgetting_here.run(bench),
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
def everything(  # noqa: PLR0917 - each is an option of the command line
    videos: VideoOption = None,
    data: DataOption = None,
    peer: PeerOption = None,
    out: OutOption = Path("report"),
    baseline: BaselineOption = None,
    quick: QuickOption = False,  # noqa: FBT002 - a flag
    seed: SeedOption = 1,
    models: ModelsOption = None,
    detector: DetectorOption = _DEFAULT.detector,
    reader: ReaderOption = _DEFAULT.reader,
) -> None:
    """Measure everything and write the report. Exit 1 when a check fails or the baseline is not held."""
    bench = Bench(Reading(detector, reader, models), seed=seed, quick=quick)
    inputs = Inputs(videos or (), data or (), _peers(peer or []))
    _finish(_measure(bench, PARTS, inputs), out, baseline)


@app.command("video")
def video_part(  # noqa: PLR0917 - each is an option of the command line
    videos: VideoOption = None,
    out: OutOption = Path("report"),
    quick: QuickOption = False,  # noqa: FBT002 - a flag
    seed: SeedOption = 1,
    models: ModelsOption = None,
    detector: DetectorOption = _DEFAULT.detector,
    reader: ReaderOption = _DEFAULT.reader,
) -> None:
    """Measure speed, drops, memory and delay on video, beside fast-alpr's plain loop."""
    bench = Bench(Reading(detector, reader, models), seed=seed, quick=quick)
    _finish(_measure(bench, _only("video"), Inputs(videos=videos or ())), out, None)


@app.command("accuracy")
def accuracy_part(  # noqa: PLR0917 - each is an option of the command line
    data: DataOption = None,
    peer: PeerOption = None,
    out: OutOption = Path("report"),
    quick: QuickOption = False,  # noqa: FBT002 - a flag
    seed: SeedOption = 1,
    models: ModelsOption = None,
    detector: DetectorOption = _DEFAULT.detector,
    reader: ReaderOption = _DEFAULT.reader,
) -> None:
    """Measure how well plates are found and read, on drawn roads and on your labelled data."""
    bench = Bench(Reading(detector, reader, models), seed=seed, quick=quick)
    _finish(
        _measure(bench, _only("accuracy"), Inputs(folders=data or (), peers=_peers(peer or []))), out, None
    )


@app.command("matching")
def matching_part(  # noqa: PLR0917 - each is an option of the command line
    data: DataOption = None,
    out: OutOption = Path("report"),
    quick: QuickOption = False,  # noqa: FBT002 - a flag
    seed: SeedOption = 1,
    models: ModelsOption = None,
    detector: DetectorOption = _DEFAULT.detector,
    reader: ReaderOption = _DEFAULT.reader,
) -> None:
    """Measure matching: recall against false hits, list sizes, look-up time and memory."""
    bench = Bench(Reading(detector, reader, models), seed=seed, quick=quick)
    _finish(_measure(bench, _only("matching"), Inputs(folders=data or ())), out, None)


@app.command("forgetting")
def forgetting_part(  # noqa: PLR0917 - each is an option of the command line
    plates: Annotated[int, typer.Option(min=10, help="Canary plates shown.")] = 1000,
    window: Annotated[
        list[float] | None,
        typer.Option(help="Retention window, seconds; may be repeated. Default: 180, 5, 0."),
    ] = None,
    out: OutOption = Path("report"),
    seed: SeedOption = 1,
    models: ModelsOption = None,
    detector: DetectorOption = _DEFAULT.detector,
    reader: ReaderOption = _DEFAULT.reader,
) -> None:
    """Search a running edge for what it must have forgotten: the release gate. Takes root and strace."""
    bench = Bench(Reading(detector, reader, models), seed=seed)
    windows = window or [180.0, 5.0, 0.0]

    def run(told: Bench, _inputs: Inputs) -> dict[str, Any]:
        return forgetting_here.run(told, plates, windows)

    _finish(_measure(bench, {"forgetting": run}, Inputs()), out, None)


@app.command("latency")
def latency_part(  # noqa: PLR0917 - each is an option of the command line
    out: OutOption = Path("report"),
    quick: QuickOption = False,  # noqa: FBT002 - a flag
    seed: SeedOption = 1,
    models: ModelsOption = None,
    detector: DetectorOption = _DEFAULT.detector,
    reader: ReaderOption = _DEFAULT.reader,
) -> None:
    """Measure the time from a picture to its sealed hit over many drawn roads, and false hits beside it."""
    bench = Bench(Reading(detector, reader, models), seed=seed, quick=quick)

    def run(told: Bench, _inputs: Inputs) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="alpr-bench-roads-") as folder:
            return latency.run(told, clips.draw, Path(folder))

    _finish(_measure(bench, {"latency": run}, Inputs()), out, None)


@app.command("soak")
def soak_part(  # noqa: PLR0917 - each is an option of the command line
    minutes: Annotated[float, typer.Option(min=12, help="How long the edge is watched.")] = 60.0,
    entries: Annotated[int, typer.Option(min=1000, help="Plates listed.")] = 100_000,
    out: OutOption = Path("report"),
    models: ModelsOption = None,
    detector: DetectorOption = _DEFAULT.detector,
    reader: ReaderOption = _DEFAULT.reader,
) -> None:
    """Watch the edge's memory on a road that goes round and round. Takes GStreamer's RTSP server."""
    bench = Bench(Reading(detector, reader, models))
    warm_up, lists = min(10.0, minutes / 4), max(2, round(minutes / 10))

    def run(told: Bench, _inputs: Inputs) -> dict[str, Any]:
        trial = soak.Trial(minutes, warm_up, entries=entries, lists=lists, reading=bench.reading)
        return soak.run(trial, told.advance)

    _finish(_measure(bench, {"soak": run}, Inputs()), out, None)


@app.command("compare")
def compare_results(
    before: Annotated[Path, typer.Argument(help="Earlier results.json.")],
    after: Annotated[Path, typer.Argument(help="Later results.json.")],
    limit: Annotated[
        float, typer.Option(min=0, help="Times and memory may get worse by this share.")
    ] = TIME_LIMIT,
) -> None:
    """Show what changed beyond noise; exit 1 on a regression over the limit or a failed check."""
    changes = compare(results.load(before), results.load(after), limit=limit)
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
    return results.assemble(machine, measured)


def _only(name: str) -> dict[str, PartRun]:
    return {name: PARTS[name]}


def _finish(found: dict[str, Any], out: Path, baseline: Path | None) -> None:
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
