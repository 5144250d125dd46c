"""The plate reader: a small convolutional trunk, two line heads and a counting read-out.

The trunk turns a 64 x 128 grey crop into 4 x 32 cells. Two heads look along the columns: one for the first (or
only) line of characters, one for the second line of a two-line plate. Each column of a head says how much of a
character's centre it holds (its emission, 0 to 1). The running sum of the emissions counts characters, so slot k
gathers the columns where the count passes k + 1/2. No step depends on the data's values, so the whole graph
exports to ONNX.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HEIGHT, WIDTH = 64, 128
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
PAD = ALPHABET.index("_")
SLOTS = 10
COLUMNS = WIDTH // 4
LINES = 2


@dataclass(frozen=True, slots=True)
class Output:
    """What one forward pass yields; N samples, T = LINES * COLUMNS positions, line one first."""

    slots: Tensor  # N x SLOTS x 37 logits
    dense: Tensor  # N x T x 37 logits, meaningful where a character's centre is
    emission: Tensor  # N x T logits of the centre mass


class ConvUnit(nn.Sequential):
    """Convolution, batch norm, ReLU; the activation can be left to the caller."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int | tuple[int, int] = 1,
        *,
        activate: bool = True,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if activate:
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvUnit(channels, channels, 3)
        self.second = ConvUnit(channels, channels, 3, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        """The identity plus both convolutions, rectified."""
        return functional.relu(x + self.second(self.first(x)))


class Context(nn.Module):
    """A residual pair of 1-D convolutions along a sequence (N x C x L)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(channels, channels, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(inplace=True),
            nn.Conv1d(channels, channels, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """N x C x L to the same shape."""
        return functional.relu(x + self.body(x))


def read_out(features: Tensor, emission: Tensor) -> tuple[Tensor, Tensor]:
    """Gather the slots' features by counting emissions along the reading order.

    features is N x T x C, emission N x T in 0..1. Returns N x SLOTS x C and the mass gathered, N x SLOTS x 1.
    A column whose middle count is m belongs to slot k with weight max(0, 1 - |m - (k + 1/2)| / 0.75).
    """
    middle = emission.cumsum(1) - emission / 2
    centres = torch.arange(SLOTS, dtype=emission.dtype, device=emission.device) + 0.5
    distance = (middle.unsqueeze(1) - centres.view(1, SLOTS, 1)).abs()
    weight = emission.unsqueeze(1) * functional.relu(1 - distance / 0.75)
    mass = weight.sum(2, keepdim=True)
    return weight @ features / (mass + 0.1), mass


class PlateReader(nn.Module):
    """Grey N x 1 x 64 x 128 in 0..1 to slot, column and emission logits."""

    def __init__(
        self, widths: tuple[int, int, int, int] = (24, 64, 96, 128), depths: tuple[int, int, int] = (1, 1, 1)
    ) -> None:
        super().__init__()
        stem, low, middle, high = widths
        self.trunk = nn.Sequential(
            ConvUnit(1, stem, 5, 2),
            ConvUnit(stem, low, 3, 2),
            *(Residual(low) for _ in range(depths[0])),
            ConvUnit(low, middle, 3, (2, 1)),
            *(Residual(middle) for _ in range(depths[1])),
            ConvUnit(middle, high, 3, (2, 1)),
            *(Residual(high) for _ in range(depths[2])),
        )
        self.rows = nn.Conv2d(high, LINES, 1)
        self.row_place = nn.Parameter(torch.zeros(1, LINES, HEIGHT // 16, 1))
        self.line = nn.Parameter(torch.zeros(1, LINES, high, 1))
        self.columns = nn.Sequential(Context(high, 5), Context(high, 3))
        self.emission = nn.Linear(high, 1)
        self.dense = nn.Linear(high, len(ALPHABET))
        self.slot_in = nn.Linear(high + 1, high)
        self.slots = Context(high, 3)
        self.classify = nn.Linear(high, len(ALPHABET))

    def forward(self, image: Tensor) -> Output:
        """N x 1 x 64 x 128 in 0..1 to logits."""
        cells = self.trunk(image)  # N x C x 4 x 32
        attention = torch.softmax(self.rows(cells).float() + self.row_place, dim=2).to(
            cells.dtype
        )  # N x LINES x 4 x 32
        looked = attention.permute(0, 3, 1, 2) @ cells.permute(0, 3, 2, 1)  # N x 32 x LINES x C
        lines = looked.permute(0, 2, 3, 1) + self.line.to(cells.dtype)
        along = self.columns(lines.flatten(0, 1))  # N*LINES x C x 32
        sequence = along.unflatten(0, (-1, LINES)).permute(0, 1, 3, 2).flatten(1, 2)  # N x T x C
        emission = self.emission(sequence).squeeze(2).float()
        gathered, mass = read_out(sequence.float(), torch.sigmoid(emission))
        slots = self.slot_in(torch.cat([gathered, mass], 2))
        slots = self.slots(slots.transpose(1, 2)).transpose(1, 2)
        return Output(self.classify(slots).float(), self.dense(sequence).float(), emission)
