"""Where the time goes: nanoseconds and turns per stage of the pipeline. Counts and durations only."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

STAGES = ("motion", "detect", "read", "region", "fuse", "match", "seal")


@dataclass(slots=True)
class Stages:
    """Time spent in each stage since the start."""

    spent_ns: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    turns: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count one turn of a stage and the time until the block ends."""
        start = time.perf_counter_ns()
        try:
            yield
        finally:
            self.spent_ns[stage] += time.perf_counter_ns() - start
            self.turns[stage] += 1
