"""A real PostgreSQL server for the tests that want one."""

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/lib/postgresql/15/bin"))
"""The newest server that Debian has installed."""


class Cluster:
    """A PostgreSQL server of the test's own, on a socket in a folder of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hitonly-pg-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "hitonly", "-A", "trust", "--no-sync")
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=200"
        self._run(
            "pg_ctl",
            "-D",
            str(self.folder / "data"),
            "-w",
            "-l",
            str(self.folder / "log"),
            "-o",
            options,
            "start",
        )

    def database(self) -> str:
        """Make an empty database and return its URL."""
        name = "t" + secrets.token_hex(6)
        self._run("createdb", "-h", str(self.folder), "-U", "hitonly", name)
        return f"postgresql+psycopg://hitonly@/{name}?host={self.folder}"

    def stop(self) -> None:
        """Stop the server and remove everything."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        """Run a program of PostgreSQL's, not as root, which it refuses."""
        line = [str(BIN / program), *arguments]
        if os.geteuid() == 0:
            line = ["runuser", "-u", "postgres", "--", *line]
        subprocess.run(line, check=True, capture_output=True, cwd=self.folder, timeout=60)
