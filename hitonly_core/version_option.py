"""``--version``, the same for every tool."""

from importlib.metadata import version
from typing import Annotated

import typer

DISTRIBUTION = "hitonly"


def add_version(app: typer.Typer, program: str) -> None:
    """Give a tool ``--version``: its name and the version of what is installed, on one line."""

    def shown(wanted: bool) -> None:  # noqa: FBT001 - typer hands it over so
        if wanted:
            typer.echo(f"{program} {version(DISTRIBUTION)}")
            raise typer.Exit

    @app.callback()
    def _options(
        *,
        version: Annotated[
            bool, typer.Option("--version", callback=shown, is_eager=True, help="Show the version and end.")
        ] = False,
    ) -> None:
        del version
