"""How far the service has come, signed and kept beside its keys: an older database put back is seen against it.

``high-water.json`` in the state folder holds the newest end of the audit log and the latest time that hits were
kept by. It only ever moves forward, and is written at least every second while there are new records. A database
whose log does not continue that end was cut off, rewritten or restored; the service then does not start until
somebody says so on the machine (`alpr-api accept-restore`), and both ends are kept.
"""

import base64
import binascii
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from api.core import audit, audit_tree
from api.core.clock import stamp
from api.core.errors import StateError
from api.db.engine import Database
from hitonly_core.canonical import canonical
from hitonly_core.files import write_durably
from hitonly_core.keys import SigningKey
from protocol.audit_end import AuditEnd, AuditEndError

FORMAT: Final = "hitonly/high-water/v1"
NAME: Final = "high-water.json"
CLOCK_EVERY: Final = timedelta(seconds=10)
"""How far the kept time may lag behind: so much longer a hit may live after a restart with a wrong clock."""
_REPLACED: Final = 16
"""Ends of logs that were given up by a restore, and are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is kept.

    Attributes:
        clock: the latest time that hits were kept by.
        end: the log's newest end; None before its first record.
        replaced: newest ends of logs that a person gave up for a restored one.
    """

    clock: datetime
    end: AuditEnd | None = None
    replaced: tuple[AuditEnd, ...] = ()

    def body(self) -> dict[str, object]:
        """Return what is signed."""
        return {
            "format": FORMAT,
            "clock": self.clock.isoformat(),
            "end": self.end.to_json() if self.end else None,
            "replaced": [end.to_json() for end in self.replaced],
        }


class HighWater:
    """The file, shared by every process of one service.

    Args:
        state: the folder of keys.
        key: the service's signing key.
    """

    def __init__(self, state: Path, key: SigningKey) -> None:
        self._path = state / NAME
        self._lock = state / f".{NAME}.lock"
        self._key = key

    def read(self) -> Mark | None:
        """Return the mark, or None where there is none yet.

        Raises:
            StateError: it cannot be read, or this service's key did not sign it.
        """
        try:
            body = json.loads(self._path.read_bytes())
            signature = base64.b64decode(body.pop("signature"), validate=True)
            end = body["end"]
            mark = Mark(
                datetime.fromisoformat(body["clock"]),
                AuditEnd.from_json(end) if end is not None else None,
                tuple(AuditEnd.from_json(each) for each in body["replaced"]),
            )
            signed = mark.body() == body and self._key.public.verifies(signature, canonical(body))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, AuditEndError, binascii.Error):
            signed = False
        if not signed:
            hint = "Put the file back from a backup of the state folder, or run `alpr-api accept-restore`."
            raise StateError(f"{self._path} is torn, or not signed by this service's key", hint=hint)
        return mark

    def problem(self, database: Database) -> str:
        """Return in words why the database is not the one that this service wrote last; empty where it is."""
        try:
            mark = self.read()
        except StateError as problem:
            return str(problem)
        with database.read() as session:
            if mark is None:
                number = audit.size(session)
                return f"{self._path} is missing, and the log has {number} records" if number else ""
            return audit.contradiction(session, mark.end) if mark.end else ""

    def advance(self, database: Database, now: datetime, clock: datetime) -> None:
        """Move the mark up to the log's end and the time; write only what is new.

        Raises:
            StateError: the log does not continue the mark, which stays as it is.
            AuditError: rows of the log are missing.
        """
        with self._alone():
            if problem := self.problem(database):
                raise StateError(f"the audit log is not the one this service wrote: {problem}")
            kept = self.read()
            end = self._end(database, now, kept.end if kept else None)
            if kept and end == kept.end and clock < kept.clock + CLOCK_EVERY:
                return
            latest = max(clock, kept.clock) if kept else clock
            self._write(Mark(latest, end, kept.replaced if kept else ()))

    def replace(self, database: Database, now: datetime, clock: datetime) -> None:
        """Begin again at the log's present end, and keep the one that is given up."""
        with self._alone():
            try:
                kept = self.read()
            except StateError:
                kept = None
            gone = (*(kept.replaced if kept else ()), *((kept.end,) if kept and kept.end else ()))
            latest = max(clock, kept.clock) if kept else clock
            self._write(Mark(latest, self._end(database, now, None), gone[-_REPLACED:]))

    def _end(self, database: Database, now: datetime, kept: AuditEnd | None) -> AuditEnd | None:
        """Return the log's end, signed; the one that is kept where nothing came."""
        with database.read() as session:
            number = audit.size(session)
            if kept is not None and number == kept.seq:
                return kept
            if not number:
                return None
            end = AuditEnd(number, audit_tree.root(session, number).hex(), stamp(now))
        return replace(end, signature=self._key.sign(end.signed_bytes()))

    def _write(self, mark: Mark) -> None:
        """Write the file, 0600, whole or not at all.

        Raises:
            StateError: the disk refuses.
        """
        body = mark.body()
        signature = base64.b64encode(self._key.sign(canonical(body))).decode()
        try:
            write_durably(self._path, canonical({**body, "signature": signature}))
        except OSError as problem:
            raise StateError(f"{self._path} cannot be written: {problem.strerror}") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the service's other processes from writing meanwhile.

        Raises:
            StateError: the folder refuses.
        """
        try:
            descriptor = os.open(self._lock, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise StateError(f"{self._lock} cannot be used: {problem.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
