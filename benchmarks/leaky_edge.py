"""The edge with a fault planted by the benchmark: it keeps 16 KiB of every frame. A control, never a product.

python -m benchmarks.leaky_edge run --config edge.toml --json
"""

from typing import Final

from edge import box, cli
from edge.flow import Frame
from edge.pipeline import Pipeline

LEAK_BYTES: Final = 16 << 10
_kept: list[bytearray] = []


class LeakyPipeline(Pipeline):
    """A pipeline that keeps something of each turn."""

    __slots__ = ()

    def turn(self, frame: Frame) -> None:
        """Do a turn, and lose some memory."""
        super().turn(frame)
        _kept.append(bytearray(LEAK_BYTES).replace(b"\0", b"\1"))


def main() -> None:
    """Run the edge's command line over the leaky pipeline."""
    box.Pipeline = LeakyPipeline  # type: ignore[attr-defined]
    cli.main()


if __name__ == "__main__":
    main()
