"""The one place where live reads lie: fixed slots of locked memory, wiped when a read ends (R2, R4).

Between two pages that cannot be touched lie the slots, each a whole number of pages. They are locked into
memory, so that they never reach swap; left out of core dumps; and a child that is forked sees zeros.
"""

import ctypes
import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

from hitonly_core import libc
from hitonly_core.safeguard import Measure, attempt

Record = np.void
"""A structured view of one slot: reading a field reads the slot, setting one writes it."""


class Arena:
    """Fixed slots of locked memory.

    Attributes:
        slots: how many.
        measures: what the platform granted: locked, not dumped, wiped on fork, guarded.
    """

    def __init__(self, slots: int, dtype: np.dtype[Any]) -> None:
        """Map and lock `slots` slots for records of `dtype`.

        Raises:
            ValueError: no slots, a record of no size, or one with Python objects, which a wipe would leave.
            OSError: the memory cannot be mapped.
        """
        if slots < 1 or dtype.itemsize < 1 or dtype.hasobject:
            raise ValueError(f"cannot hold {slots} slots of {dtype.itemsize} bytes without Python objects")
        page = mmap.PAGESIZE
        self.slots = slots
        self._stride = -(-dtype.itemsize // page) * page
        size = slots * self._stride
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._pages = mmap.mmap(-1, size + 2 * page, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._pages))
        self._address, self._size = start + page, size
        self._records: npt.NDArray[Record] = np.ndarray(
            (slots,), dtype, buffer=self._pages, offset=page, strides=(self._stride,)
        )
        self.measures = self._protect(start, page)

    def record(self, index: int) -> Record:
        """View slot `index`; the view stays valid, so whoever keeps it would see the next vehicle's read."""
        record: Record = self._records[index]
        return record

    def wipe(self, index: int) -> None:
        """Overwrite slot `index`, padding included, with zeros."""
        libc.overwrite(self._address + self._place(index), self._stride)

    def wipe_all(self) -> None:
        """Overwrite every slot with zeros."""
        libc.overwrite(self._address, self._size)

    def is_clear(self, index: int) -> bool:
        """Whether slot `index`, padding included, holds only zeros."""
        start = mmap.PAGESIZE + self._place(index)
        return not np.frombuffer(self._pages, np.uint8, self._stride, start).any()

    @property
    def span(self) -> tuple[int, int]:
        """Address and length of the slots, for a scan of this process's memory."""
        return self._address, self._size

    @property
    def stride(self) -> int:
        """Bytes from one slot to the next."""
        return self._stride

    def _place(self, index: int) -> int:
        if not 0 <= index < self.slots:
            raise IndexError(f"slot {index} of {self.slots}")
        return index * self._stride

    def _protect(self, start: int, page: int) -> tuple[Measure, ...]:
        def guard() -> None:
            libc.mprotect(start, page, libc.PROT_NONE)
            libc.mprotect(self._address + self._size, page, libc.PROT_NONE)

        address, size = self._address, self._size
        return (
            attempt("arena-locked", lambda: libc.mlock(address, size)),
            attempt("arena-not-dumped", lambda: libc.madvise(address, size, libc.MADV_DONTDUMP)),
            attempt("arena-wiped-on-fork", lambda: libc.madvise(address, size, libc.MADV_WIPEONFORK)),
            attempt("arena-guarded", guard),
        )
