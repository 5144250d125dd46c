"""A real nginx in front of a service, on loopback, in a folder of its own."""

import os
import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from api.devices.authority import issue, prepare_authority

PROGRAM: Final = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_CONFIG: Final = """\
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
{locations}
    }}
}}
"""


class Nginx:
    """nginx with TLS on a free port, with the locations of a page of docs.

    Attributes:
        port: where it will listen.
        url: its address.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"https://127.0.0.1:{self.port}"
        prepare_authority(folder, [], datetime.now(UTC))
        issue(folder, ["127.0.0.1"], datetime.now(UTC))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, locations: str) -> None:
        """Start it with the locations of its one server, and wait until it listens."""
        path = self.folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        path.write_text(_CONFIG.format(folder=self.folder, port=self.port, locations=locations, user=user))
        self._process = subprocess.Popen(
            [str(PROGRAM), "-c", str(path), "-e", str(self.folder / "error.log")]
        )
        for _ in range(600):
            assert self._process.poll() is None, (self.folder / "error.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("nginx does not listen")

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
