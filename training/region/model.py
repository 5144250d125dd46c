"""The network: a plain residual trunk over 64 x 128 pixels in colour, read place by place and pooled."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.region.classes import CLASSES, HEIGHT, WIDTH

CHANNELS = (24, 32, 64, 128)
MIDDLE, CELL = 5, 8
"""The trunk's parts before its middle, whose cells are so many pixels wide."""
JUDGED = 96
"""The judge's channels."""


class ConvUnit(nn.Sequential):
    """Convolution 3 x 3, batch norm, ReLU."""

    def __init__(self, taken: int, given: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(taken, given, 3, stride, 1, bias=False), nn.BatchNorm2d(given), nn.ReLU(inplace=True)
        )


class Residual(nn.Module):
    """Two convolutions beside a straight way."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvUnit(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W to the same."""
        return torch.relu(x + self.second(self.first(x)))


class Judge(nn.Module):
    """What the trunk saw, place by place and as a whole, to logits: small enough to be trained by itself."""

    def __init__(self) -> None:
        super().__init__()
        cells = (HEIGHT // CELL // 2) * (WIDTH // CELL // 2)
        self.places = nn.Sequential(
            nn.Dropout2d(0.15), ConvUnit(CHANNELS[2] + 3, JUDGED, 2), ConvUnit(JUDGED, JUDGED), nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(JUDGED * cells, len(CLASSES)),
        )  # fmt: skip
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(2 * CHANNELS[3], len(CLASSES))

    def forward(self, cells: Tensor, pooled: Tensor) -> Tensor:
        """N x 67 x 8 x 16 and N x 256 to N x classes logits."""
        placed: Tensor = self.places(cells)
        return placed + self.head(self.drop(pooled))


class RegionNet(nn.Module):
    """N x 3 x 64 x 128 BGR in 0..1 to N x classes logits: a trunk that sees and a judge that tells."""

    def __init__(self) -> None:
        super().__init__()
        stem, one, two, three = CHANNELS
        self.trunk = nn.Sequential(
            ConvUnit(3, stem, 2), ConvUnit(stem, one, 2), Residual(one), ConvUnit(one, two, 2), Residual(two),
            ConvUnit(two, three, 2), Residual(three),
        )  # fmt: skip
        self.first = nn.Linear(2 * three, len(CLASSES))
        self.judge = Judge()

    def sight(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The trunk's middle with the colours of its cells (N x 67 x 8 x 16), and its end pooled (N x 256).

        The crop's mean and spread are taken out first, so that light matters less.
        """
        x = x - x.mean((1, 2, 3), keepdim=True)
        x = x / (x.square().mean((1, 2, 3), keepdim=True).sqrt() + 0.05)
        middle = self.trunk[:MIDDLE](x)
        end = self.trunk[MIDDLE:](middle)
        pooled = torch.cat((end.mean((2, 3)), end.amax((2, 3))), 1)
        return torch.cat((middle, nn.functional.avg_pool2d(x, CELL)), 1), pooled

    def forward(self, x: Tensor) -> Tensor:
        """Log of the mean of two opinions' probabilities: the trunk's first head's, and the judge's.

        The judge alone is too sure of designs that neither has seen; of those the two seldom say the same.
        """
        cells, pooled = self.sight(x)
        opinions = self.first(pooled).softmax(1) + self.judge(cells, pooled).softmax(1)
        return torch.log(opinions / 2 + 1e-9)
