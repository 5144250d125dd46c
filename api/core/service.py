"""What every route works with: settings, databases, keys, clock. Made once by `create_app`."""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from api.core import audit
from api.core.audit import Act
from api.core.clock import Boot, Now, RetentionClock, boot_ns, utc_now
from api.core.errors import ApiError, StateError
from api.core.high_water import HighWater
from api.core.lifecycle import Deadlines
from api.core.secrets import Secrets
from api.core.settings import Settings
from api.core.vault import Vault
from api.core.wakeups import Bell
from api.db.engine import Database
from api.db.migrate import check, migrate, revision

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """The service's parts.

    Attributes:
        settings: as checked at start.
        database: everything but the hits' keys.
        vault: the hits' keys.
        secrets: the service's own keys.
        now: the clock.
        hit_now: the time that hits end by; it never runs back (R19).
        high_water: the newest end of the audit log, outside the database.
        deadlines: how long a hit may stand in each state.
        bell: rung when a hit has come; open queue pages hear it.
    """

    settings: Settings
    database: Database = field(repr=False)
    vault: Vault = field(repr=False)
    secrets: Secrets = field(repr=False)
    now: Now
    hit_now: Now
    high_water: HighWater = field(repr=False)
    deadlines: Deadlines
    bell: Bell = field(default_factory=Bell, repr=False)

    def record(self, act: Act) -> None:
        """Record an act that changes nothing else, such as a refusal.

        Raises:
            AuditError: it could not be written.
        """
        with self.database.begin() as session:
            audit.append(session, act, self.now())

    def note_end(self) -> None:
        """Keep the log's newest end, and the time that hits end by, outside the database.

        Raises:
            StateError: the log is not the one that this service wrote, or the disk refuses.
            AuditError: rows of the log are missing.
        """
        self.high_water.advance(self.database, self.now(), self.hit_now())

    def close(self) -> None:
        """Keep the log's end, and give every connection back."""
        try:
            self.note_end()
        except (ApiError, SQLAlchemyError) as problem:
            _LOG.error(
                "the log's end was not kept: %s", problem if isinstance(problem, ApiError) else "database"
            )
        self.database.close()
        self.vault.close()


def open_service(
    settings: Settings, now: Now = utc_now, boot: Boot = boot_ns, *, restored: bool = False
) -> Service:
    """Load or make the keys, open the databases and check that their tables are this version's.

    A database without any table is a fresh machine's and gets them; an older one is refused. So is one whose
    audit log does not continue the end that this service kept: an old file put back, or a log cut off.

    Args:
        settings: checked settings.
        now: the wall clock.
        boot: the clock that never steps.
        restored: open a restored database all the same, for the one command that accepts it.

    Raises:
        StateError: the database is another version's or an older one put back, or the state folder cannot be used.
    """
    secrets = Secrets.prepare(settings.state)
    database = Database(settings.main_database)
    if not revision(database):
        migrate(database)
    check(database)
    high_water = HighWater(settings.state, secrets.service)
    if not restored and (problem := high_water.problem(database)):
        database.close()
        hint = (
            "Put the newest database back. If it is lost and you restored a backup on purpose, "
            "`alpr-api accept-restore` records that and lets the service start."
        )
        raise StateError(f"the database is not the one this service wrote last: {problem}", hint=hint)
    kept = None if restored else high_water.read()
    service = Service(
        settings=settings,
        database=database,
        vault=Vault(settings.keys_database),
        secrets=secrets,
        now=now,
        hit_now=RetentionClock(now, boot, kept.clock if kept else None),
        high_water=high_water,
        deadlines=settings.retention.deadlines(),
    )
    if kept is None and not restored:
        service.note_end()
    return service


def month(moment: datetime) -> str:
    """Return the month that a count is kept under: the finest time that stays of a hit."""
    return f"{moment:%Y-%m}"
