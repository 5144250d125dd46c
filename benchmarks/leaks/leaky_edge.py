"""The edge with a fault planted by the benchmark: it keeps something of every turn. A control, never a product.

    python -m benchmarks.leaks.leaky_edge run --config edge.toml --json

The edge keeps no environment but its own, so how much is kept is the module's: `very_leaky_edge` keeps more.
"""

from edge import cli
from edge.flow import Frame
from edge.pipeline.loop import Pipeline
from edge.runtime import box

_kept: list[bytearray] = []


class LeakyPipeline(Pipeline):
    """A pipeline that keeps something of each turn."""

    __slots__ = ()
    kib = 16
    """How much is kept of each turn, KiB."""

    def turn(self, frame: Frame) -> None:
        """Do a turn, and keep some memory."""
        super().turn(frame)
        _kept.append(bytearray(self.kib << 10).replace(b"\0", b"\1"))


def main(kib: int = LeakyPipeline.kib) -> None:
    """Run the edge's command line over the leaky pipeline."""
    LeakyPipeline.kib = kib
    box.Pipeline = LeakyPipeline  # type: ignore[attr-defined]
    cli.main()


if __name__ == "__main__":
    main()
