"""``--version`` and ``--completion``, the same for every tool."""

from importlib.metadata import version
from typing import Annotated, Literal

import typer
from typer.completion import (  # type: ignore[attr-defined]  # typer names no exports; its own options use these
    completion_init,
    get_completion_script,
)

DISTRIBUTION = "hitonly"
Shell = Literal["bash", "zsh", "fish"]


def asks_for(program: str) -> str:
    """Return the environment variable by which a shell asks a tool what could come next.

    Whoever starts a tool with it is answered, and nothing else is done.
    """
    return f"_{program.replace('-', '_').upper()}_COMPLETE"


def add_version(app: typer.Typer, program: str) -> None:
    """Give a tool ``--version``, its name and the installed version on one line, and ``--completion SHELL``."""
    completion_init()

    def shown(wanted: bool) -> None:  # noqa: FBT001 - typer hands it over so
        if wanted:
            typer.echo(f"{program} {version(DISTRIBUTION)}")
            raise typer.Exit

    def completed(shell: Shell | None) -> None:
        if shell is not None:
            script = get_completion_script(prog_name=program, complete_var=asks_for(program), shell=shell)
            typer.echo(script)
            raise typer.Exit

    @app.callback()
    def _options(
        *,
        version: Annotated[
            bool, typer.Option("--version", callback=shown, is_eager=True, help="Show the version and end.")
        ] = False,
        completion: Annotated[
            Shell | None,
            typer.Option(
                callback=completed, is_eager=True, help="Print a shell's completion script and end."
            ),
        ] = None,
    ) -> None:
        del version, completion
