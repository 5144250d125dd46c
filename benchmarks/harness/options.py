"""The options that every measuring command of ``alpr-bench`` has, written once."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.runner import Bench
from edge.config import ModelsSection

_DEFAULT: Final = ModelsSection()


@dataclass(frozen=True, slots=True)
class Shared:
    """What every measuring command is told."""

    out: Path
    short: bool
    seed: int
    models: Path | None
    detector: str
    reader: str

    @property
    def bench(self) -> Bench:
        """What the parts work with."""
        return Bench(Reading(self.detector, self.reader, self.models), seed=self.seed, short=self.short)


SeedOption = Annotated[int, typer.Option(help="Decides all that is drawn.")]
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
_SHARED: Final[dict[str, tuple[Any, Any]]] = {
    "out": (Annotated[Path, typer.Option(help="Folder for index.html and results.json.")], Path("report")),
    "short": (
        Annotated[bool, typer.Option("--short", help="Short clips and one run each; no time fails it.")],
        False,
    ),
    "seed": (SeedOption, 1),
    "models": (Annotated[Path | None, typer.Option(help="Folder looked in first for model files.")], None),
    "detector": (
        Annotated[str, typer.Option(help="Detector, by its name in the manifest.")],
        _DEFAULT.detector,
    ),
    "reader": (Annotated[str, typer.Option(help="Reader, by its name in the manifest.")], _DEFAULT.reader),
}


def shared(act: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options after its own; they come as its first argument."""
    _, *own = inspect.signature(act, eval_str=True).parameters.values()

    def command(**given: Any) -> None:  # noqa: ANN401 - whatever the options are
        told = Shared(**{name: given.pop(name) for name in _SHARED})
        act(told, **given)

    parameters = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in own] + [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _SHARED.items()
    ]
    command.__name__, command.__doc__ = act.__name__, act.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command
