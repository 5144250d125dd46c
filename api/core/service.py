"""What every route works with: settings, databases, keys, clock. Made once by `create_app`."""

from dataclasses import dataclass, field
from datetime import datetime

from api.core import audit
from api.core.audit import Act
from api.core.clock import Now, utc_now
from api.core.lifecycle import Deadlines
from api.core.secrets import Secrets
from api.core.settings import Settings
from api.core.vault import Vault
from api.core.wakeups import Bell
from api.db.engine import Database
from api.db.migrate import check, migrate, revision


@dataclass(frozen=True, slots=True)
class Service:
    """The service's parts.

    Attributes:
        settings: as checked at start.
        database: everything but the hits' keys.
        vault: the hits' keys.
        secrets: the service's own keys.
        now: the clock.
        deadlines: how long a hit may stand in each state.
        bell: rung when a hit has come; open queue pages hear it.
    """

    settings: Settings
    database: Database = field(repr=False)
    vault: Vault = field(repr=False)
    secrets: Secrets = field(repr=False)
    now: Now
    deadlines: Deadlines
    bell: Bell = field(default_factory=Bell, repr=False)

    def record(self, act: Act) -> None:
        """Record an act that changes nothing else, such as a refusal.

        Raises:
            AuditError: it could not be written.
        """
        with self.database.begin() as session:
            audit.append(session, act, self.now())

    def close(self) -> None:
        """Give every connection back."""
        self.database.close()
        self.vault.close()


def open_service(settings: Settings, now: Now = utc_now) -> Service:
    """Load or make the keys, open the databases and check that their tables are this version's.

    A database without any table is a fresh machine's and gets them; an older one is refused.

    Raises:
        StateError: the database is another version's, or the state folder cannot be used.
    """
    secrets = Secrets.prepare(settings.state)
    database = Database(settings.main_database)
    if not revision(database):
        migrate(database)
    check(database)
    return Service(
        settings=settings,
        database=database,
        vault=Vault(settings.keys_database),
        secrets=secrets,
        now=now,
        deadlines=settings.retention.deadlines(),
    )


def month(moment: datetime) -> str:
    """Return the month that a count is kept under: the finest time that stays of a hit."""
    return f"{moment:%Y-%m}"
