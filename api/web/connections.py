"""The listener's connections, bounded: half-open ones are the first to go, and nobody who is served is put out.

A connection waits (TLS handshake, header, body, idle between requests) or is served (its whole request is
here). Only a waiting one is ever ended from here: when it has waited too long, or when there is no room for a
new one. Then the one that has waited longest goes, of the address with the most, and before those that have
been served before. So a stranger's thousand half-open requests push each other out, and a reviewer or a unit
needs only the moment that its own request takes, from the same address too.
"""

import asyncio
import contextlib
import resource
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from api.core.rate_limits import network

HANDSHAKE_S: Final = 10
WAIT_S: Final = 40.0
"""A connection may wait so long for one whole request; a body has a deadline of its own (api/web/security.py)."""
UNANSWERED_MS: Final = 30_000
"""A peer that acknowledges nothing for so long is gone (TCP_USER_TIMEOUT)."""
MOST: Final = 4096
MOST_OF_ONE: Final = 512
_OWN_FILES: Final = 192
"""Descriptors kept for databases, logs, certificates and connections that are on their way out."""
_ON_THE_WAY_OUT: Final = 64
_WANTED_FILES: Final = 65_536


@dataclass(slots=True)
class _Held:
    """One open connection."""

    sock: socket.socket
    address: str
    since: float
    waiting: bool = True
    served: bool = False
    ended: bool = False


@dataclass(slots=True)
class Gate:
    """Which connections are open, and which must go.

    Args:
        most: connections at once, over all addresses.
        most_of_one: of one address.
        now: a clock in seconds that never steps back.
    """

    most: int
    most_of_one: int = MOST_OF_ONE
    now: Callable[[], float] = time.monotonic
    _held: dict[tuple[str, int], _Held] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def room(self) -> bool:
        """Whether another connection may be accepted now, or those that are ended must close first."""
        return len(self._held) < self.most + _ON_THE_WAY_OUT

    def enter(self, sock: socket.socket, peer: tuple[str, int]) -> bool:
        """Take a new connection; False where it must be closed at once."""
        with self._lock:
            address = network(peer[0])
            mine = [held for held in self._alive() if held.address == address]
            if len(mine) >= self.most_of_one and not self._end_one(mine):
                return False
            alive = self._alive()
            if len(alive) >= self.most and not self._end_one(alive):
                return False
            self._held[peer] = _Held(sock, address, self.now())
            return True

    def serve(self, peer: tuple[str, int]) -> bool:
        """Say that a whole request is here: the connection is not ended before its answer."""
        with self._lock:
            held = self._held.get(peer)
            if held is not None:
                held.waiting = False
            return held is None or not held.ended

    def done(self, peer: tuple[str, int]) -> None:
        """Say that a request was answered."""
        with self._lock:
            held = self._held.get(peer)
            if held is not None:
                held.waiting, held.served, held.since = True, True, self.now()

    def leave(self, peer: tuple[str, int], sock: socket.socket) -> None:
        """Forget a connection that is closed."""
        with self._lock:
            held = self._held.get(peer)
            if held is not None and held.sock is sock:
                del self._held[peer]

    def sweep(self) -> None:
        """End every connection that has waited too long."""
        with self._lock:
            late = self.now() - WAIT_S
            for held in self._held.values():
                if held.waiting and held.since < late:
                    _end(held)

    def counts(self) -> tuple[int, int]:
        """Return how many connections are open, and how many of them wait."""
        with self._lock:
            return len(self._held), sum(held.waiting for held in self._held.values())

    def _alive(self) -> list[_Held]:
        return [held for held in self._held.values() if not held.ended]

    def _end_one(self, among: list[_Held]) -> bool:
        """End the connection that is the first to go; False where all are being served."""
        waiting = [held for held in among if held.waiting and not held.ended]
        if not waiting:
            return False
        fresh = [held for held in waiting if not held.served] or waiting
        most = Counter(held.address for held in fresh)
        _end(min(fresh, key=lambda held: (-most[held.address], held.since)))
        return True


def _end(held: _Held) -> None:
    """End a connection: the event loop sees the end of the stream and closes it."""
    held.ended = True
    with contextlib.suppress(OSError):
        held.sock.shutdown(socket.SHUT_RDWR)


class _Accepted(socket.socket):
    """A connection that tells the gate when it is closed."""

    gate: Gate
    peer: tuple[str, int]

    def close(self) -> None:
        """Close, and leave."""
        self.gate.leave(self.peer, self)
        super().close()


class Listener(socket.socket):
    """A listening socket whose connections pass the gate before anything is read, TLS included."""

    gate: Gate

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept one connection.

        Raises:
            BlockingIOError: none waits, or connections that were ended must close first.
            ConnectionAbortedError: there is no room for it.
        """
        if not self.gate.room:
            raise BlockingIOError
        plain, address = super().accept()
        accepted = _Accepted(plain.family, plain.type, plain.proto, fileno=plain.detach())
        accepted.gate, accepted.peer = self.gate, (address[0], address[1])
        with contextlib.suppress(OSError):
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_MS)
        if not self.gate.enter(accepted, accepted.peer):
            accepted.close()
            raise ConnectionAbortedError
        return accepted, address


class Loop(asyncio.SelectorEventLoop):
    """The event loop that the listener runs in: it puts the gate before every server's socket."""

    gate: Gate

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate(room_for_connections())

    async def create_server(self, *args: Any, **given: Any) -> asyncio.Server:  # noqa: ANN401 - asyncio's own
        """Make a server as asyncio does, with a bounded listener and a deadline for TLS handshakes."""
        sock = given.pop("sock", None)
        host, port = given.pop("host", None), given.pop("port", None)
        if sock is None:
            family = socket.AF_INET6 if ":" in str(host) else socket.AF_INET
            sock = socket.create_server((host, port), family=family)
        listener = Listener(sock.family, sock.type, sock.proto, fileno=sock.detach())
        listener.settimeout(0)
        listener.gate = self.gate
        if isinstance(given.get("ssl"), ssl.SSLContext):
            given.setdefault("ssl_handshake_timeout", HANDSHAKE_S)
        self.call_later(1, self._sweep)
        return await super().create_server(*args, sock=listener, **given)

    def _sweep(self) -> None:
        self.gate.sweep()
        self.call_later(1, self._sweep)


def room_for_connections() -> int:
    """Ask for as many file descriptors as the system allows; return how many connections they are enough for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return MOST
    return max(16, min(MOST, files - _OWN_FILES - _ON_THE_WAY_OUT))


def gate_of_loop() -> Gate | None:
    """Return the gate of the running event loop; None where another server than ours runs it."""
    loop = asyncio.get_running_loop()
    return loop.gate if isinstance(loop, Loop) else None
