"""Where sealed hits wait for the department: one file each, whole or absent, deleted on a verified receipt.

Only envelopes come here: this module never sees a hit, so nothing it writes can be read on the box
(promise 6). When the disk is full the envelope, already sealed, waits in memory and is tried again (`retry`).
"""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

from edge.errors import StorageError
from hotlist.files import remove_durably, write_durably

SUFFIX: Final = ".hit"
MAX_WAITING: Final = 256
"""Sealed envelopes kept in memory while the disk refuses them, about 16 MB at most."""


class Spool:
    """The folder of sealed hits. One writer; a reader may remove what was acknowledged.

    Args:
        folder: made with mode 0700 where it is absent.

    Raises:
        StorageError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: dict[UUID, bytes] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = folder / ".probe"
            write_durably(probe, b"")
            remove_durably(probe)
        except OSError as problem:
            raise StorageError(f"the spool {folder} cannot be written: {problem.strerror}") from None

    def put(self, hit: UUID, envelope: bytes) -> bool:
        """Store an envelope durably; False when it waits in memory because the disk refused it.

        Raises:
            StorageError: the disk refuses, and the memory's share is full too.
        """
        try:
            write_durably(self._path(hit), envelope)
        except OSError as problem:
            if len(self._waiting) >= MAX_WAITING:
                raise StorageError(
                    f"the spool {self.folder} cannot be written ({_reason(problem)}), "
                    f"and {MAX_WAITING} hits wait in memory already"
                ) from None
            self._waiting[hit] = envelope
            return False
        return True

    def retry(self) -> bool:
        """Try to store what waits in memory; return whether nothing waits any more."""
        for hit, envelope in list(self._waiting.items()):
            try:
                write_durably(self._path(hit), envelope)
            except OSError:
                return False
            del self._waiting[hit]
        return True

    @property
    def waiting(self) -> int:
        """How many hits wait in memory for a disk that refuses them."""
        return len(self._waiting)

    def pending(self) -> Iterator[tuple[UUID, Path]]:
        """Yield the stored hits, oldest first; what has no hit's name, or is gone meanwhile, is passed over."""
        found = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(ValueError, FileNotFoundError):
                found.append((path.stat().st_mtime_ns, UUID(path.stem), path))
        for _, hit, path in sorted(found):
            yield hit, path

    def remove(self, hit: UUID) -> None:
        """Delete a hit that the department has acknowledged; nothing happens when it is gone already.

        Raises:
            StorageError: the disk refuses.
        """
        try:
            remove_durably(self._path(hit))
        except OSError as problem:
            raise StorageError(f"nothing can be removed from {self.folder}: {_reason(problem)}") from None

    def _path(self, hit: UUID) -> Path:
        return self.folder / f"{hit}{SUFFIX}"


def _reason(problem: OSError) -> str:
    return "the disk is full" if problem.errno == errno.ENOSPC else problem.strerror or "unknown reason"
