"""Where the listed plates are looked up: sorted 64-bit codes, and a bit map that answers most of "no".

A binary search among five million codes costs some twenty cache misses one after the other; nearly every
candidate is unlisted. So a candidate first asks one bit of a map with at least sixteen bits an entry,
and only the few whose bit is set (every listed one, and at most one unlisted in sixteen) are searched for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from hotlist.entry import Entry
from hotlist.plate import encode

Codes = npt.NDArray[np.uint64]

_BITS_PER_ENTRY: Final = 16
_LEAST_BITS: Final = 13
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: its multiples' upper bits are spread evenly (Knuth, TAOCP 6.4)."""


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """The listed plates, ready to be looked up. Several entries may name one plate.

    Attributes:
        version: the hot list's version.
        entries: the entries, in the list's own order.
        codes: (n,) uint64, sorted; the codes of the entries' plates (`hotlist.plate.encode`).
        order: (n,) uint32; place in `entries` of each code.
        bits: (2**k,) uint8; the bit map, eight plates' bits a byte.
        shift: how far a hashed code is shifted to be a bit's place in `bits`.
    """

    version: int
    entries: Sequence[Entry] = field(repr=False)
    codes: Codes = field(repr=False)
    order: npt.NDArray[np.uint32] = field(repr=False)
    bits: npt.NDArray[np.uint8] = field(repr=False)
    shift: np.uint64 = field(repr=False)

    @classmethod
    def build(cls, version: int, entries: Sequence[Entry]) -> Self:
        """Index the entries of a hot list. The order of the entries changes nothing but `order`.

        Raises:
            PlateError: an entry's plate is not normalised.
        """
        codes = np.fromiter((encode(entry.plate) for entry in entries), np.uint64, len(entries))
        return cls.from_codes(version, entries, codes)

    @classmethod
    def from_codes(cls, version: int, entries: Sequence[Entry], codes: Codes) -> Self:
        """Index entries whose codes are known already; ``codes[i]`` is that of ``entries[i]``."""
        order = np.argsort(codes, kind="stable").astype(np.uint32)
        ordered = codes[order]
        exponent = max(_LEAST_BITS, (_BITS_PER_ENTRY * len(codes) - 1).bit_length())
        shift = np.uint64(64 - exponent)
        bits = np.zeros(1 << (exponent - 3), np.uint8)
        place = (ordered * _MULTIPLIER) >> shift
        np.bitwise_or.at(bits, place >> np.uint64(3), np.uint8(1) << (place & np.uint64(7)).astype(np.uint8))
        for array in (ordered, order, bits):
            array.setflags(write=False)
        return cls(version, entries, ordered, order, bits, shift)

    @property
    def nbytes(self) -> int:
        """Bytes of memory of the look-up's arrays; the entries themselves are the list's."""
        return self.codes.nbytes + self.order.nbytes + self.bits.nbytes

    def listed(self, codes: Codes, scratch: Codes) -> npt.NDArray[np.intp]:
        """Return the places in `codes` that hold a listed plate's code.

        Args:
            codes: (m,) uint64 candidates.
            scratch: at least m uint64, overwritten with numbers from which candidates could be worked out;
                the caller wipes it.
        """
        hashed = scratch[: len(codes)]
        np.multiply(codes, _MULTIPLIER, out=hashed)
        np.right_shift(hashed, self.shift, out=hashed)
        bit = (hashed & np.uint64(7)).astype(np.uint8)
        np.right_shift(hashed, np.uint64(3), out=hashed)
        maybe = np.flatnonzero((self.bits.take(hashed.view(np.int64)) >> bit) & np.uint8(1))
        if not len(maybe) or not len(self.codes):
            return maybe[:0]
        asked = scratch[: len(maybe)]
        codes.take(maybe, out=asked, mode="clip")
        found = self.codes.searchsorted(asked)
        np.minimum(found, len(self.codes) - 1, out=found)
        hits: npt.NDArray[np.intp] = maybe[self.codes[found] == asked]
        return hits

    def of(self, code: int) -> Iterator[Entry]:
        """Yield the entries of one listed plate, in the list's order."""
        first, end = self.codes.searchsorted(np.array([code, code + 1], np.uint64))
        for place in self.order[first:end]:
            yield self.entries[place]
