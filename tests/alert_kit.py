"""A real Mosquitto and a real SMTP server, each with TLS and a password, on loopback."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from api.devices.authority import issue, prepare_authority

MOSQUITTO: Final = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NAME: Final = "alerts"
PASSWORD: Final = "a password of the broker"


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certified(folder: Path) -> Path:
    """Make an authority and a server's certificate for localhost in a folder; return the authority's file."""
    folder.mkdir(parents=True, exist_ok=True)
    prepare_authority(folder, datetime.now(UTC))
    issue(folder, ["localhost"], datetime.now(UTC))
    return folder / "ca.pem"


@dataclass(slots=True)
class MailServer:
    """A mail server that keeps what it takes; `refuse` makes it refuse everything."""

    port: int
    authority: Path
    mails: list[bytes] = field(default_factory=list)
    refuse: bool = False

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: object, _session: object, envelope: Envelope
    ) -> str:
        """Keep a message, or refuse it for now."""
        if self.refuse:
            return "451 not now"
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 taken"


@contextmanager
def mail_server(folder: Path, *, starttls: bool = False) -> Iterator[MailServer]:
    """Run a mail server that takes mail only over TLS, from whoever knows the password."""

    def known(_server: object, _session: object, _envelope: object, _how: str, given: object) -> AuthResult:
        good = isinstance(given, LoginPassword) and (given.login, given.password) == (
            NAME.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=good, handled=False)

    authority = certified(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server = MailServer(free_port(), authority)
    more = {"tls_context": context, "require_starttls": True} if starttls else {"ssl_context": context}
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=server.port,
        authenticator=known,
        auth_required=True,
        auth_require_tls=starttls,
        **more,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@dataclass(frozen=True, slots=True)
class Broker:
    """A running Mosquitto."""

    port: int
    authority: Path

    @contextmanager
    def listening(self) -> Iterator[dict[str, list[bytes]]]:
        """Subscribe to everything; yield what comes, by topic."""
        heard: dict[str, list[bytes]] = {}
        client = Client(CallbackAPIVersion.VERSION2)
        client.tls_set(str(self.authority))
        client.username_pw_set(NAME, PASSWORD)
        client.on_message = lambda _client, _data, message: heard.setdefault(message.topic, []).append(
            bytes(message.payload)
        )
        ready: list[bool] = []
        client.on_subscribe = lambda *_: ready.append(True)
        client.connect("localhost", self.port)
        client.subscribe("#", qos=1)

        def subscribe(*_: object) -> None:
            client.subscribe("#", qos=1)

        client.on_connect = subscribe
        client.loop_start()
        try:
            wait_for(lambda: bool(ready))
            yield heard
        finally:
            client.disconnect()
            client.loop_stop()


def wait_for(there: Callable[[], bool]) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it never was.
    """
    for _ in range(600):
        if there():
            return
        time.sleep(0.05)
    raise TimeoutError("it never came")


@contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    """Run Mosquitto with TLS and one user, and wait until it listens."""
    assert MOSQUITTO is not None
    made = Broker(free_port(), certified(folder))
    passwords = folder / "passwords"
    program = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
    subprocess.run([program, "-c", "-b", str(passwords), NAME, PASSWORD], check=True)
    for path in (passwords, folder / "server.key"):
        path.chmod(0o644)
    folder.chmod(0o755)
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {made.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
        f"certfile {folder / 'server.pem'}\nkeyfile {folder / 'server.key'}\npersistence false\n"
        f"user root\n"
    )
    with subprocess.Popen([MOSQUITTO, "-c", str(config)], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: _listens(made.port) or process.poll() is not None)
            assert process.poll() is None
            yield made
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
