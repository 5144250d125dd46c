"""Triggers that refuse to alter or remove a table's rows: a second guard beside the hash chain (R12)."""

from sqlalchemy import Connection, text


def protect(connection: Connection, table: str) -> None:
    """Make a table append-only for everybody who does not drop the trigger first."""
    for statement in _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE:
        connection.execute(text(statement.replace("TABLE_NAME", table)))


def unprotect(connection: Connection, table: str) -> None:
    """Take the triggers off again."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))
        connection.execute(text(f"DROP FUNCTION {table}_refuse"))
        return
    for name in ("update", "delete"):
        connection.execute(text(f"DROP TRIGGER {table}_no_{name}"))


_SQLITE = tuple(
    f"CREATE TRIGGER TABLE_NAME_no_{act} BEFORE {act.upper()} ON TABLE_NAME "
    "BEGIN SELECT RAISE(ABORT, 'TABLE_NAME is append-only'); END"
    for act in ("update", "delete")
)
_POSTGRES = (
    (
        "CREATE FUNCTION TABLE_NAME_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'TABLE_NAME is append-only'; END $$"
    ),
    (
        "CREATE TRIGGER TABLE_NAME_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON TABLE_NAME "
        "FOR EACH STATEMENT EXECUTE FUNCTION TABLE_NAME_refuse()"
    ),
)
