"""Alerts to the department's own systems: a signed webhook with a durable queue (docs/service.md).

An alert says that a hit waits, how severe it is and where, always UNVERIFIED; the plate only where the
department turned that on. It is queued in the transaction that stores the hit, and tried again, ever later,
for a day. The queue never holds the plate: it is taken from the hit at each attempt, and an alert whose hit has
ended is withdrawn, so that nothing of a hit outlives it. The address is resolved and judged before each
attempt, and the connection goes to the address that was judged; redirects are not followed.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import logging
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import httpx
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.core import audit
from api.core.audit import Act
from api.core.errors import ApiError, DestroyedError
from api.core.service import Service
from api.core.settings import Webhook
from api.db.models import AlertRow, HitRow
from api.hits import hits
from api.hits.hit_time import Basis
from hitonly_core.canonical import canonical

FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=30)
GIVE_UP: Final = 56
"""Attempts: about a day of them."""
_TIMEOUT: Final = 10
_LEASE: Final = timedelta(seconds=60)
_LOG: Final = logging.getLogger(__name__)
_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_TRANSLATED: Final = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]


class RefusedAddressError(Exception):
    """The webhook's host is at an address that it may not be at."""


def enqueue(session: Session, service: Service, row: HitRow) -> None:
    """Queue an alert about a new hit, in the transaction that stores it; nothing where no webhook is set."""
    if service.settings.webhook is None:
        return
    body: dict[str, object] = {
        "event": "hit.received",
        "id": row.id,
        "status": "UNVERIFIED",
        "hit": row.id,
        "severity": row.severity,
        "match": row.kind,
        "device": row.device,
        "camera": row.camera,
        "captured": row.captured.isoformat(timespec="seconds"),
        "basis": Basis[row.basis],
        "link": f"{service.settings.url}/hits/{row.id}",
    }
    sealed = service.secrets.seal(canonical(body), f"alert:{row.id}")
    session.add(AlertRow(id=row.id, body=sealed, attempts=0, due=row.received))


def deliver(service: Service, resolve: Resolve | None = None) -> int:
    """Try every alert that is due; return how many were delivered."""
    webhook = service.settings.webhook
    if webhook is None:
        return 0
    return sum(_try(service, webhook, identity, resolve or _resolve) for identity in _claim(service))


def _claim(service: Service) -> list[str]:
    """Take what is due for a minute, so that no other worker sends it meanwhile."""
    now = service.now()
    with service.database.begin() as session:
        query = select(AlertRow).where(AlertRow.due <= now).order_by(AlertRow.due).limit(20)
        rows = list(session.scalars(query.with_for_update(skip_locked=True)))
        for row in rows:
            row.due = now + _LEASE
        return [row.id for row in rows]


def _try(service: Service, webhook: Webhook, identity: str, resolve: Resolve) -> bool:
    """Send one alert, and remember how it went."""
    with service.database.read() as session:
        row = session.get(AlertRow, identity)
    if row is None:
        return False
    try:
        body = _body(service, webhook, row)
        sent = _send(webhook, identity, body, resolve, service.now())
    except DestroyedError:
        _settle(service, identity, "withdrawn")
        return False
    except (httpx.HTTPError, OSError, RefusedAddressError) as problem:
        _LOG.warning("an alert was not delivered: %s", type(problem).__name__)
        sent = False
    _settle(service, identity, "delivered" if sent else "")
    return sent


def _body(service: Service, webhook: Webhook, row: AlertRow) -> bytes:
    """Return what is sent; the plate is read from the hit now, where it is wanted at all.

    Raises:
        DestroyedError: the hit has ended.
    """
    body = service.secrets.open(row.body, f"alert:{row.id}")
    with service.database.read() as session:
        hit = hits.get(session, UUID(row.id))
        if not webhook.with_plate:
            return body
        plate = hits.contents(service, hit).matches[0].entry.plate
    return canonical({**json.loads(body), "listed_plate": plate})


def _settle(service: Service, identity: str, end: str) -> None:
    """Drop an alert that has ended, and say how; set another's next attempt, or give it up."""
    now = service.now()
    with service.database.begin() as session:
        row = session.get(AlertRow, identity, with_for_update=True)
        if row is None:
            return
        row.attempts += 1
        end = end or ("given up" if row.attempts >= GIVE_UP else "")
        if end:
            session.delete(row)
            audit.append(session, Act("service", "alert.send", f"alert:{identity}", result=end), now)
            return
        row.due = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(row.attempts, 12))


def _send(webhook: Webhook, identity: str, body: bytes, resolve: Resolve, now: datetime) -> bool:
    """Post one alert to the judged address; whether it was taken.

    Raises:
        RefusedAddressError: the host is at an address that it may not be at.
        httpx.HTTPError: it cannot be reached.
    """
    parts = urlsplit(webhook.url)
    host = parts.hostname or ""
    address = judged(webhook, resolve(host, parts.port or (443 if parts.scheme == "https" else 80)))
    literal = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IPv6
    place = f"{literal}:{parts.port}" if parts.port else literal
    seconds = str(int(now.timestamp()))
    headers = {
        "Host": parts.netloc.rpartition("@")[2],
        "Content-Type": "application/json",
        "Hitonly-Event-Id": identity,
        "Idempotency-Key": identity,
        "Hitonly-Timestamp": seconds,
        "Hitonly-Signature": sign(webhook.secret, seconds, body),
    }
    url = urlunsplit((parts.scheme, place, parts.path or "/", parts.query, ""))
    return asyncio.run(_post(url, body, headers, host))


async def _post(url: str, body: bytes, headers: dict[str, str], host: str) -> bool:
    """Post, and look at the status alone: not a byte of the answer's body is read, and it has one deadline.

    Raises:
        TimeoutError: no whole header came in time.
        httpx.HTTPError: it cannot be reached.
    """
    async with (
        asyncio.timeout(_TIMEOUT),
        httpx.AsyncClient(follow_redirects=False, timeout=_TIMEOUT, trust_env=False) as client,
        client.stream(
            "POST", url, content=body, headers=headers, extensions={"sni_hostname": host}
        ) as answer,
    ):
        return answer.is_success


def sign(secret: str, seconds: str, body: bytes) -> str:
    """Return the signature header: HMAC-SHA256 over the timestamp, a dot and the body."""
    mac = hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def judged(webhook: Webhook, found: list[str]) -> Address:
    """Return the address to connect to; every one the name has must be allowed.

    Raises:
        RefusedAddressError: one is private and not allowed, or it is plain HTTP to a public one.
    """
    addresses = [_inner(ipaddress.ip_address(text.partition("%")[0])) for text in found]
    allowed = [ipaddress.ip_network(text) for text in webhook.allow_private]
    for address in addresses:
        listed = any(address in network for network in allowed)
        public = _is_public(address) and webhook.url.startswith("https://")
        if not (listed or public):
            raise RefusedAddressError("the webhook's host is at an address that is not allowed")
    if not addresses:
        raise RefusedAddressError("the webhook's host has no address")
    return addresses[0]


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one only wraps: mapped ones lead to the IPv4 network."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_public(address: Address) -> bool:
    """Whether an address is one host's on the public network, and no way into another one.

    IPv6 has public hosts only in 2000::/3; 6to4 and Teredo stand in it and lead to any IPv4 address, as NAT64
    (64:ff9b::/96 and 64:ff9b:1::/48) does outside of it.
    """
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    return address in _UNICAST and not any(address in network for network in _TRANSLATED)


def _resolve(host: str, port: int) -> list[str]:
    """Return a host's addresses."""
    return [str(item[4][0]) for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Messenger(threading.Thread):
    """Calls `deliver` every second, until stopped."""

    def __init__(self, service: Service) -> None:
        super().__init__(name="alerts", daemon=True)
        self._service = service
        self._stopped = threading.Event()

    def run(self) -> None:
        """Work until stopped."""
        while not self._stopped.wait(1.0):
            try:
                deliver(self._service)
            except (SQLAlchemyError, ApiError) as problem:
                _LOG.warning("alerts wait: %s", type(problem).__name__)

    def stop(self) -> None:
        """Stop, and wait for the attempt in progress."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=_TIMEOUT + 2)
