"""A compact one-class detector: plain 3 x 3 convolutions, two output strides, distances as distributions.

ReLU instead of SiLU: onnxruntime fuses it into the convolution on CPU, which is a third of the running time.
"""

import torch
from torch import Tensor, nn

STRIDES = (8, 16)
BINS = 16
"""Each side's distance is a distribution over 0..15 strides: 120 px at stride 8, 240 px at stride 16."""


class Conv(nn.Sequential):
    """Convolution, batch norm and ReLU."""

    def __init__(self, cin: int, cout: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(cout, eps=1e-3, momentum=0.03),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3 x 3 convolutions around an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(Conv(channels, channels), Conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """The input plus its change."""
        return x + self.body(x)


class Stage(nn.Module):
    """Cross-stage partial block: half of the channels pass `depth` residuals, all are mixed at the end."""

    def __init__(self, cin: int, cout: int, depth: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = hidden or cout // 2
        self.left = Conv(cin, hidden, 1)
        self.right = Conv(cin, hidden, 1)
        self.body = nn.ModuleList(Residual(hidden) for _ in range(depth))
        self.mix = Conv(hidden * (2 + depth), cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        """N x cin x H x W to N x cout x H x W."""
        parts = [self.left(x), self.right(x)]
        for block in self.body:
            parts.append(block(parts[-1]))
        return self.mix(torch.cat(parts, 1))


class Context(nn.Module):
    """Three chained 5 x 5 maximum pools, so that one cell of stride 32 sees the whole vehicle."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = Conv(channels, channels // 2, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.mix = Conv(channels * 2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape, with context."""
        parts = [self.reduce(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.mix(torch.cat(parts, 1))


class Head(nn.Module):
    """Score logits and 4 x `BINS` distance logits for every cell of one stride."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = Conv(channels, channels)
        self.box_tower = Conv(channels, channels)
        self.box = nn.Conv2d(channels, 4 * BINS, 1)
        self.score = nn.Conv2d(channels, 1, 1)
        nn.init.constant_(self.score.bias, -6.0)  # one cell in 400 is a plate
        nn.init.constant_(self.box.bias, 1.0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores N x 1 x H x W and distances N x 64 x H x W."""
        x = self.stem(x)
        return self.score(x), self.box(self.box_tower(x))


class PlateDetector(nn.Module):
    """Images N x 3 x H x W in 0..1 (H and W multiples of 32) to score and distance maps per stride."""

    def __init__(self, widths: tuple[int, int, int, int, int] = (16, 32, 64, 96, 128)) -> None:
        super().__init__()
        w1, w2, w3, w4, w5 = widths
        self.stride4 = nn.Sequential(Conv(3, w1, 3, 2), Conv(w1, w2, 3, 2), Stage(w2, w2, 1))
        self.stride8 = nn.Sequential(Conv(w2, w3, 3, 2), Stage(w3, w3, 2))
        self.stride16 = nn.Sequential(Conv(w3, w4, 3, 2), Stage(w4, w4, 2))
        self.stride32 = nn.Sequential(Conv(w4, w5, 3, 2), Stage(w5, w5, 1), Context(w5))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.lat16, self.lat8 = Conv(w5, w4, 1), Conv(w4, w3, 1)
        self.top16 = Stage(2 * w4, w4, 1)
        self.top8 = Stage(2 * w3, w3, 1)
        self.down16 = Conv(w3, w4 // 2, 3, 2)
        self.out16 = Stage(w4 // 2 + w4, w4, 1)
        self.heads = nn.ModuleList([Head(w3), Head(w4)])

    def forward(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(scores, distances) at stride 8 and at stride 16."""
        p4 = self.stride4(x)
        p8 = self.stride8(p4)
        p16 = self.stride16(p8)
        p32 = self.stride32(p16)
        t16 = self.top16(torch.cat([self.up(self.lat16(p32)), p16], 1))
        t8 = self.top8(torch.cat([self.up(self.lat8(t16)), p8], 1))
        o16 = self.out16(torch.cat([self.down16(t8), t16], 1))
        return [self.heads[0](t8), self.heads[1](o16)]


def anchors(maps: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Cell centres in pixels (A x 2) and strides (A), in the order of `flatten`."""
    points, strides = [], []
    for (score, _), stride in zip(maps, STRIDES, strict=True):
        rows, columns = score.shape[2:]
        ys, xs = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        points.append((torch.stack([xs, ys], -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((rows * columns,), float(stride)))
    return torch.cat(points).to(maps[0][0].device), torch.cat(strides).to(maps[0][0].device)


def flatten(maps: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Score logits N x A and distance logits N x A x 4 x `BINS`, in float32."""
    scores = torch.cat([score.flatten(1) for score, _ in maps], 1).float()
    sides = torch.cat([box.flatten(2).transpose(1, 2) for _, box in maps], 1).float()
    return scores, sides.reshape(sides.shape[0], sides.shape[1], 4, BINS)


def boxes_from(sides: Tensor, points: Tensor, strides: Tensor) -> Tensor:
    """Expected distances to boxes N x A x 4 (x1, y1, x2, y2 in pixels)."""
    reach = (sides.softmax(-1) * torch.arange(BINS, dtype=sides.dtype, device=sides.device)).sum(
        -1
    ) * strides[None, :, None]
    return torch.cat([points - reach[..., :2], points + reach[..., 2:]], -1)
