"""A long list's entries, kept small: canonical lines in compressed blocks, an `Entry` made when asked for.

A hundred thousand `Entry` objects take about a hundred megabytes; the same list here takes a few. A camera
box asks for an entry only when a plate matches, so that is when the work is done.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, overload

from hotlist.entry import Entry, entry_from_line, entry_to_line

BLOCK: Final = 64
"""Entries in a block: one is found by unpacking one block, about 25 kB."""

_PLATE: Final = b'"plate":"'
"""Stands once in a line: inside a JSON string every quotation mark has a backslash before it."""


class Entries(Sequence[Entry]):
    """An immutable sequence of entries. Made by `EntriesBuilder`; its repr shows only how many there are."""

    __slots__ = ("_blocks", "_count")

    def __init__(self, blocks: tuple[bytes, ...], count: int) -> None:
        self._blocks = blocks
        self._count = count

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Entries":
        """Pack entries, in the order they come in."""
        builder = EntriesBuilder()
        for entry in entries:
            builder.add(entry_to_line(entry))
        return builder.finish()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Entry, ...]: ...
    def __getitem__(self, place: int | slice) -> Entry | tuple[Entry, ...]:
        if isinstance(place, slice):
            return tuple(self[each] for each in range(*place.indices(self._count)))
        if not -self._count <= place < self._count:
            raise IndexError(f"entry {place} of a list of {self._count}")
        block, line = divmod(place % self._count, BLOCK)
        return entry_from_line(zlib.decompress(self._blocks[block]).split(b"\n")[line])

    def __iter__(self) -> Iterator[Entry]:
        return map(entry_from_line, self.lines())

    def lines(self) -> Iterator[bytes]:
        """Return each entry's canonical JSON in order."""
        for block in self._blocks:
            yield from zlib.decompress(block).split(b"\n")

    def plates(self) -> Iterator[str]:
        """Return each entry's plate in order, without making entries: ten times as fast, for the index."""
        for line in self.lines():
            start = line.index(_PLATE) + len(_PLATE)
            yield line[start : line.index(b'"', start)].decode("ascii")

    def __repr__(self) -> str:
        return f"<{self._count} entries>"


class EntriesBuilder:
    """Takes canonical lines one by one; `finish` gives the packed sequence."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._open: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Take one entry's canonical JSON, already checked."""
        self._open.append(line)
        if len(self._open) == BLOCK:
            self._close()

    def finish(self) -> Entries:
        """Return all that was added."""
        count = len(self._blocks) * BLOCK + len(self._open)
        if self._open:
            self._close()
        return Entries(tuple(self._blocks), count)

    def _close(self) -> None:
        self._blocks.append(zlib.compress(b"\n".join(self._open), 1))
        self._open = []
