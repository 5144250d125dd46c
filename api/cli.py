"""``alpr-api``: the department's service on the command line."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.opening import Opened, open_spool, save_opened
from hotlist.errors import HotListError
from hotlist.keys import SealKey, VerifyKey

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
USAGE = 2
FAULT = 1


@app.callback()
def service() -> None:
    """Receive sealed hits, let people review them, and let go of them."""


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
    devices = dict(_device_key(text) for text in device_key or ())
    opened = list(open_spool(spool, SealKey.load(key), devices))
    if out is not None:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        for item in opened:
            if item.hit is not None:
                save_opened(item.hit, out)
    Console().print(_table(opened))
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


def _table(opened: list[Opened]) -> Table:
    """Return the opened hits as a table; each one says that nobody has confirmed it."""
    table = Table(title=f"{sum(item.hit is not None for item in opened)} sealed hit(s) opened, UNVERIFIED")
    for heading in ("captured (UTC)", "camera", "read", "listed", "match", "probability", "device signature"):
        table.add_column(heading)
    for item in opened:
        if item.hit is None:
            table.add_row(item.name, "", "", "", f"not opened: {item.problem}", "", "")
            continue
        hit, best = item.hit, item.hit.matches[0]
        table.add_row(
            f"{hit.captured:%Y-%m-%d %H:%M:%S}",
            hit.camera,
            f"{hit.plate_read} {hit.region_read}".strip(),
            f"{best.entry.plate} {best.entry.region}".strip(),
            best.kind.value + (", ambiguous" if best.ambiguous else ""),
            f"{best.probability:.4f}",
            "good" if item.signed else "not checked",
        )
    return table


def main() -> None:
    """Run the command line; an operator's error is one sentence and a hint, not a traceback."""
    try:
        app()
    except HotListError as problem:
        Console(stderr=True).print(f"alpr-api: {problem}", style="bold red", markup=False)
        if problem.hint:
            Console(stderr=True).print(problem.hint, markup=False)
        raise SystemExit(FAULT) from None
