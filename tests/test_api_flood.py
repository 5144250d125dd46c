"""A stranger who opens connections, leaves requests unfinished or floods pages stops nobody's work."""

import asyncio
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from api.accounts import credentials
from api.core.errors import TooLargeError, TooManyError
from api.web.connections import WAIT_S, Gate
from api.web.security import Body, Unfinished
from tests.api_kit import Desk

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = "127.0.0.2"


@contextmanager
def serving(state: Path, *more: str, files: int = 1024) -> Iterator[tuple[str, int, int]]:
    """Run the service with so many descriptors; yield its scheme, port and process id."""
    line = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--state", str(state)]

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    with subprocess.Popen(
        [*line, "--port", "0", *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=bound,  # noqa: PLW1509 - the child only lowers its own limit
    ) as process:
        assert process.stdout is not None
        try:
            said = ""
            for text in process.stdout:
                said += text
                if found := re.search(r"(https?)://[\w.]+:(\d+)", said):
                    break
            scheme, port = found[1], int(found[2])  # type: ignore[index]
            with browser(scheme, port) as client:
                for _ in range(600):
                    try:
                        client.get("/sign-in")
                        break
                    except httpx.TransportError:
                        time.sleep(0.1)
            yield scheme, port, process.pid
        finally:
            process.terminate()
            process.communicate(timeout=30)


def browser(scheme: str, port: int) -> httpx.Client:
    """Return a client whose every request needs a new connection; it waits for less than a half-open one may."""
    return httpx.Client(
        base_url=f"{scheme}://127.0.0.1:{port}",
        verify=False,  # noqa: S501 - the service's own authority, on loopback
        timeout=WAIT_S - 5,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def dial(port: int, source: str) -> socket.socket | None:
    """Open a connection from an address of this machine; None where it is refused."""
    made = socket.socket()
    try:
        made.settimeout(5)
        made.bind((source, 0))
        made.connect(("127.0.0.1", port))
    except OSError:
        made.close()
        return None
    return made


def half_open(stack: ExitStack, port: int, source: str, number: int, said: bytes) -> None:
    """Open connections and say a beginning on each."""
    for _ in range(number):
        made = dial(port, source)
        if made is not None:
            stack.callback(made.close)
            with suppress(OSError):
                made.sendall(said)


@pytest.mark.parametrize("source", [ELSEWHERE, "127.0.0.1"])
@pytest.mark.parametrize(("more", "said"), [((), b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "),
                                            (("--tls", "local"), b"\x16\x03\x01")])  # fmt: skip
def test_half_open_requests_put_nobody_out(
    tmp_path: Path, more: tuple[str, ...], said: bytes, source: str
) -> None:
    """1,100 unfinished headers, or TLS handshakes, at 1,024 descriptors: everybody else is served."""
    with serving(tmp_path / "state", *more) as (scheme, port, _), ExitStack() as stack:
        half_open(stack, port, source, 1100, said)
        with browser(scheme, port) as client:
            answers = [client.get("/sign-in").status_code for _ in range(10)]
            half_open(stack, port, source, 200, said)
            answers += [client.get("/sign-in").status_code for _ in range(10)]
    assert answers == [200] * 20


def resident(process: int) -> int:
    """Return a process's resident memory in MiB."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) // 1024  # type: ignore[index]


@pytest.mark.parametrize("source", [ELSEWHERE, "127.0.0.1"])
def test_unfinished_bodies_take_bounded_memory(tmp_path: Path, source: str) -> None:
    """200 bodies of 4 MB, each without its last byte: memory is bounded, and a page still comes."""
    size = 4 * 1024 * 1024 - 10
    head = f"POST /v1/hits HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode()
    with serving(tmp_path / "state") as (scheme, port, process), ExitStack() as stack:
        before = resident(process)
        half_open(stack, port, source, 200, head + b" " * (size - 1))
        after = resident(process)
        with browser(scheme, port) as client:
            assert [client.get("/sign-in").status_code for _ in range(5)] == [200] * 5
    assert after - before < 128, f"{after - before} MiB"


def test_floods_of_pages_and_sign_ins_leave_the_service_to_others(tmp_path: Path) -> None:
    """Three floods at once, a bounded number of each; the page is served throughout."""
    with serving(tmp_path / "state") as (scheme, port, _):
        bad: list[int] = []

        def flood(method: str, path: str) -> None:
            form = {"name": "x", "full_name": "x", "password": "a long enough pass phrase", "code": "1"}
            data = form if method == "POST" else None
            with browser(scheme, port) as client:
                for _ in range(60):
                    with suppress(httpx.TransportError):
                        bad.append(client.request(method, path, data=data).status_code)

        floods = [
            ("POST", "/welcome/x"),
            ("POST", "/sign-in"),
            ("GET", "/nothing/here"),
            ("POST", "/reset/x"),
        ]
        threads = [threading.Thread(target=flood, args=one) for one in floods]
        for thread in threads:
            thread.start()
        with browser(scheme, port) as client:
            answers = [client.get("/sign-in").status_code for _ in range(20)]
        for thread in threads:
            thread.join()
    assert answers == [200] * 20
    assert len(bad) == 240
    assert max(bad) < 500


@pytest.mark.parametrize("path", ["/welcome/nothing", "/reset/nothing"])
def test_a_link_is_looked_up_before_a_password_is_hashed(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown link costs no Argon2; a short password behind an unknown link is a 404 too."""
    desk = Desk(tmp_path / "state")
    hashed: list[str] = []
    monkeypatch.setattr(credentials, "hash_password", lambda _, name: hashed.append(name))
    form = {"name": "dora", "full_name": "Dora", "password": "a long enough pass phrase", "code": "123456"}
    assert desk.client().post(path, data=form).status_code == 404
    assert desk.client().post(path, data={**form, "name": "?", "password": "x"}).status_code == 404
    assert not hashed


def test_links_that_do_not_exist_are_bounded_by_address(tmp_path: Path) -> None:
    """Whoever guesses links is soon told to wait; a link that exists opens all the same, from elsewhere."""
    desk = Desk(tmp_path / "state")
    client = desk.client()
    answers = [client.get("/welcome/nothing").status_code for _ in range(40)]
    assert answers[0] == 404
    assert answers[-1] == 429


def test_only_so_many_passwords_are_hashed_at_once() -> None:
    """Forty at once: at most four run, some wait, the rest are refused and not queued."""
    running, most, refused = 0, 0, 0
    lock = threading.Lock()

    def check() -> None:
        nonlocal running, most, refused
        try:
            with credentials.turn():
                with lock:
                    running += 1
                    most = max(most, running)
                time.sleep(0.2)
                with lock:
                    running -= 1
        except TooManyError:
            with lock:
                refused += 1

    threads = [threading.Thread(target=check) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= 4
    assert refused >= 20


def test_the_gate_ends_the_longest_waiter_of_the_greediest_address() -> None:
    """Who is served is never ended; who was served before goes after who never was."""
    gate, clock = Gate(4, most_of_one=3, now=lambda: clock[0]), [0.0]
    with ExitStack() as stack:
        ends = {}

        def enter(address: str, port: int) -> bool:
            clock[0] += 1
            ours, theirs = (stack.enter_context(one) for one in socket.socketpair())
            theirs.settimeout(0)
            ends[(address, port)] = theirs
            return gate.enter(ours, (address, port))

        def ended(address: str, port: int) -> bool:
            try:
                return ends[(address, port)].recv(1) == b""
            except BlockingIOError:
                return False

        assert enter("192.0.2.1", 1)
        assert gate.serve(("192.0.2.1", 1))
        assert all(enter("192.0.2.9", port) for port in (1, 2, 3, 4))
        assert [ended("192.0.2.9", port) for port in (1, 2, 3, 4)] == [True, False, False, False]
        assert enter("192.0.2.2", 1)
        assert ended("192.0.2.9", 2)
        assert not ended("192.0.2.1", 1)
        clock[0] += 1000
        gate.sweep()
        assert ended("192.0.2.2", 1)
        assert not ended("192.0.2.1", 1)


def test_unfinished_bodies_push_out_the_greediest_address() -> None:
    """The oldest body of the address that holds most is dropped, and another's stays."""

    async def story() -> tuple[bool, bool]:
        bodies = Unfinished(100)
        async with asyncio.timeout(60) as other:
            small = Body("192.0.2.1", other)
            small.content += b" " * 30
            bodies.hold(small)
            try:
                async with asyncio.timeout(60) as mine:
                    large = Body("192.0.2.9", mine)
                    large.content += b" " * 80
                    bodies.hold(large)
                    await asyncio.sleep(30)
            except TimeoutError:
                pass
            return isinstance(large.dropped, TooLargeError), small.dropped is None

    assert asyncio.run(story()) == (True, True)


def test_an_unfinished_tls_handshake_ends(tmp_path: Path) -> None:
    """A connection that never speaks is closed by the service."""
    with serving(tmp_path / "state", "--tls", "local") as (_, port, _), ExitStack() as stack:
        made = dial(port, ELSEWHERE)
        assert made is not None
        stack.callback(made.close)
        made.settimeout(60)
        assert made.recv(1) == b""
