"""The durable queue of alerts, and whoever works it off (docs/service.md).

An alert says that a hit waits, how severe it is and where, always UNVERIFIED; the plate only where the
department turned that on for a target. It is queued for each target that takes the hit, in the transaction that
stores the hit, and tried again, ever later, for a day. The queue never holds the plate: it is taken from the hit
at each attempt, and an alert whose hit has ended is withdrawn, so that nothing of a hit outlives it. Each target
has a thread of its own: one that is slow or dead keeps no other waiting.
"""

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import httpx
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.core import audit
from api.core.alert_targets import Email, Mqtt, Target, Webhook
from api.core.audit import Act
from api.core.errors import ApiError, DestroyedError
from api.core.service import Service
from api.db.models import AlertRow, HitRow
from api.hits import hits
from api.hits.alerting import mail, mqtt, webhook
from api.hits.alerting.message import UNVERIFIED, RefusedError, body_of_test, to_bytes
from api.hits.alerting.webhook import RefusedAddressError, Resolve
from api.hits.hit_time import Basis
from api.hits.watch import watch
from api.lists.entry_status import current_entry
from hitonly_core.canonical import canonical

FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=30)
GIVE_UP: Final = 56
"""Attempts: about a day of them."""
_LEASE: Final = timedelta(seconds=60)
_HEALTH: Final = timedelta(seconds=60)
_STOPPING: Final = 12
_LOG: Final = logging.getLogger(__name__)
Failure = httpx.HTTPError, OSError, RefusedAddressError, RefusedError
"""What a target can do to an alert; tried again."""


def enqueue(session: Session, service: Service, row: HitRow) -> None:
    """Queue an alert about a new hit for each target that takes it, in the transaction that stores the hit."""
    body: dict[str, object] = {
        "event": "hit.received",
        "id": row.id,
        "status": UNVERIFIED,
        "hit": row.id,
        "severity": row.severity,
        "match": row.kind,
        "device": row.device,
        "camera": row.camera,
        "place": row.place,
        "captured": row.captured.isoformat(timespec="seconds"),
        "basis": Basis[row.basis],
        "link": f"{service.settings.url}/hits/{row.id}",
    }
    for target in service.settings.alerts:
        if target.takes(row.severity, row.source, row.camera):
            sealed = service.secrets.seal(canonical(body), _label(row.id, target.name))
            session.add(AlertRow(id=row.id, target=target.name, body=sealed, attempts=0, due=row.received))


def deliver(service: Service, resolve: Resolve | None = None) -> int:
    """Try every alert that is due, of every target; return how many were delivered."""
    return sum(deliver_to(service, target, resolve) for target in service.settings.alerts)


def deliver_to(service: Service, target: Target, resolve: Resolve | None = None) -> int:
    """Try every alert that is due for one target; return how many were delivered."""
    return sum(_try(service, target, identity, resolve) for identity in _claim(service, target))


def send_test(service: Service, target: Target, actor: str) -> str:
    """Send a test to one target now; return what went wrong, empty where it arrived. Recorded."""
    identity = str(uuid4())
    problem = ""
    try:
        _send(target, identity, body_of_test(identity, service.settings.url), service.now(), None)
    except Failure as failure:
        problem = reason(failure)
    service.record(
        Act(actor, "alert.test", f"alert-target:{target.name}", result=problem[:80] or "delivered")
    )
    return problem


def reason(failure: BaseException) -> str:
    """Say in words why a target did not take an alert."""
    if isinstance(failure, RefusedError | RefusedAddressError):
        return str(failure)
    if isinstance(failure, TimeoutError | httpx.TimeoutException):
        return "no answer came in time"
    if "certificate" in str(failure).lower():
        return "its certificate is not one that is trusted"
    return f"it cannot be reached ({type(failure).__name__})"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one target does: how many alerts wait for it, and how often the one that was tried most was tried."""

    target: Target
    waiting: int
    attempts: int


def standings(service: Service) -> list[Standing]:
    """Return how each target does."""
    query = select(AlertRow.target, func.count(), func.max(AlertRow.attempts)).group_by(AlertRow.target)
    with service.database.read() as session:
        found = {target: (number, attempts) for target, number, attempts in session.execute(query)}
    return [Standing(target, *found.get(target.name, (0, 0))) for target in service.settings.alerts]


def drop_unknown(service: Service) -> None:
    """Withdraw what waits for a target that is no longer set: nothing else would ever end it."""
    names = [target.name for target in service.settings.alerts]
    with service.database.begin() as session:
        session.execute(delete(AlertRow).where(AlertRow.target.not_in(names)))


def _label(hit: str, target: str) -> str:
    return f"alert:{hit}:{target}"


def _claim(service: Service, target: Target) -> list[str]:
    """Take what is due for a minute, so that no other worker sends it meanwhile."""
    now = service.now()
    with service.database.begin() as session:
        query = (
            select(AlertRow)
            .where(AlertRow.target == target.name, AlertRow.due <= now)
            .order_by(AlertRow.due)
            .limit(5)
        )
        rows = list(session.scalars(query.with_for_update(skip_locked=True)))
        for row in rows:
            row.due = now + _LEASE
        return [row.id for row in rows]


def _try(service: Service, target: Target, identity: str, resolve: Resolve | None) -> bool:
    """Send one alert, and remember how it went."""
    with service.database.read() as session:
        row = session.get(AlertRow, (identity, target.name))
    if row is None:
        return False
    try:
        _send(target, identity, _body(service, target, row), service.now(), resolve)
    except DestroyedError:
        _settle(service, target, identity, "withdrawn")
        return False
    except Failure as problem:
        _LOG.warning("an alert was not delivered to %s: %s", target.name, type(problem).__name__)
        _settle(service, target, identity, "")
        return False
    _settle(service, target, identity, "delivered")
    return True


def _send(
    target: Target, identity: str, body: dict[str, object], now: datetime, resolve: Resolve | None
) -> None:
    """Send by the target's way."""
    if isinstance(target, Webhook):
        webhook.send(target, identity, to_bytes(body), now, resolve)
    elif isinstance(target, Email):
        mail.send(target, identity, body, now)
    else:
        mqtt.send(target, [mqtt.alert(target, body)])


def _body(service: Service, target: Target, row: AlertRow) -> dict[str, object]:
    """Return what is sent; the plate is read from the hit now, where it is wanted at all and still listed.

    Raises:
        DestroyedError: the hit has ended.
    """
    body: dict[str, object] = json.loads(service.secrets.open(row.body, _label(row.id, row.target)))
    with service.database.read() as session:
        hit = hits.get(session, UUID(row.id))
        if not target.with_plate:
            return body
        entry = current_entry(session, hits.contents(service, hit).matches[0].entry, service.now())
    return body if entry is None else {**body, "listed_plate": entry.plate}


def _settle(service: Service, target: Target, identity: str, end: str) -> None:
    """Drop an alert that has ended, and say how; set another's next attempt, or give it up."""
    now = service.now()
    with service.database.begin() as session:
        row = session.get(AlertRow, (identity, target.name), with_for_update=True)
        if row is None:
            return
        row.attempts += 1
        end = end or ("given up" if row.attempts >= GIVE_UP else "")
        if end:
            session.delete(row)
            detail: dict[str, str | int] = {"target": target.name}
            act = Act("service", "alert.send", f"alert:{identity}", result=end, detail=detail)
            audit.append(session, act, now)
            return
        row.due = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(row.attempts, 12))


class Messenger(threading.Thread):
    """Calls `deliver_to` for one target every second, and tells its health where that is wanted, until stopped."""

    def __init__(self, service: Service, target: Target) -> None:
        super().__init__(name=f"alerts-{target.name}", daemon=True)
        self._service = service
        self._target = target
        self._stopped = threading.Event()
        self._healthy_until: datetime | None = None

    def run(self) -> None:
        """Work until stopped."""
        while not self._stopped.wait(1.0):
            try:
                deliver_to(self._service, self._target)
                self._tell_health()
            except (SQLAlchemyError, ApiError) as problem:
                _LOG.warning("alerts wait: %s", type(problem).__name__)

    def _tell_health(self) -> None:
        """Tell a broker that wants it how the system does, once a minute."""
        now = self._service.now()
        wanted = isinstance(self._target, Mqtt) and self._target.discovery
        if not wanted or (self._healthy_until is not None and now < self._healthy_until):
            return
        self._healthy_until = now + _HEALTH
        tell_health(self._service, [self._target])

    def stop(self) -> None:
        """Ask it to stop, and wait for the attempt in progress."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=_STOPPING)


def tell_health(service: Service, targets: Sequence[Target]) -> None:
    """Tell brokers how the system does; one that cannot be reached is told again in a minute."""
    for target in targets:
        if not isinstance(target, Mqtt):
            continue
        try:
            mqtt.send(target, mqtt.health(target, watch(service)))
        except Failure as problem:
            _LOG.warning("health was not told to %s: %s", target.name, type(problem).__name__)
