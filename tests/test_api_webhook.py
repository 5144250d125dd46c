"""A webhook's receiver may answer with anything: the service looks at the status alone, within one deadline."""

import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from api.hits.alerting import alert_queue as alerts
from api.hits.alerting import webhook as sending
from tests.api_kit import Desk, make_hit

MIB = 1024 * 1024
MOST = 64 * MIB
"""So much a receiver of these tests says at most; a client that reads it all ends the test all the same."""
READ = 16 * MIB
"""More than the two sockets' buffers hold, and far less than what is said."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


class Talker:
    """Takes one alert and answers as given; keeps how many bytes of its answer were taken."""

    def __init__(self, parts: Callable[[], Iterator[bytes]]) -> None:
        self._parts = parts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.said = 0
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._answer)

    @contextmanager
    def talking(self) -> Iterator["Talker"]:
        """Answer while the block runs."""
        self._thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._thread.join()

    def _answer(self) -> None:
        with suppress(OSError), self._listener.accept()[0] as peer:
            request = peer.makefile("rb")
            head = b"".join(iter(request.readline, b"\r\n"))
            request.read(int(head.lower().partition(b"content-length:")[2].split()[0]))
            for part in self._parts():
                if self.said > MOST or self.ended.is_set():
                    break
                peer.sendall(part)
                self.said += len(part)
            self.ended.wait()


def endless_body() -> Iterator[bytes]:
    """A body without a length and without an end."""
    yield HEAD + b"\r\n"
    while True:
        yield b" " * 65536


def chunks_without_end() -> Iterator[bytes]:
    """A body in chunks, the last of which never comes."""
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"10000\r\n" + b" " * 65536 + b"\r\n"


def bomb() -> Iterator[bytes]:
    """512 MiB of zeros in half a MiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = block * 512 + packer.flush()
    yield HEAD + b"Content-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(packed)
    yield packed


def body_that_waits() -> Iterator[bytes]:
    """A good header, and a body of which one byte comes now and then."""
    yield HEAD + b"Content-Length: 1000000\r\n\r\n"
    for _ in range(600):
        threading.Event().wait(0.1)
        yield b" "


def header_without_end() -> Iterator[bytes]:
    """Header after header."""
    yield HEAD
    while True:
        yield b"X-More: " + b"a" * 1000 + b"\r\n"


def header_that_waits() -> Iterator[bytes]:
    """One header now and then, each within any time that a single read may take."""
    yield HEAD
    for _ in range(600):
        threading.Event().wait(0.1)
        yield b"X-More: a\r\n"


def delivered_to(tmp_path: Path, talker: Talker) -> int:
    """Deliver one alert there; return how many were taken."""
    webhook = {
        "kind": "webhook",
        "name": "desk",
        "url": f"http://127.0.0.1:{talker.port}/alerts",
        "secret": "s" * 32,
        "allow_private": ["127.0.0.0/8"],
    }
    desk = Desk(tmp_path / "state", alerts=[webhook])
    try:
        box = desk.box()
        box.deliver(box.sealed(make_hit()))
        return alerts.deliver(desk.service)
    finally:
        desk.service.close()


@pytest.mark.parametrize("answer", [endless_body, chunks_without_end, bomb, body_that_waits])
def test_no_body_is_read_and_the_alert_counts_as_taken(
    tmp_path: Path, answer: Callable[[], Iterator[bytes]]
) -> None:
    """The status was good: the alert is delivered, and neither bytes nor memory are spent on the rest."""
    with Talker(answer).talking() as talker:
        tracemalloc.start()
        try:
            assert delivered_to(tmp_path, talker) == 1
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert 0 < talker.said < READ
    assert peak < 3 * READ


@pytest.mark.parametrize("answer", [header_without_end, header_that_waits])
def test_a_header_that_does_not_end_is_given_up_and_tried_again(
    tmp_path: Path, answer: Callable[[], Iterator[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One deadline for the whole header, and a bound of its size; the alert stays in the queue."""
    monkeypatch.setattr(sending, "_TIMEOUT", 2)
    with Talker(answer).talking() as talker:
        assert delivered_to(tmp_path, talker) == 0
    assert 0 < talker.said < READ
