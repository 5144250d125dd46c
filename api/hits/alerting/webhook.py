"""An alert to a webhook: one POST, signed in our own way and as Standard Webhooks does (docs/service.md).

The address is resolved and judged before each attempt, and the connection goes to the address that was judged;
redirects are not followed, and not a byte of the answer's body is read.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from api.core.alert_targets import STANDARD_PREFIX, Webhook
from api.hits.alerting.message import RefusedError

_TIMEOUT: Final = 10
_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_TRANSLATED: Final = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]


class RefusedAddressError(Exception):
    """The webhook's host is at an address that it may not be at."""


def send(webhook: Webhook, identity: str, body: bytes, now: datetime, resolve: Resolve | None = None) -> None:
    """Post one alert to the judged address.

    Raises:
        RefusedAddressError: the host is at an address that it may not be at.
        RefusedError: it answered with an error.
        httpx.HTTPError: it cannot be reached.
        OSError: its name cannot be resolved, or no answer came in time.
    """
    parts = urlsplit(webhook.url)
    host = parts.hostname or ""
    address = judged(
        webhook, (resolve or _resolve)(host, parts.port or (443 if parts.scheme == "https" else 80))
    )
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
        "webhook-id": identity,
        "webhook-timestamp": seconds,
        "webhook-signature": sign_standard(webhook.secret, identity, seconds, body),
    }
    url = urlunsplit((parts.scheme, place, parts.path or "/", parts.query, ""))
    status = asyncio.run(_post(url, body, headers, host))
    if not httpx.codes.is_success(status):
        raise RefusedError(f"it answered with status {status}")


async def _post(url: str, body: bytes, headers: dict[str, str], host: str) -> int:
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
        return answer.status_code


def sign(secret: str, seconds: str, body: bytes) -> str:
    """Return the signature header: HMAC-SHA256 over the timestamp, a dot and the body."""
    mac = hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def sign_standard(secret: str, identity: str, seconds: str, body: bytes) -> str:
    """Return the signature of Standard Webhooks, over id, timestamp and body with dots between.

    A secret that begins with `whsec_` is base64, as that specification has it; any other is taken as it is.
    """
    coded = secret.startswith(STANDARD_PREFIX)
    key = base64.b64decode(secret.removeprefix(STANDARD_PREFIX)) if coded else secret.encode()
    signed = f"{identity}.{seconds}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


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
