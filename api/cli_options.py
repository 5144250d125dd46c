"""What the commands of ``alpr-api`` share: their options, the settings they make, and the opened service."""

from pathlib import Path
from typing import Annotated

import typer

from api.core.service import Service, open_service
from api.core.settings import Settings, load_settings

State = Annotated[Path | None, typer.Option(help="Folder of keys, certificates and SQLite files.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", exists=True, dir_okay=False, help="Settings as TOML; see docs/service.md."),
]
DatabaseUrl = Annotated[str | None, typer.Option(help="postgresql+psycopg://... or sqlite:///...")]


class Opened:
    """The service for one command, closed afterwards."""

    def __init__(self, settings: Settings) -> None:
        self._service = open_service(settings)

    def __enter__(self) -> Service:
        return self._service

    def __exit__(self, *_: object) -> None:
        self._service.close()


def settings_for(
    config: Path | None, state: Path | None, database_url: str | None, **given: object
) -> Settings:
    """Read the settings that a command works with; the state folder is ./state unless it is named."""
    if config is None and state is None:
        state = Path("state")
    return load_settings(config, state=state, database_url=database_url, **given)
