"""The edge as ``alpr-edge run`` starts it, with a note of when each hit was decided, spooled and acknowledged.

    python -m benchmarks.watched_edge edge.toml

One JSON object a line on its output: a hit's id, what happened, and the wall clock's nanoseconds. Nothing of
it tells a plate. The product's own seams are used: stages, spool and listener are handed in.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from edge import hardening
from edge.box import Box, Listener
from edge.config import load_config
from edge.hit import Hit
from edge.limits import allowed
from edge.spool import Spool
from edge.stages import Stages


@dataclass(slots=True)
class NotedStages(Stages):
    """Stages that remember when sealing began last: the moment at which a hit was decided."""

    decided_ns: int = 0

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count a stage as ever."""
        if stage == "seal":
            self.decided_ns = time.time_ns()
        with super(NotedStages, self).of(stage):
            yield


class NotedSpool(Spool):
    """A spool that says when the department's signed word for a hit has come."""

    def remove(self, hit: UUID) -> None:
        """Delete as ever."""
        super().remove(hit)
        say(hit, "receipt", time.time_ns())


def say(hit: UUID, what: str, at_ns: int) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps({"hit": str(hit), "what": what, "at_ns": at_ns}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the edge over its configuration until its source ends."""
    hardening.renew()
    config = load_config(Path(sys.argv[1]))
    measures = hardening.harden(allowed(config), unsafe_allow_swap=config.unsafe_allow_swap)
    stages = NotedStages()

    def spooled(hit: Hit) -> None:
        now = time.time_ns()
        say(hit.id, "picture", int(hit.captured.timestamp() * 1e9))
        say(hit.id, "decided", stages.decided_ns)
        say(hit.id, "spooled", now)

    box = Box.assemble(config, listener=Listener(hit=spooled), measures=measures)
    (pipeline,) = box.pipelines
    pipeline.stages = stages
    if box.department:
        box.department.courier.spool = NotedSpool(config.storage.spool)
    box.run()


if __name__ == "__main__":
    main()
