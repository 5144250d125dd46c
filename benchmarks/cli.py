"""`alpr-bench`: one command a measurement, each a module of its own with a `run` that returns its results."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.drawing.weather import Weather
from benchmarks.render import RenderSpec
from benchmarks.render import render as render_clip

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
console = Console(stderr=True)


@app.callback()
def root() -> None:
    """Measure the plate reader: speed, accuracy, matching, forgetting."""


@app.command()
def render(  # noqa: PLR0917 - each is an option of the command line
    out: Annotated[Path, typer.Option(help="The clip to write, an .mp4 file.")],
    truth: Annotated[
        Path | None, typer.Option(help="CSV to write: plate, region, first and last frame.")
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(help="CSV to write: each plate's place in each frame.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides all that is left to chance.")] = 1,
    seconds: Annotated[float, typer.Option(help="Length of the clip.")] = 24.0,
    traffic: Annotated[float, typer.Option(help="Vehicles a minute.")] = 30.0,
    weather: Annotated[Weather, typer.Option(help="Light and weather.")] = Weather.CLEAR,
    speed: Annotated[float, typer.Option(help="Speed of the vehicles, metres a second.")] = 11.0,
    width: Annotated[int, typer.Option(help="Width of the picture, pixels.")] = 1280,
    height: Annotated[int, typer.Option(help="Height of the picture, pixels.")] = 720,
    fps: Annotated[int, typer.Option(help="Frames a second.")] = 25,
) -> None:
    """Draw a road video by code, with its ground truth. No plate in it can be on a real car."""
    try:
        spec = RenderSpec(seed, seconds, traffic, weather, width, height, fps, speed)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("drawing", total=spec.frames)
            found = render_clip(spec, out, truth, boxes, lambda frames: progress.advance(task, frames))
    except (ValueError, OSError) as error:
        console.print(f"[red]alpr-bench:[/red] {error}")
        raise typer.Exit(2) from error
    share = found.share_with_plate
    console.print(
        f"{out}: {found.frames} frames, {len(found.passes)} plates, in view in {share:.0%} of frames"
    )


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
