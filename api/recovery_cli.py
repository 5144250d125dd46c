"""Backup and restore on the command line of ``alpr-api``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from api.cli_options import Config, DatabaseUrl, Opened, State, settings_for
from api.core.settings import Settings
from api.lists import list_keys
from api.oversight import backup, restore, restoring
from hitonly_core.keys import SealKey, SealPublic, VerifyKey

Reason = Annotated[str, typer.Option(help="Why an older database was put back; stands in the log.")]


def add(app: typer.Typer) -> None:
    """Give the program its commands for a disaster, and for the day before it."""
    app.command("backup-key")(backup_key)
    app.command("backup")(backup_command)
    app.command("restore")(restore_command)
    app.command("accept-restore")(accept_restore)


def backup_key(
    file: Annotated[
        Path, typer.Argument(dir_okay=False, help="The private half; the public one is FILE.pub.")
    ],
) -> None:
    """Make a recovery key: the service needs only FILE.pub; keep FILE off this machine, in two safe places."""
    public = backup.make_key(file)
    typer.echo(f"the recovery key {public.id} is in {file}; backups are sealed to {file}.pub")
    typer.echo(f"move {file} off this machine, to two safe places, with a copy of the service's service.pub:")
    typer.echo("without it no backup can be opened, and with it and a backup anybody is the department")


def backup_command(
    *,
    to: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The recovery key's public half.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to write, or a folder; named by the time in this folder.")
    ] = None,
    state: State = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a backup of everything but the hits' keys, sealed to the recovery key; the service may run on."""
    name = Path(f"hitonly-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup")
    place = name if out is None else out / name if out.is_dir() else out
    with Opened(settings_for(config, state, database_url)) as opened:
        size = backup.make(opened, place, SealPublic.load(to), config)
    typer.echo(f"{place} is written: {size} bytes")


def restore_command(
    *,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The backup.")],
    key: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="The recovery key, its private half.")
    ],
    reason: Reason,
    service_key: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="service.pub as kept with the recovery key; compared."
        ),
    ] = None,
    state: State = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Put a backup back, into an empty database, while the service is stopped; recorded, and flagged."""
    settings = settings_for(config, state, database_url)
    expected = VerifyKey.load(service_key) if service_key else None
    done = restoring.put_back(settings, file, SealKey.load(key), reason, expected=expected)
    typer.echo(f"restored: {done.rows} rows of the backup made {done.made}")
    if expected is None:
        typer.echo(f"the service's key is {done.service_key}: compare it with your record of it")
    if done.settings is not None:
        typer.echo(f"the settings of that time are in {done.settings}; they are not in use by themselves")
    _say_what_is_left(settings, done.taken)


def accept_restore(
    reason: Reason,
    state: State = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Let the service start on an older database that was put back on purpose; recorded, and flagged.

    Ends every session, link, code and recovery code: some of them were used, or ended, since.
    """
    settings = settings_for(config, state, database_url)
    taken = restore.accept(settings, reason)
    typer.echo("accepted")
    _say_what_is_left(settings, taken)


def _say_what_is_left(settings: Settings, taken: restore.TakenOver) -> None:
    """Say what no command can know, and a person must do."""
    between = f"after {taken.since or 'the beginning'}" + (f", up to {taken.until}," if taken.until else "")
    typer.echo(f"hits that ended because their keys are not here: {taken.lost_hits}")
    typer.echo(
        f"the next hot list is version {taken.next_list}, above every number that a unit can have seen"
    )
    with Opened(settings) as opened, opened.database.read() as session:
        if list_keys.people_in_force(session, opened):
            typer.echo(
                "people sign the hot list: have a new version signed in 24 hours, or units stop alerting"
            )
    typer.echo(f"what was done {between} is not in this database: do again what was revoked, disabled,")
    typer.echo("cancelled or approved then (units, people, keys, list entries)")
    typer.echo("everybody needs new recovery codes; each unit needs `alpr-edge accept-audit-log`")
