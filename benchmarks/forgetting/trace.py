"""What a process wrote, from strace's record: every byte, and every file that was made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.differential.outflow_trace import UNSEEN

_CALL = re.compile(rb"^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)")
_TEXT = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')
_DATA = frozenset(
    {b"write", b"writev", b"pwrite64", b"pwritev", b"pwritev2", b"sendto", b"sendmsg", b"sendmmsg"}
)
_UNSEEN = frozenset(name.encode() for name in UNSEEN)
_MAKING = (b"open", b"creat", b"rename", b"link", b"symlink", b"mknod", b"mkdir", b"truncate")


@dataclass(slots=True)
class Written:
    """What was written.

    Attributes:
        data: each call's bytes.
        calls: how many calls wrote.
        unseen: calls that moved bytes out of the record's sight, by name and count.
        made: files that were made or opened for writing.
        connected: addresses connected to, other than the box's own sockets.
    """

    data: list[bytes] = field(default_factory=list, repr=False)
    calls: int = 0
    unseen: dict[str, int] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    connected: set[str] = field(default_factory=set)


def read_trace(path: Path) -> Written:
    """Read a record made with ``strace -f -xx -yy``; calls that the kernel refused are left out."""
    written = Written()
    for line in _whole_lines(path):
        call = _CALL.match(line)
        if call is None or call[4].startswith(b"-"):
            continue
        name, arguments = call[2], call[3]
        if name in _DATA:
            written.calls += 1
            written.data += [_bytes(text) for text in _TEXT.findall(arguments)]
        elif name in _UNSEEN:
            written.unseen[name.decode()] = written.unseen.get(name.decode(), 0) + 1
        elif name == b"connect":
            written.connected.add(arguments.decode(errors="replace")[:200])
        elif name.startswith(_MAKING):
            _note_file(name, arguments, written)
    return written


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yield calls on one line each: strace breaks a call in two when another thread runs meanwhile."""
    begun: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        for line in file:
            process, _, rest = line.rstrip(b"\n").partition(b" ")
            if rest.endswith(b"<unfinished ...>"):
                begun[process] = line.rstrip(b"\n").removesuffix(b"<unfinished ...>")
            elif b" resumed>" in rest[:60]:
                yield begun.pop(process, b"") + rest.partition(b" resumed>")[2]
            else:
                yield line


def _note_file(name: bytes, arguments: bytes, written: Written) -> None:
    texts = [_bytes(text).decode(errors="replace") for text in _TEXT.findall(arguments)]
    opening = name.startswith(b"open")
    if texts and (not opening or re.search(rb"O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE)", arguments)):
        written.made.add(texts[-1])


def _bytes(text: bytes) -> bytes:
    return bytes.fromhex(text.replace(b"\\x", b"").decode())
