"""Files that are either whole or absent: written beside, synced, then moved into place."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def write_durably(path: Path, content: bytes, *, mode: int = 0o600, replace: bool = True) -> None:
    """Write a file so that a crash at any moment leaves the old one, or none, or the new one whole.

    Args:
        path: where the file shall be.
        content: all of it.
        mode: permission bits.
        replace: whether an existing file may be replaced.

    Raises:
        FileExistsError: the file is there and `replace` is false.
        OSError: the disk is full, or the folder absent or not ours.
    """
    with writing_durably(path, mode=mode, replace=replace) as file:
        file.write(content)


@contextlib.contextmanager
def writing_durably(path: Path, *, mode: int = 0o600, replace: bool = True) -> Iterator[BinaryIO]:
    """Give a file to write into, which takes its place whole when the block ends without an error.

    The temporary file has its final mode from birth. The folder is synced too, so that the name survives a
    power cut. On any failure the temporary file is removed.

    Args:
        path: where the file shall be.
        mode: permission bits.
        replace: whether an existing file may be replaced.

    Raises:
        FileExistsError: the file is there and `replace` is false.
        OSError: the disk is full, or the folder absent or not ours.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)
            temporary.unlink()
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def clear_unfinished(folder: Path) -> None:
    """Remove what a crash left half-written; only for the one program that writes there, before it writes.

    Raises:
        OSError: the folder cannot be changed.
    """
    for left in folder.glob(".*.part"):
        left.unlink(missing_ok=True)


def remove_durably(path: Path) -> None:
    """Remove a file, if it is there, so that it does not come back after a power cut."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
