"""The network: a plain residual trunk over 64 x 128 pixels in colour, read place by place and pooled."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.region.classes import CLASSES, HEIGHT, WIDTH

CHANNELS = (24, 32, 64, 128)
STRIDE, PLACED = 16, 32
"""The trunk's stride, and the channels in which the head knows where on the plate a thing stands."""


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


class RegionNet(nn.Module):
    """N x 3 x 64 x 128 BGR in 0..1 to N x classes logits."""

    def __init__(self) -> None:
        super().__init__()
        stem, one, two, three = CHANNELS
        self.trunk = nn.Sequential(
            ConvUnit(3, stem, 2), ConvUnit(stem, one, 2), Residual(one), ConvUnit(one, two, 2), Residual(two),
            ConvUnit(two, three, 2), Residual(three),
        )  # fmt: skip
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(2 * three, len(CLASSES))
        places = PLACED * (HEIGHT // STRIDE) * (WIDTH // STRIDE)
        self.places = nn.Sequential(
            nn.Conv2d(three, PLACED, 1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(places, len(CLASSES))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits; the crop's mean and spread are taken out first, so that light matters less."""
        x = x - x.mean((1, 2, 3), keepdim=True)
        x = x / (x.square().mean((1, 2, 3), keepdim=True).sqrt() + 0.05)
        features = self.trunk(x)
        pooled = torch.cat((features.mean((2, 3)), features.amax((2, 3))), 1)
        placed: Tensor = self.places(features)
        return placed + self.head(self.drop(pooled))
