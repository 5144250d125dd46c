"""Taking turns over several worker processes, until the transaction ends.

SQLite needs no lock of its own: every transaction that writes begins with ``BEGIN IMMEDIATE`` (api/db/engine.py),
so there is one writer at a time. PostgreSQL takes an advisory lock. Who takes both takes the list's first.
"""

from enum import IntEnum

from sqlalchemy import text
from sqlalchemy.orm import Session


class Turn(IntEnum):
    """What is done by one at a time; the number is PostgreSQL's key, "hitonly" in ASCII and the one after it."""

    LOG = 0x68_69_74_6F_6E_6C_79
    """Appending to the audit log."""
    LIST = 0x68_69_74_6F_6E_6C_7A
    """Making a version of the hot list, or the word that one is current."""


def take_turn(session: Session, turn: Turn) -> None:
    """Wait until nobody else does this, in a transaction that writes; what they committed is then seen.

    Raises:
        OperationalError: PostgreSQL: somebody held it for longer than `lock_timeout`.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": int(turn)})
