"""Look for many byte patterns at once in large memory: files, captured output, a running process.

A pattern is found by a key of 4, 8 or 16 of its bytes, the most varied ones. Every offset of the data is
hashed into a table of the keys; the few that fall on one are compared in full, so that the cost hardly grows
with the number of patterns.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

_BITS: Final = 22
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_NEXT: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_BLOCK: Final = 1 << 18
_ROUNDS: Final = 64
"""How often a process's mappings are listed anew while it is searched."""
SHORTEST: Final = 6
"""Shorter patterns occur by chance in a process's memory."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What to look for: the bytes, whose they are, and in which form."""

    content: bytes = field(repr=False)
    canary: int
    form: str


@dataclass(frozen=True, slots=True)
class Found:
    """One occurrence: of what, and where."""

    canary: int
    form: str
    address: int
    place: str


class Scanner:
    """Finds patterns in blocks of bytes.

    Raises:
        ValueError: a pattern is shorter than `SHORTEST` bytes.
    """

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        unique = {(pattern.content, pattern.canary, pattern.form): pattern for pattern in patterns}
        self.patterns = list(unique.values())
        if any(len(pattern.content) < SHORTEST for pattern in self.patterns):
            raise ValueError(f"a pattern has fewer than {SHORTEST} bytes")
        self.longest = max((len(pattern.content) for pattern in self.patterns), default=1)
        self._classes = [
            _KeyClass(width, [p for p in self.patterns if low <= len(p.content) < high])
            for width, low, high in ((4, 0, 8), (8, 8, 16), (16, 16, 1 << 30))
        ]

    def search(self, block: bytes | memoryview, place: str = "", base: int = 0) -> Iterator[Found]:
        """Yield every occurrence in a block; `base` is the address of its first byte."""
        data = np.frombuffer(block, np.uint8)
        for keys in self._classes:
            for offset, pattern in keys.search(data):
                yield Found(pattern.canary, pattern.form, base + offset, place)


class _KeyClass:
    """The patterns whose keys have one width."""

    def __init__(self, width: int, patterns: Sequence[Pattern]) -> None:
        self._width = width
        self._by_key: dict[bytes, list[tuple[int, Pattern]]] = {}
        for pattern in patterns:
            place = _most_varied(pattern.content, width)
            key = pattern.content[place : place + width]
            self._by_key.setdefault(key, []).append((place, pattern))
        joined = np.frombuffer(b"".join(self._by_key), np.uint8)
        self._keys = np.unique(_wide(joined, 0, width, step=width)) if patterns else np.zeros(0, np.uint64)
        self._table = np.zeros(1 << _BITS, bool)
        self._table[_slots(self._keys)] = True

    def search(self, data: npt.NDArray[np.uint8]) -> Iterator[tuple[int, Pattern]]:
        if not self._by_key or len(data) < self._width:
            return
        step = min(self._width, 8)
        for shift in range(step):
            keys = _wide(data, shift, self._width, step=step)
            candidates = np.flatnonzero(self._table[_slots(keys)])
            wanted = keys[candidates]
            nearest = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
            exact = candidates[self._keys[nearest] == wanted]
            for offset in (exact * step + shift).tolist():
                key = data[offset : offset + self._width].tobytes()
                for place, pattern in self._by_key.get(key, ()):
                    start = offset - place
                    end = start + len(pattern.content)
                    if start >= 0 and data[start:end].tobytes() == pattern.content:
                        yield start, pattern


def _most_varied(content: bytes, width: int) -> int:
    """Return where the window with the most different bytes begins: zeros and repeats are everywhere."""
    return max(range(len(content) - width + 1), key=lambda at: len(set(content[at : at + width]) - {0}))


def _wide(data: npt.NDArray[np.uint8], shift: int, width: int, *, step: int) -> Keys:
    """Return the keys at `shift`, `shift + step`, ...: the bytes themselves, or a mix of 16 of them."""
    usable = (len(data) - shift) // step * step
    part = data[shift : shift + usable]
    if width == 4:
        return part.view(np.uint32).astype(np.uint64)
    words = part.view(np.uint64)
    if width == 8:
        return words
    if step == 16:
        return _mixed(words[0::2], words[1::2])
    return _mixed(words[:-1], words[1:])


def _mixed(first: Keys, second: Keys) -> Keys:
    """Return one number for two words; every bit of both counts, so that few pairs share one."""
    mix = (first ^ (first >> np.uint64(31))) * _MIX
    mix += (second ^ (second >> np.uint64(29)) ^ _MIX) * _MIX_NEXT
    return mix ^ (mix >> np.uint64(32))


def _slots(keys: Keys) -> Keys:
    return (keys * _MIX) >> np.uint64(64 - _BITS)


_FILE: Final = "a file's own content, mapped read-only"
_NOT_ITS_OWN: Final = "not readable by the process itself"
_KERNEL_S: Final = frozenset({"[vvar]", "[vvar_vclock]"})
"""Pages of clock readings that the kernel puts into every process and shows to no other."""


@dataclass(slots=True)
class Coverage:
    """How much was looked at, and what was not, with the reason."""

    scanned: int = 0
    regions: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Coverage") -> None:
        """Count another process's too."""
        self.scanned += other.scanned
        self.regions += other.regions
        self.skipped += other.skipped

    @property
    def whole(self) -> bool:
        """Whether everything was searched that could hold something of a read."""
        return self.scanned > 0 and not self.skipped.keys() - {_FILE, _NOT_ITS_OWN, *_KERNEL_S}


@dataclass(frozen=True, slots=True)
class Region:
    """One mapping of a process."""

    start: int
    end: int
    rights: str
    name: str


def regions(pid: int) -> list[Region]:
    """Return a process's mappings."""
    found = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, rights, _, _, _, *name = line.split(maxsplit=5)
        start, end = (int(side, 16) for side in span.split("-"))
        found.append(Region(start, end, rights, name[0] if name else "anonymous"))
    return found


def search_process(pid: int, scanner: Scanner, coverage: Coverage) -> list[Found]:
    """Return every occurrence in the readable memory of a process; needs root or the same, dumpable user.

    The memory is copied first, which takes a moment, and the copy is searched, which takes many: a process that
    lives only for seconds is searched to its end all the same. It goes on meanwhile. What it gives back before it
    is reached is no longer its memory; what it maps anew is copied in the next round. What is mapped and cannot be
    read is noted in `coverage`, by name; nothing is noted of a process that ended too early.

    Raises:
        ProcessLookupError: it ended before all of it was copied.
    """
    reached = Coverage()
    try:
        copies = _copied(pid, scanner.longest, reached)
        ended = not regions(pid)
    except FileNotFoundError:
        ended = True
    if ended:
        raise ProcessLookupError(f"process {pid} ended while its memory was copied")
    coverage.add(reached)
    found = {
        (each.address, each.form, each.canary): each
        for block, place, base in copies
        for each in scanner.search(block, place, base)
    }
    return list(found.values())


def _copied(pid: int, overlap: int, coverage: Coverage) -> list[tuple[bytes, str, int]]:
    """Return the memory of a process in blocks, each with its place and the address of its first byte.

    A block begins with the last `overlap` bytes of the one before; one of zeros alone is left out.
    """
    copies: list[tuple[bytes, str, int]] = []
    seen: list[tuple[int, int]] = []
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        for _ in range(_ROUNDS):
            left = _unseen(pid, seen)
            if not left:
                return copies
            for region in left:
                if why := _out_of_reach(region):
                    coverage.skipped[why] += region.end - region.start
                    seen.append((region.start, region.end))
                    continue
                end = _copy_region(memory, region, overlap, copies, coverage)
                seen.append((region.start, end))
                coverage.regions += end > region.start
        for region in _unseen(pid, seen):
            name = region.name if region.name.startswith("[") else "the kernel refused"
            coverage.skipped[name] += region.end - region.start
    finally:
        os.close(memory)
    return copies


def _unseen(pid: int, seen: Sequence[tuple[int, int]]) -> list[Region]:
    """Return the parts of a process's mappings that no search has come to."""
    left: list[Region] = []
    for region in regions(pid):
        start = region.start
        for first, last in sorted(seen):
            if first < region.end and last > start:
                if first > start:
                    left.append(replace(region, start=start, end=first))
                start = last
        if start < region.end:
            left.append(replace(region, start=start))
    return left


def _out_of_reach(region: Region) -> str:
    """Say why nothing of a read can be in a region, or nothing."""
    if not region.rights.startswith("r"):
        return _NOT_ITS_OWN
    if region.name.startswith("/") and "w" not in region.rights:
        return _FILE
    return ""


def _copy_region(
    memory: int, region: Region, overlap: int, copies: list[tuple[bytes, str, int]], coverage: Coverage
) -> int:
    """Copy one region, block by block, each with the end of the one before; return how far it could be read."""
    tail, at = b"", region.start
    while at < region.end:
        try:
            block = os.pread(memory, min(_BLOCK, region.end - at), at)
        except OSError:
            break
        if not block:
            break
        coverage.scanned += len(block)
        if tail.strip(b"\0") or block.strip(b"\0"):
            copies.append((tail + block, f"{region.name} {region.rights}", at - len(tail)))
        tail = block[-overlap:]
        at += len(block)
    return at


def descendants(pid: int) -> list[int]:
    """Return a process and everything it has started that still runs."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parts = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if parts[0] not in "ZX":
            children.setdefault(int(parts[1]), []).append(int(status.parent.name))
    found, wave = [pid], [pid]
    while wave:
        wave = [child for parent in wave for child in children.get(parent, [])]
        found += wave
    return found
