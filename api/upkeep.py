"""Letting go: what is due is destroyed, whether anybody looks or not; runs every second in each worker."""

import logging
import threading
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select

from api.accounts import sessions
from api.accounts.looks import LOOK_BACK
from api.core import memory, rate_limits
from api.core.errors import StateError
from api.core.service import Service
from api.db.models import DeviceCodeRow, EntryRow, HitRow, InvitationRow, LookupRow
from api.devices import registry
from api.hits import hits
from api.web import idempotency

EVERY: Final = timedelta(seconds=1)
_ROUNDS_BETWEEN_CLEANING: Final = 60
_ROUNDS_BETWEEN_FREEING: Final = 10
_LOG: Final = logging.getLogger(__name__)


def expire(service: Service) -> int:
    """End every hit whose deadline, or legal hold, has passed; return how many."""
    now = service.hit_now()
    with service.database.read() as session:
        due = list(session.execute(select(HitRow.id, HitRow.hold).where(HitRow.deadline <= now)))
    return sum(_end(service, row.id) for row in due)


def _end(service: Service, hit: str) -> bool:
    """End one hit that is due; one that cannot be ended now keeps no other. Return whether it was ended."""
    try:
        return hits.expire_if_due(service, UUID(hit))
    except Exception as problem:  # noqa: BLE001 - a row that was altered, a full disk: the next round tries again
        _LOG.error("a hit that is due could not be ended: %s", type(problem).__name__)
        return False


def clean(service: Service) -> None:
    """Drop what is no longer needed: nonces, ended sessions, old codes and look-ups, expired entries, lone keys."""
    now = service.now()
    with service.database.begin() as session:
        registry.forget_nonces(session, now)
        sessions.forget_ended(session, now, service.settings.staffed)
        idempotency.forget(session, now)
        session.execute(delete(EntryRow).where(EntryRow.expires <= now))
        rate_limits.forget_rates(session, now)
        session.execute(delete(LookupRow).where(LookupRow.at <= now - LOOK_BACK))
        session.execute(delete(DeviceCodeRow).where(DeviceCodeRow.expires <= now))
        session.execute(delete(InvitationRow).where(InvitationRow.expires <= now))
        live = hits.live(session)
    service.vault.sweep(live, now)


class Sweeper(threading.Thread):
    """Calls `expire`, keeps the log's end and cuts SQLite's log every second, `clean` every minute, until stopped.

    A round that fails is tried again in the next; what was due is then still due.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(name="retention", daemon=True)
        self._service = service
        self._stopped = threading.Event()
        self._said = ""

    def run(self) -> None:
        """Work until stopped."""
        rounds = 0
        while not self._stopped.wait(EVERY.total_seconds()):
            try:
                expire(self._service)
                if rounds % _ROUNDS_BETWEEN_CLEANING == 0:
                    clean(self._service)
                rounds += 1
                self._service.note_end()
                self._service.database.forget_old_pages()
                if rounds % _ROUNDS_BETWEEN_FREEING == 0:
                    memory.let_go()
                self._said = ""
            except StateError as problem:
                if self._said != str(problem):  # once, not every second
                    _LOG.error("%s", problem)
                self._said = str(problem)
            except Exception as problem:  # noqa: BLE001 - this thread is what destroys: it outlives whatever fails
                _LOG.warning("a round of retention failed: %s", type(problem).__name__)

    def stop(self) -> None:
        """Stop, and wait for the round in progress."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=10)
