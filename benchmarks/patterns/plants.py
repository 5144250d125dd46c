"""Copies of plates that were never shown, written into each of the edge's processes: all must be found."""

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import cv2
import numpy as np

from benchmarks.harness.memory_scan import Pattern, Region, regions
from benchmarks.patterns.canaries import draw_canaries
from benchmarks.patterns.picture_forms import (
    decoder_patterns,
    detector_patterns,
    frame_patterns,
    packet_patterns,
    reader_patterns,
    table_patterns,
)
from benchmarks.patterns.text_forms import text_patterns
from edge.flow import Pixels

CONTROL: Final = 10_000_000
"""Numbers of canaries from here on are controls'."""
_PROCESSES: Final = {"edge": 0, "capture process": 1000, "watchdog": 2000}
_PAGE: Final = 4096


def plants(role: str, count: int, seed: int) -> tuple[list[Pattern], list[tuple[int, Pixels]]]:
    """Return every form of plates that were never shown, others for each kind of process, and their crops."""
    patterns: list[Pattern] = []
    crops = []
    first = CONTROL + _PROCESSES[role]
    rng = np.random.default_rng([seed, _PROCESSES[role], 3])
    for canary in draw_canaries(count, seed + 1_000_003 + _PROCESSES[role]):
        number, box = first + canary.number, (0, 0, 160, 40)
        picture = rng.integers(0, 255, (40, 160, 3), np.uint8)
        tensor = (picture[:, :, 1] / 255).astype(np.float32)
        patterns += text_patterns(number, canary.text, canary.groups)
        patterns += frame_patterns(number, picture, box)
        patterns += decoder_patterns(number, picture[:, :, 0].copy(), box)
        patterns += packet_patterns(number, rng.bytes(1200))
        patterns += detector_patterns(number, (picture, tensor, 1.0), box)
        patterns += reader_patterns(number, picture)
        for form in ("log table", "probabilities"):
            patterns += table_patterns(number, rng.random((1, 37), np.float32), form)
        crops.append((number, picture))
    return patterns, crops


def plant(pid: int, patterns: Sequence[Pattern], crops: Sequence[tuple[int, Pixels]]) -> None:
    """Write them into a process's own private memory, where a stack has never reached.

    Raises:
        ProcessLookupError: it has no such place that is large enough.
    """
    jpegs = [cv2.imencode(".jpg", crop)[1].tobytes() for _, crop in crops]
    content = b"\0".join([*(pattern.content for pattern in patterns), *jpegs])
    memory = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        for region in _stacks(pid):
            start = region.start + _PAGE
            if os.pread(memory, len(content), start) == bytes(len(content)):
                os.pwrite(memory, content, start)
                return
    finally:
        os.close(memory)
    raise ProcessLookupError(f"process {pid} has no unused stack of {len(content)} bytes for a plant")


def _stacks(pid: int) -> list[Region]:
    """Return a process's stacks: its threads', which follow a page that cannot be touched, then its first."""
    mapped = regions(pid)
    threads = [
        region
        for before, region in pairwise(mapped)
        if before.rights.startswith("---") and before.end == region.start and region.rights == "rw-p"
        and region.name == "anonymous" and region.end - region.start >= 1 << 20
    ]  # fmt: skip
    return threads + [region for region in mapped if region.name == "[stack]"]
