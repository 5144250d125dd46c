"""One box a state folder: two writers would tear the chain of receipts and each other's spool."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge.errors import StorageError

LOCK: Final = "lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder while the block runs; the kernel gives it up when the process ends, however it ends.

    Raises:
        StorageError: another process holds it, or it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise StorageError(f"the folder {folder} cannot be used: {problem.strerror}") from None
    try:
        _take(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        hint = "Is alpr-edge running already? Every box needs folders of its own."
        raise StorageError(f"another process uses the state folder {folder}", hint=hint) from None
