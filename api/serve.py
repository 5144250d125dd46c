"""Running the service: keys and tables first, then the listener, with as many workers as are set."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from wsgiref.simple_server import WSGIServer

import uvicorn
from fastapi import FastAPI

from api.accounts import people
from api.core import memory
from api.core.clock import utc_now
from api.core.errors import SettingsError, StateError
from api.core.logs import configure_logs
from api.core.service import Service, open_service
from api.core.serving import serving
from api.core.settings import Settings
from api.devices.authority import ALWAYS, Files, issue, prepare_authority
from api.oversight.metrics import start_metrics
from api.web.app import create_app
from hitonly_core.files import write_durably

FIRST_LINK: Final = "first-administrator.link"
"""The file in the state folder."""
_WORKER_ANSWERS_S: Final = 60
"""A worker that says nothing for so long is replaced. On a busy machine its imports alone can take 10 seconds, and
uvicorn's own 5 would end every worker before it has begun."""
_HANDOVER: Final = "HITONLY_API_SETTINGS"
"""Environment variable by which the parent hands its checked settings to worker processes."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What is known once everything is prepared and before anything listens.

    Attributes:
        settings: with the port filled in.
        link: the file that holds the first administrator's one-time link, or None when there are people already.
        files: the listener's certificate and key, or None without TLS.
    """

    settings: Settings
    link: Path | None
    files: Files | None


def prepare(settings: Settings) -> Ready:
    """Make keys, authority and tables where they are not there yet, and choose the port.

    Raises:
        StateError: the database is another version's, or the state folder cannot be used.
        SettingsError: the port is taken.
    """
    settings = settings.model_copy(update={"port": _port(settings)})
    service = open_service(settings)
    try:
        if settings.tls.mode == "local" or not (settings.state / "ca.pem").exists():
            prepare_authority(settings.state, _names(settings), utc_now())
        link = write_first_link(service)
    finally:
        service.close()
    return Ready(settings, link, _files(settings))


def proxy_certificate(settings: Settings, out: Path, names: Sequence[str]) -> Files:
    """Issue a certificate by the service's own authority, which is made where it is not there yet.

    Raises:
        StateError: a folder cannot be used.
    """
    try:
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        prepare_authority(settings.state, [*names, *_names(settings)], utc_now())
        return issue(settings.state, names, utc_now(), out=out)
    except OSError as problem:
        raise StateError(f"{problem.filename or out} cannot be used: {problem.strerror}") from None


def write_first_link(service: Service) -> Path | None:
    """Make the first administrator's link and keep it in a file for the operator only; None where there are people.

    What a service prints, the system's journal keeps; so the link is never printed. An older one works no more.

    Raises:
        StateError: the file cannot be written.
    """
    path = service.settings.state / FIRST_LINK
    token = people.first_invitation(service)
    try:
        if token is None:
            path.unlink(missing_ok=True)
            return None
        write_durably(path, f"{service.settings.url}/welcome/{token}\n".encode(), mode=0o600)
    except OSError as problem:
        raise StateError(f"{path} cannot be written: {problem.strerror}") from None
    return path


def run(ready: Ready) -> None:
    """Serve until told to stop.

    Raises:
        StateError: a backup is being restored here.
    """
    with serving(ready.settings.state):
        _serve(ready.settings, ready.files)


def _serve(settings: Settings, files: Files | None) -> None:
    memory.harden()
    metrics = _metrics(settings)
    os.environ[_HANDOVER] = settings.model_dump_json()
    uvicorn.run(
        "api.serve:worker",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        ssl_certfile=files.certificate if files else None,
        ssl_keyfile=files.key if files else None,
        access_log=False,
        server_header=False,
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        timeout_worker_healthcheck=_WORKER_ANSWERS_S,
        log_config=None,
        http="h11",
        ws="none",
        loop="api.web.connections:Loop",
        h11_max_incomplete_event_size=16_384,
    )
    if metrics is not None:
        metrics.shutdown()


def _metrics(settings: Settings) -> WSGIServer | None:
    """Start the metrics' own listener, where a port is set for it."""
    configure_logs()
    if settings.metrics_port is None:
        return None
    server, _ = start_metrics(open_service(settings), settings.metrics_port)
    return server


def worker() -> FastAPI:
    """Return the application in a worker process, from the settings that the parent handed over."""
    configure_logs()
    memory.harden()
    return create_app(Settings.model_validate_json(os.environ[_HANDOVER]))


def _files(settings: Settings) -> Files | None:
    """Return the listener's certificate and key, issued now by the local authority where that is set."""
    if settings.tls.mode == "off":
        return None
    if settings.tls.mode == "files":
        return Files(Path(str(settings.tls.certificate)), Path(str(settings.tls.key)))
    return issue(settings.state, _names(settings), utc_now())


def _names(settings: Settings) -> list[str]:
    """Return the names and addresses by which browsers and devices may call the listener."""
    return list(dict.fromkeys([*settings.tls.names, *ALWAYS]))


def _port(settings: Settings) -> int:
    """Return the port to listen on; 0 asks the system for a free one.

    Raises:
        SettingsError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as problem:
            hint = "Choose another port with --port."
            raise SettingsError(
                f"{settings.host}:{settings.port} cannot be used: {problem.strerror}", hint=hint
            ) from None
        port: int = probe.getsockname()[1]
        return port
