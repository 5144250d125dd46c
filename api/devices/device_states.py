"""What is known of each device, for the page and the JSON route alike."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.core.counts import REFUSED_LIST
from api.core.errors import AbsentError
from api.core.service import Service
from api.db.models import CountRow, DeviceRow
from api.devices.heartbeats import Hardening, Health, faults, hardening, health

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class DeviceState:
    """One device.

    Attributes:
        id: its name.
        health: how it does.
        registration: what the law asks of it (R18).
        enrolled: when it was.
        heard: when it last sent a heartbeat.
        said: what it said of itself then.
        noted: what was found in its receipts, or empty.
        refused: how often a hit of it was refused for its hot list.
        contradicted: how the audit log contradicts what this service signed for it, or empty.
        faults: what is wrong, in its own words.
        hardening: further protections that its system does not give it; no fault.
    """

    id: str
    health: Health
    registration: dict[str, Any]
    enrolled: datetime
    heard: datetime | None
    said: dict[str, Any]
    noted: str
    refused: int
    since: dict[str, datetime]
    contradicted: str
    faults: list[str]
    hardening: list[Hardening]


def states(service: Service, after: str = "", limit: int = PAGE) -> list[DeviceState]:
    """Return devices after an id, in the order of their ids."""
    now = service.now()
    with service.database.read() as session:
        query = select(DeviceRow).where(DeviceRow.id > after).order_by(DeviceRow.id).limit(limit)
        rows = list(session.scalars(query))
        refused = _refused(session, [row.id for row in rows])
        return [_state(row, now, refused.get(row.id, 0)) for row in rows]


def state(service: Service, device: str) -> DeviceState:
    """Return one device.

    Raises:
        AbsentError: there is no device of that id.
    """
    with service.database.read() as session:
        row = session.get(DeviceRow, device)
        if row is None:
            raise AbsentError("there is no device of that id")
        return _state(row, service.now(), _refused(session, [device]).get(device, 0))


def _refused(session: Session, ids: list[str]) -> dict[str, int]:
    """Return how often a hit of each device was refused for its list."""
    query = select(CountRow.device, func.sum(CountRow.n)).where(
        CountRow.what == REFUSED_LIST, CountRow.device.in_(ids)
    )
    return {device: int(number) for device, number in session.execute(query.group_by(CountRow.device))}


def _state(row: DeviceRow, now: datetime, refused: int) -> DeviceState:
    return DeviceState(
        id=row.id,
        health=health(row, now),
        registration=row.registration,
        enrolled=row.enrolled,
        heard=row.heard,
        said={"software": "", "list_version": 0, "cameras": {}, "degraded": [], **(row.heartbeat or {})},
        since={
            name: datetime.fromisoformat(at) for name, at in (row.heartbeat or {}).get("since", {}).items()
        },
        noted=row.chain_broken or row.chain_noted or "",
        refused=refused,
        contradicted=row.log_contradicted or "",
        faults=faults(row.heartbeat or {}),
        hardening=hardening(row.heartbeat or {}),
    )
