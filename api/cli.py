"""``alpr-api``: the department's service on the command line."""

import os
import sqlite3
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.exc import DatabaseError, OperationalError

from api import recovery_cli, serve
from api.accounts import people, resets
from api.cli_options import Config, DatabaseUrl, Opened, State, settings_for
from api.core import memory
from api.core.errors import ApiError, ConflictError
from api.db.engine import Database
from api.db.migrate import migrate
from api.devices import invitations, registry
from api.devices.registry import Registration
from api.hits.opening_table import opened_table
from api.hits.spool_opening import open_spool, save_opened
from api.oversight import audit_export
from hitonly_core.errors import HitonlyError
from hitonly_core.keys import SealKey, VerifyKey
from hitonly_core.version_option import add_version

app = typer.Typer(
    help="Receive sealed hits, let people review them, and let go of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
add_version(app, "alpr-api")
devices_app = typer.Typer(no_args_is_help=True, help="Register and revoke camera boxes.")
people_app = typer.Typer(
    no_args_is_help=True, help="Invite people, release accounts, replace lost credentials."
)
audit_app = typer.Typer(no_args_is_help=True, help="Export and check the audit log.")
app.add_typer(devices_app, name="devices")
app.add_typer(people_app, name="people")
app.add_typer(audit_app, name="audit")
recovery_cli.add(app)
FAULT = 1


@app.command("serve")
def serve_command(
    *,
    state: State = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; loopback by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes; several need PostgreSQL.")] = None,
    tls: Annotated[str | None, typer.Option(help="off, local or files.")] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="Name or address in the certificate of --tls local; may be given often."),
    ] = None,
    public_url: Annotated[str | None, typer.Option(help="How browsers and devices reach it.")] = None,
    trusted_proxies: Annotated[
        list[str] | None,
        typer.Option("--trusted-proxy", help="A reverse proxy's address; may be given often."),
    ] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Loopback port for Prometheus.")] = None,
) -> None:
    """Serve until stopped; the first start makes the keys and writes a link for the first administrator."""
    memory.renew()
    given = {"host": host, "port": port, "workers": workers, "metrics_port": metrics_port}
    protected = {"mode": tls, "names": names or None}
    settings = settings_for(
        config,
        state,
        database_url,
        tls={key: value for key, value in protected.items() if value} or None,
        public_url=public_url,
        trusted_proxies=trusted_proxies or None,
        **given,
    )
    ready = serve.prepare(settings)
    typer.echo(f"starting at {ready.settings.url}")
    if ready.link:
        typer.echo(
            f"nobody can sign in yet: the first administrator's link, once and within a day, is in {ready.link}"
        )
    serve.run(ready)


@app.command("certificate")
def certificate_command(
    out: Annotated[Path, typer.Option(help="Folder to write server.pem and server.key to.")],
    names: Annotated[
        list[str], typer.Option("--name", help="Name or address in the certificate; may be given often.")
    ],
    state: State = None,
    config: Config = None,
) -> None:
    """Issue a certificate by the service's own authority, for a reverse proxy in front; good for 397 days."""
    files = serve.proxy_certificate(settings_for(config, state, None), out, names)
    typer.echo(f"{files.certificate} and {files.key} are written")


@app.command("first-link")
def first_link_command(state: State = None, config: Config = None, database_url: DatabaseUrl = None) -> None:
    """Print a new link for the first administrator, while there is nobody; an older one works no more."""
    with Opened(settings_for(config, state, database_url)) as opened:
        path = serve.write_first_link(opened)
        if path is None:
            raise ConflictError("there are people already", hint="Ask an administrator for an invitation.")
        typer.echo(path.read_text().strip())


@app.command("migrate")
def migrate_command(state: State = None, config: Config = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database to the tables that this version needs."""
    settings = settings_for(config, state, database_url)
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.main_database)
    try:
        typer.echo(f"the database is at revision {migrate(database)}")
    finally:
        database.close()


@devices_app.command("add")
def devices_add(
    *,
    device: Annotated[str, typer.Argument(help="The device's id: a-z, 0-9 and hyphen.")],
    registration_id: Annotated[str, typer.Option(help="Registration with the authority (R18).")],
    make: Annotated[str, typer.Option(help="The camera's maker.")],
    model: Annotated[str, typer.Option(help="The camera's model.")],
    location: Annotated[str, typer.Option(help="Where it stands.")],
    agency: Annotated[str, typer.Option(help="Who runs it.")],
    policy_sha256: Annotated[str, typer.Option(help="SHA-256 of the policy document.")],
    camera: Annotated[
        list[str] | None,
        typer.Option(help="Name of a camera, as the unit's configuration has it; may be given often."),
    ] = None,
    installed: Annotated[str | None, typer.Option(help="Day of installation, YYYY-MM-DD; today.")] = None,
    public_url: Annotated[
        str | None, typer.Option(help="How the device reaches the service, where no --config says it.")
    ] = None,
    state: State = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Register a device and print its one-time code, alone and within the string that `alpr-edge setup` takes."""
    registration = Registration(
        device=device,
        registration_id=registration_id,
        make=make,
        model=model,
        installed=date.fromisoformat(installed) if installed else date.today(),  # noqa: DTZ011 - a local day
        location=location,
        agency=agency,
        policy_sha256=policy_sha256,
        cameras=tuple(camera or ()),
    )
    with Opened(settings_for(config, state, database_url, public_url=public_url)) as opened:
        made = invitations.register(opened, registration, "operator")
        typer.echo(f"code: {made.code}")
        typer.echo(f"enrolment string, for `alpr-edge setup`: {made.text}")


@devices_app.command("revoke")
def devices_revoke(
    device: Annotated[str, typer.Argument(help="The device's id.")],
    reason: Annotated[str, typer.Option(help="Why; stands in the log.")],
    state: State = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take nothing from a device any more, and give it no list: it was lost or stolen, or has gone."""
    with Opened(settings_for(config, state, database_url)) as opened:
        registry.revoke(opened, device, "operator", reason)
    typer.echo(f"{device} is revoked: nothing is taken from it any more, and no list is sealed to it")


@people_app.command("invite")
def people_invite(
    roles: Annotated[list[people.Role], typer.Argument(help="One or more roles.")],
    state: State = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print a one-time link for a new person."""
    settings = settings_for(config, state, database_url)
    with Opened(settings) as opened:
        typer.echo(f"{settings.url}/welcome/{people.invite(opened, frozenset(roles), 'operator')}")


@people_app.command("release")
def people_release(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    state: State = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Unlock or re-enable somebody, where no administrator can sign in."""
    with Opened(settings_for(config, state, database_url)) as opened:
        people.release(opened, name, "operator")
    typer.echo(f"{name} can sign in again")


@people_app.command("reset")
def people_reset(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    state: State = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print a one-time link for somebody who lost the password or the telephone."""
    settings = settings_for(config, state, database_url)
    with Opened(settings) as opened:
        typer.echo(f"{settings.url}/reset/{resets.issue(opened, name, 'operator').token}")


@audit_app.command("export")
def audit_export_command(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write it.")],
    state: State = None,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the whole audit log to a file, signed."""
    with Opened(settings_for(config, state, database_url)) as opened, file.open("xb") as out:
        out.writelines(audit_export.export(opened, "operator"))
    typer.echo(f"{file} is written")


@audit_app.command("verify")
def audit_verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An export.")],
    key: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="The service's public key, service.pub.")
    ],
    end: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A device's checkpoint.json or audit-ends.jsonl; may be given often.",
        ),
    ] = None,
) -> None:
    """Check an export without the service; exits 1 when anything was altered, removed or cut off.

    With the signed ends that the devices keep it is also seen when the service has rewritten or cut its own
    history. An export that was made before such an end fails too: export anew.
    """
    ends = [each for path in end or () for each in audit_export.read_ends(path)]
    number = audit_export.verify_file(file, VerifyKey.load(key), ends)
    typer.echo(f"{number} records, unbroken; {len(ends)} signed end(s) from elsewhere lie on them")


@app.command("open")
def open_command(
    spool: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of sealed hits.")],
    key: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The department's private key.")],
    out: Annotated[Path | None, typer.Option(help="Save each hit and its crop in this folder.")] = None,
    device_key: Annotated[
        list[str] | None, typer.Option(help="ID=FILE: a device's verify key; its signatures are checked.")
    ] = None,
) -> None:
    """Open a spool's sealed hits with the department's private key.

    Exits 1 when a file could not be opened.
    """
    known = dict(_device_key(text) for text in device_key or ())
    opened = list(open_spool(spool, SealKey.load(key), known))
    if out is not None:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        for item in opened:
            if item.hit is not None:
                save_opened(item.hit, out)
    Console().print(opened_table(opened))
    if any(item.hit is None for item in opened):
        raise typer.Exit(FAULT)


def _device_key(text: str) -> tuple[str, VerifyKey]:
    """Read ``ID=FILE``.

    Raises:
        typer.BadParameter: it is not of that form.
    """
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise typer.BadParameter("expected ID=FILE", param_hint="--device-key")
    return name, VerifyKey.load(Path(file))


def main() -> None:
    """Run the command line; an operator's error is one sentence and a hint, not a traceback.

    Whatever it writes is its owner's alone, the workers' files too.
    """
    os.umask(0o077)
    try:
        app()
    except (HitonlyError, ApiError) as problem:
        Console(stderr=True).print(f"alpr-api: {problem}", style="bold red", markup=False)
        if problem.hint:
            Console(stderr=True).print(problem.hint, markup=False)
        raise SystemExit(FAULT) from None
    except DatabaseError as problem:
        if not isinstance(problem, OperationalError) and type(problem.orig) is not sqlite3.DatabaseError:
            raise
        said = str(problem.orig).strip().partition("\n")[0]
        Console(stderr=True).print(
            f"alpr-api: the database cannot be used: {said}", style="bold red", markup=False
        )
        raise SystemExit(FAULT) from None


if __name__ == "__main__":
    main()
