"""What left a box in one run: every call by which a process can tell something, and what it left behind."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

STATE_FOLDERS = ("spool", "state", "trust")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call by which something can leave a process.

    Attributes:
        who: which process and which of its threads, by the order in which they were made: ``edge 0``.
        name: of the call.
        target: the file, the socket's far end, or empty.
        words: its other arguments, and how it failed where it did; no pointers, no process ids.
        data: the bytes handed over, if any.
        at: when, seconds since the epoch.
    """

    who: str
    name: str
    target: str
    words: str = ""
    data: bytes = field(default=b"", repr=False)
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class FileLeft:
    """One file or folder that is there after a run.

    Attributes:
        size: bytes.
        mode: permission bits and kind.
        changed: when last, seconds since the epoch.
        content: all of it; a link's target.
    """

    size: int
    mode: int
    changed: float
    content: bytes = field(repr=False)


@dataclass(slots=True)
class Outflow:
    """All that left one run of a box.

    Attributes:
        calls: in the order in which they began.
        looked: names that were asked for or opened for reading: (process, call, name).
        drawn: what the kernel's random number generator handed to each process, in order.
        received: what came in over sockets with an address, in order.
        announced: each frame that the capture process handed to the edge: (boot time in ms, its number).
        left: files by their path in the box's folder, but those that are as they were given.
        started, ended: seconds since the epoch.
        exit_code: of the edge.
        unseen: calls that move bytes out of the record's sight, by name; there must be none.
    """

    calls: list[Call] = field(default_factory=list)
    looked: set[tuple[str, str, str]] = field(default_factory=set)
    drawn: list[bytes] = field(default_factory=list, repr=False)
    received: bytearray = field(default_factory=bytearray, repr=False)
    left: dict[str, FileLeft] = field(default_factory=dict)
    started: float = 0.0
    ended: float = 0.0
    exit_code: int = 0
    unseen: list[str] = field(default_factory=list)
    announced: list[tuple[int, int]] = field(default_factory=list)

    def to(self, ending: str) -> Sequence[Call]:
        """Return the calls whose target ends so."""
        return [call for call in self.calls if call.target.endswith(ending)]

    @property
    def reading_at(self) -> float:
        """When the box said that it reads: its traffic's beginning; its start where it never said so."""
        for call in self.calls:
            if call.data.startswith(b'{"event": "note"') and json.loads(call.data)["text"] == "reading":
                return call.at
        return self.started


def files_in(folder: Path) -> dict[str, FileLeft]:
    """Return every file and folder in a box's folder by its path there."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        if path.is_symlink():
            content = str(path.readlink()).encode()
        else:
            content = path.read_bytes() if path.is_file() else b""
        size = status.st_size if path.is_file() else 0
        found[str(path.relative_to(folder))] = FileLeft(size, status.st_mode, status.st_mtime, content)
    return found


def changed_since(before: dict[str, FileLeft], folder: Path) -> dict[str, FileLeft]:
    """Return what is in a folder and was not, or is not as it was: content, mode or time."""
    return {name: file for name, file in files_in(folder).items() if before.get(name) != file}
