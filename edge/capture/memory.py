"""The frames' memory, shared by the edge and one capture process: a few slots, in RAM only (promise 3).

It has no name in any file system (``memfd_create``), is locked, left out of core dumps, and wiped when it is
given up.
"""

import fcntl
import mmap
import os
from typing import Final

import numpy as np

from edge.capture.guard import lock, wipe
from edge.flow import Pixels

SLOTS: Final = 3
"""One in the edge's hands, one ready, one being written: nobody ever waits for a live camera's frame."""


class FrameMemory:
    """`SLOTS` places for one frame each, mapped from a file descriptor that both processes hold.

    Attributes:
        fd: the descriptor; the edge creates it, the capture process receives it.
        slot_bytes: size of one place; a frame takes height x width x 3 bytes of it.
        locked: whether the kernel promised to keep it in RAM.
    """

    def __init__(self, fd: int, slot_bytes: int) -> None:
        self.fd = fd
        self.slot_bytes = slot_bytes
        self._map = mmap.mmap(fd, SLOTS * slot_bytes)
        self.locked = lock(self._map)

    @classmethod
    def create(cls, slot_bytes: int) -> "FrameMemory":
        """Make new, zeroed memory whose size nobody can change any more."""
        fd = os.memfd_create("frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, SLOTS * slot_bytes)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return cls(fd, slot_bytes)

    def view(self, slot: int, height: int, width: int) -> Pixels:
        """Return one place as height x width x 3 uint8 pixels, without a copy.

        Raises:
            ValueError: no such slot, or the frame does not fit in it.
        """
        size = height * width * 3
        if not (0 <= slot < SLOTS and 0 < size <= self.slot_bytes):
            raise ValueError(f"slot {slot} of {SLOTS} cannot hold {width} x {height}")
        flat = np.frombuffer(self._map, dtype=np.uint8, count=size, offset=slot * self.slot_bytes)
        return flat.reshape(height, width, 3)

    def wipe(self) -> None:
        """Overwrite every slot."""
        wipe(self._map)

    def close(self) -> None:
        """Wipe, and give the descriptor back; the mapping goes when the last view of it does."""
        self.wipe()
        os.close(self.fd)
