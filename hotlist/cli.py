"""``alpr-hotlist``: the department's hot list, written by two people, signed, and sealed to its boxes."""

import sqlite3
import sys

import typer

from hitonly_core.errors import HitonlyError
from hitonly_core.version_option import add_version
from hotlist.commands import desk, entries, files, lists, people
from hotlist.commands.common import EPILOG, err, say_workbook_trouble
from hotlist.errors import Exit, HotListError

app = typer.Typer(
    help="Write, approve, sign and publish a hot list. Nothing here talks to a network.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    epilog=EPILOG,
)
add_version(app, "alpr-hotlist")
app.command()(people.keygen)
app.command()(people.init)
app.command()(people.trust)
app.command()(entries.add)
app.command()(entries.edit)
app.command()(entries.cancel)
app.command()(entries.approve)
app.command()(entries.show)
app.command("import")(files.import_file)
app.command("export")(files.export_file)
app.command()(lists.sign)
app.command()(desk.countersign)
app.command()(lists.verify)
app.command()(lists.diff)
app.command()(lists.cost)


def main() -> None:
    """Run the command line; every expected failure is one clear line and its documented exit code."""
    try:
        app()
    except HitonlyError as problem:
        err.print(f"alpr-hotlist: {problem}", markup=False)
        if problem.hint:
            err.print(f"  {problem.hint}", markup=False)
        sys.exit(problem.exit_code if isinstance(problem, HotListError) else Exit.KEY)
    except sqlite3.DatabaseError as found:
        sys.exit(say_workbook_trouble(found))
