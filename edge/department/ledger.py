"""Where receipts are kept: an append-only file in the state folder, rotated by size, its chain unbroken."""

import contextlib
import errno
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from edge.errors import StorageError
from hitonly_core.clock import NS, Clock
from hitonly_core.files import sync_folder
from hitonly_core.keys import SigningKey
from protocol.counts import Counts
from protocol.receipts import (
    FIRST,
    Anchor,
    Reason,
    Receipt,
    ReceiptError,
    Run,
    digest,
    from_line,
    to_line,
)

NAME: Final = "receipts.jsonl"
MAX_BYTES: Final = 1 << 20
"""A file of about 1,000 receipts: each has 900 to 1,000 bytes."""
KEPT: Final = 640
"""Files kept: more than a year of receipts, even from a box that starts anew every two minutes (R12)."""
_DRIFT_NS: Final = NS


class Ledger:
    """Writes receipts. One writer a folder; use it from one thread.

    A line that a power cut left half-written was never a receipt: it is cut off when the ledger is opened.
    """

    def __init__(self, folder: Path, key: SigningKey, run: Run, clock: Clock) -> None:
        """Open the chain where it ended, or begin it.

        Raises:
            StorageError: the folder cannot be written, or the last line is not this device's.
        """
        self._path, self._key, self._run, self._clock = folder / NAME, key, run, clock
        self._offset_ns: int | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._last = self._find_end()
        except OSError as problem:
            raise StorageError(f"the receipts in {folder} cannot be written: {problem.strerror}") from None

    @property
    def run(self) -> Run:
        """What every receipt of this run says of it."""
        return self._run

    @property
    def last(self) -> Anchor | None:
        """The last receipt's number and digest, for the department; None before the first."""
        return self._last

    def write(
        self,
        reason: Reason,
        counts: Counts,
        *,
        kept: bool,
        list_version: int,
        at_ns: int | None = None,
        lost: int = 0,
    ) -> Receipt:
        """Append one receipt, durably. `edge.department.steps` says when, and with which counts.

        Args:
            reason: why it is written.
            counts: what may be published.
            kept: whether no read has outlived the window.
            list_version: of the hot list in use; 0 for none.
            at_ns: the time that it names, boot time in nanoseconds; now if None. Whole seconds are written.
            lost: hits that no disk took until the box ended.

        Raises:
            StorageError: the disk refuses; the file is as it was.
        """
        now, wall = self._clock.boot_ns(), self._clock.utc()
        boot_ns = now if at_ns is None else at_ns
        boot_ns -= boot_ns % NS
        utc = wall - timedelta(microseconds=(now - boot_ns) // 1000)
        offset_ns = round(wall.timestamp() * NS) - now
        receipt = Receipt(
            run=self._run,
            sequence=self._last.sequence + 1 if self._last else 0,
            previous=self._last.digest if self._last else FIRST,
            reason=reason,
            utc=(utc + timedelta(milliseconds=500)).replace(microsecond=0),
            boot_ns=boot_ns,
            counts=counts,
            kept=kept,
            clock_kept=self._offset_ns is None or abs(offset_ns - self._offset_ns) <= _DRIFT_NS,
            list_version=list_version,
            lost=lost,
        )
        line = to_line(receipt, self._key)
        try:
            self._rotate(receipt.sequence)
            self._append(line)
        except OSError as problem:
            raise StorageError(f"{self._path} cannot be written: {problem.strerror}") from None
        self._last, self._offset_ns = Anchor(receipt.sequence, digest(line)), offset_ns
        return receipt

    def _append(self, line: bytes) -> None:
        new = not self._path.exists()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            try:
                _write_whole(descriptor, line)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        if new:
            sync_folder(self._path.parent)

    def _rotate(self, sequence: int) -> None:
        """Put a full file aside under the number of the receipt that comes next; drop the oldest."""
        if not self._path.exists() or self._path.stat().st_size < MAX_BYTES:
            return
        self._path.rename(self._path.with_name(f"receipts-{sequence:012}.jsonl"))
        for old in _set_aside(self._path.parent)[:-KEPT]:
            old.unlink()
        sync_folder(self._path.parent)

    def _find_end(self) -> Anchor | None:
        """Cut off a half-written line and return the end of the chain."""
        for path in reversed([*_set_aside(self._path.parent), self._path]):
            if not path.exists():
                continue
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.truncate(path, whole)
            if whole:
                return self._anchor(content[:whole].splitlines()[-1])
        return None

    def _anchor(self, line: bytes) -> Anchor:
        try:
            return Anchor(from_line(line, self._key.public).sequence, digest(line))
        except ReceiptError as error:
            hint = "Keep the files for whoever must look into it, and move them away to begin a new chain."
            raise StorageError(f"the last receipt in {self._path.parent}: {error}", hint=hint) from None


def read_lines(folder: Path, *, since: int = 0) -> Iterator[bytes]:
    """Yield a folder's receipts, oldest first, for `protocol.receipt_chain.verify`.

    Args:
        folder: the state folder.
        since: files that hold only receipts before this number are passed over unread.

    Raises:
        StorageError: a file cannot be read.
    """
    try:
        for path in [*_set_aside(folder), folder / NAME]:
            if path.exists() and not _is_before(path, since):
                yield from path.read_bytes().splitlines(keepends=True)
    except OSError as problem:
        raise StorageError(f"the receipts in {folder} cannot be read: {problem.strerror}") from None


def _write_whole(descriptor: int, line: bytes) -> None:
    if os.write(descriptor, line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(descriptor)


def _is_before(path: Path, number: int) -> bool:
    """Whether a file was put aside when a receipt of this number or an earlier one came next."""
    following = path.stem.removeprefix("receipts-")
    return following.isdecimal() and int(following) <= number


def _set_aside(folder: Path) -> list[Path]:
    return sorted(folder.glob("receipts-*.jsonl"))
