"""Bringing a database to the tables this version expects, and refusing to serve on any other."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from api.core.errors import StateError
from api.db.engine import Database

_FOLDER = Path(__file__).parent / "migrations"


def migrate(database: Database) -> str:
    """Run every migration that is still to run; return the revision reached."""
    config = _config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return revision(database)


def revision(database: Database) -> str:
    """Return the database's revision, or empty when it has no tables yet."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def head() -> str:
    """Return the revision that this version needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def check(database: Database) -> None:
    """Refuse a database that this version does not match.

    Raises:
        StateError: it is older or newer; says which command helps.
    """
    expected, found = head(), revision(database)
    if found != expected:
        hint = "Stop the service, make a backup, and run `alpr-api migrate`."
        raise StateError(f"the database is at revision {found or 'none'}; {expected} is needed", hint=hint)


def _config() -> Config:
    """Return Alembic's configuration; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config
