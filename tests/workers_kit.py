"""The service in real worker processes, on loopback, for the tests that want more than one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from api.accounts import codes
from api.db.models import PersonRow, SessionRow
from api.web.deps import COOKIE
from tests.api_kit import Desk

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Served:
    """Where it listens, and its first process."""

    url: str
    pid: int


@contextmanager
def served(desk: Desk, *, workers: int = 2, before: str = "") -> Iterator[Served]:
    """Serve a department's state and database with worker processes of their own, until the block ends.

    `before` is Python that runs first, for a service that is worse than ours.
    """
    command = [sys.executable, "-c", f"{before}\nfrom api.cli import main; main()", "serve"]
    command += ["--state", str(desk.settings.state), "--port", "0", "--workers", str(workers)]
    if desk.settings.database_url:
        command += ["--database-url", str(desk.settings.database_url)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Served(process.stdout.readline().split()[-1], process.pid)
        finally:
            process.terminate()


def cookie_of(desk: Desk, name: str) -> dict[str, str]:
    """Sign somebody in without the cost of a password; return the headers of their browser."""
    token, now = codes.new_token(), desk.clock()
    with desk.service.database.begin() as session:
        person = session.scalars(select(PersonRow.id).where(PersonRow.name == name)).one()
        session.add(SessionRow(digest=codes.token_digest(token), person=person, began=now, seen=now))
    return {"Cookie": f"{COOKIE}={token}", "Sec-Fetch-Site": "same-origin"}
