"""Where sealed hits wait for the department: one file each, whole or absent, deleted on a verified receipt.

Only envelopes come here: this module never sees a hit, so nothing it writes can be read on the box
(promise 6). When the disk refuses it, the envelope goes to the spare folder, if there is one. When that refuses it
too, it waits in memory, sealed, and is tried again (`retry`); what still waits there when the box ends is lost.

What the department refuses for good is set aside under another name: people get seven days to find out why,
and the box forgets it then, or earlier when there are too many.
"""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from edge.errors import StorageError
from hitonly_core.files import remove_durably, sync_folder, write_durably

SUFFIX: Final = ".hit"
REFUSED: Final = ".refused"
REFUSED_KEPT: Final = timedelta(days=7)
"""How long a refused hit is kept, from its refusal."""
UNSET: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""Before this no unit ran: a date before it was given by a clock that nobody had set."""
_SLACK: Final = timedelta(hours=1)
REFUSED_MOST: Final = 256
"""Refused hits kept, 64 MiB at most: one more, and the oldest is forgotten."""
MAX_WAITING: Final = 256
"""Sealed envelopes kept in memory while the disk refuses them, about 16 MB at most."""


class Spool:
    """The folder of sealed hits. One process writes, from any thread; a reader may remove what is acknowledged.

    Args:
        folder: made with mode 0700 where it is absent.
        spare: a folder on another disk, for what the first one refuses; None for none.

    Raises:
        StorageError: no folder can be made and written.
    """

    def __init__(self, folder: Path, spare: Path | None = None) -> None:
        self.folder = folder
        self._folders = (folder,) if spare is None else (folder, spare)
        self._writing = threading.Lock()
        self._waiting: dict[UUID, bytes] = {}
        self._given_up = 0
        problems = [problem for each in self._folders if (problem := _probe(each))]
        if len(problems) == len(self._folders):
            raise StorageError("; ".join(problems))

    def put(self, hit: UUID, envelope: bytes) -> bool:
        """Store an envelope durably; False when it waits in memory because every disk refused it.

        Raises:
            StorageError: every disk refuses, and the memory's share is full too: this hit is lost.
        """
        with self._writing:
            problem = self._store(hit, envelope)
            if problem is None:
                return True
            if len(self._waiting) >= MAX_WAITING:
                self._given_up += 1
                raise StorageError(
                    f"the spool {self.folder} cannot be written ({_reason(problem)}), "
                    f"and {MAX_WAITING} hits wait in memory already"
                )
            self._waiting[hit] = envelope
            return False

    def retry(self) -> bool:
        """Try to store what waits in memory; return whether nothing waits any more."""
        with self._writing:
            for hit, envelope in list(self._waiting.items()):
                if self._store(hit, envelope) is not None:
                    return False
                del self._waiting[hit]
            return True

    @property
    def waiting(self) -> int:
        """How many hits wait in memory for a disk that refuses them."""
        return len(self._waiting)

    @property
    def unwritten(self) -> int:
        """How many hits are on no disk: those that wait in memory, and one that found no place even there."""
        return len(self._waiting) + self._given_up

    @property
    def on_spare(self) -> bool:
        """Whether hits lie in the spare folder."""
        return any(path.parent != self.folder for _, path in self.pending())

    def _store(self, hit: UUID, envelope: bytes) -> OSError | None:
        """Write an envelope to the first folder that takes it; return the last problem if none does."""
        problem = None
        for folder in self._folders:
            try:
                write_durably(folder / f"{hit}{SUFFIX}", envelope)
            except OSError as refused:
                problem = refused
            else:
                return None
        return problem

    def pending(self) -> Iterator[tuple[UUID, Path]]:
        """Yield the stored hits, oldest first; what is no hit's file, or is gone meanwhile, is passed over."""
        for _, hit, path in self._stored(SUFFIX):
            yield hit, path

    def refused(self) -> Iterator[tuple[UUID, Path]]:
        """Yield the hits that were set aside, the first refused first."""
        for _, hit, path in self._stored(REFUSED):
            yield hit, path

    @property
    def forgets_from(self) -> datetime | None:
        """When the first of the refused hits is forgotten, in UTC; None when there is none."""
        refused = self._stored(REFUSED)
        return datetime.fromtimestamp(refused[0][0], UTC) + REFUSED_KEPT if refused else None

    def set_aside(self, hit: UUID, now: datetime) -> bool:
        """Keep a hit that the department refuses for good from being offered; its seven days begin now.

        False, and nothing happens, when it is gone or was set aside before: its deadline stays.

        Raises:
            StorageError: the disk refuses.
        """
        path = self._path(hit)
        try:
            os.utime(path, (now.timestamp(), now.timestamp()))
            path.replace(path.with_suffix(REFUSED))
            sync_folder(path.parent)
        except FileNotFoundError:
            return False
        except OSError as problem:
            raise StorageError(f"nothing can be renamed in {path.parent}: {_reason(problem)}") from None
        return True

    def forget_refused(self, now: datetime, *, sure: bool = False) -> int:
        """Delete the refused hits that are past their seven days, or too many; return how many.

        A hit that was refused before the clock was set (1970), or while it ran ahead, has its seven days from
        when the clock is known to be right.

        Args:
            now: by the wall clock; aware UTC.
            sure: whether a time service has set that clock.

        Raises:
            StorageError: the disk refuses.
        """
        self._date_again(now, sure=sure)
        refused = self._stored(REFUSED)
        over = max(0, len(refused) - REFUSED_MOST)
        past = (now - REFUSED_KEPT).timestamp()
        due = [path for place, (at, _, path) in enumerate(refused) if place < over or at <= past]
        for path in due:
            self._remove(path)
        return len(due)

    def _date_again(self, now: datetime, *, sure: bool) -> None:
        """Begin the seven days of refused hits anew whose date no right clock has given.

        Raises:
            StorageError: the disk refuses.
        """
        for at, _, path in self._stored(REFUSED):
            if at < UNSET.timestamp() <= now.timestamp() or (sure and at > (now + _SLACK).timestamp()):
                try:
                    os.utime(path, (now.timestamp(), now.timestamp()))
                except OSError as problem:
                    raise StorageError(f"nothing can be dated in {path.parent}: {_reason(problem)}") from None

    def remove(self, hit: UUID) -> None:
        """Delete a hit that the department has acknowledged; nothing happens when it is gone already.

        Raises:
            StorageError: the disk refuses.
        """
        for folder in self._folders:
            for suffix in (SUFFIX, REFUSED):
                if (path := folder / f"{hit}{suffix}").exists():
                    self._remove(path)

    def _remove(self, path: Path) -> None:
        try:
            remove_durably(path)
        except OSError as problem:
            raise StorageError(f"nothing can be removed from {path.parent}: {_reason(problem)}") from None

    def _stored(self, suffix: str) -> list[tuple[float, UUID, Path]]:
        """Return the files of hits with a suffix: when last changed, whose, and where; the oldest first."""
        found = []
        for path in (path for folder in self._folders for path in folder.glob(f"*{suffix}")):
            with contextlib.suppress(ValueError, FileNotFoundError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    found.append((status.st_mtime, UUID(path.stem), path))
        return sorted(found)

    def _path(self, hit: UUID) -> Path:
        """Return where a hit's file is; in the first folder if it is nowhere."""
        places = [folder / f"{hit}{SUFFIX}" for folder in self._folders]
        return next((place for place in places if place.exists()), places[0])


def _probe(folder: Path) -> str:
    """Make a folder and try to write in it; return what is wrong, or nothing."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".probe"
        write_durably(probe, b"")
        remove_durably(probe)
    except OSError as problem:
        return f"the spool {folder} cannot be written: {problem.strerror}"
    return ""


def _reason(problem: OSError) -> str:
    return "the disk is full" if problem.errno == errno.ENOSPC else problem.strerror or "unknown reason"
