"""The edge with a fault planted by the benchmark: it keeps something of every turn. A control, never a product.

LEAK_KIB=16 python -m benchmarks.leaks.leaky_edge run --config edge.toml --json
"""

import os
from typing import Final

from edge.runtime import box
from edge import cli
from edge.flow import Frame
from edge.pipeline.loop import Pipeline

VARIABLE: Final = "LEAK_KIB"
"""How much is kept of each turn, KiB; 16 where it is not set."""
_kept: list[bytearray] = []
_leak = int(os.environ.get(VARIABLE, "16")) << 10


class LeakyPipeline(Pipeline):
    """A pipeline that keeps something of each turn."""

    __slots__ = ()

    def turn(self, frame: Frame) -> None:
        """Do a turn, and lose some memory."""
        super().turn(frame)
        _kept.append(bytearray(_leak).replace(b"\0", b"\1"))


def main() -> None:
    """Run the edge's command line over the leaky pipeline."""
    box.Pipeline = LeakyPipeline  # type: ignore[attr-defined]
    cli.main()


if __name__ == "__main__":
    main()
