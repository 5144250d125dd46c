"""Numbers for Prometheus, on a port of their own that only this machine can reach.

Everything is read from the database when it is asked for, so the numbers are the same with any number of
worker processes. No label names a plate, a person or a hit.
"""

import threading
from collections.abc import Iterable
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.core.service import Service
from api.db.models import AlertRow, AuditRow, CountRow, DeviceRow, EntryRow, HitRow, ListRow, StatementRow
from api.devices.heartbeats import Health, health

LOOPBACK: Final = "127.0.0.1"
_LIST_AGE: Final = "Time since the newest version was published, or stated to be current"


class ServiceCollector(Collector):
    """Reads the service's numbers at each scrape."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        with self._service.database.read() as session:
            yield from self._hits(session)
            yield from self._devices(session)
            yield from self._list(session)
            yield _gauge("hitonly_audit_records", "Records of the audit log", _count(session, AuditRow))
            cut = float(bool(self._service.high_water.problem(self._service.database)))
            yield _gauge(
                "hitonly_audit_cut", "Whether the audit log does not continue its kept end: 1 if so", cut
            )
            yield _gauge("hitonly_alerts_waiting", "Alerts not delivered yet", _count(session, AlertRow))

    def _hits(self, session: Session) -> Iterable[Metric]:
        """Yield the hits by state, the oldest pending one, and the counts of what became of them."""
        states = GaugeMetricFamily("hitonly_hits", "Hits in the store, by state", labels=["state"])
        for state, number in session.execute(select(HitRow.state, func.count()).group_by(HitRow.state)):
            states.add_metric([state], number)
        yield states
        oldest = session.scalar(select(func.min(HitRow.received)).where(HitRow.state == "pending"))
        age = (self._service.now() - oldest).total_seconds() if oldest else 0.0
        yield _gauge("hitonly_oldest_pending_seconds", "Age of the oldest unreviewed hit", age)
        events = CounterMetricFamily("hitonly_events", "What became of hits and reads", labels=["what"])
        query = select(CountRow.what, func.sum(CountRow.n)).group_by(CountRow.what).order_by(CountRow.what)
        for what, number in session.execute(query):
            events.add_metric([what], float(number))
        yield events

    def _devices(self, session: Session) -> Iterable[Metric]:
        """Yield how many devices do how."""
        found = dict.fromkeys(Health, 0)
        for row in session.scalars(select(DeviceRow)):
            found[health(row, self._service.now())] += 1
        family = GaugeMetricFamily("hitonly_devices", "Devices, by how they do", labels=["health"])
        for state, number in found.items():
            family.add_metric([state], number)
        yield family

    def _list(self, session: Session) -> Iterable[Metric]:
        """Yield the hot list's size, version and age."""
        newest = session.scalar(select(ListRow).order_by(ListRow.version.desc()).limit(1))
        stated = session.get(StatementRow, newest.version) if newest else None
        fresh = max(newest.published, stated.issued if stated else newest.published) if newest else None
        age = (self._service.now() - fresh).total_seconds() if fresh else 0.0
        yield _gauge("hitonly_list_entries", "Entries in force", _count(session, EntryRow))
        yield _gauge("hitonly_list_version", "Newest published version", newest.version if newest else 0)
        yield _gauge("hitonly_list_age_seconds", _LIST_AGE, age)


def start_metrics(service: Service, port: int) -> tuple[WSGIServer, threading.Thread]:
    """Serve the metrics on loopback until the returned server is shut down."""
    registry = CollectorRegistry()
    registry.register(ServiceCollector(service))
    return start_http_server(port, addr=LOOPBACK, registry=registry)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _count(session: Session, table: type[AuditRow | AlertRow | EntryRow]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0
