"""Train the region model from shards, resumable at any time.

    python -m training.region.train --shards runs/region/shards --run runs/region --minutes 50

Writes last.pt every minute and goes on from it when started again; the schedule's length is time, as two shared
cores have no speed of their own. Shards may be added while it runs.
"""

from __future__ import annotations

import argparse
import copy
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from training.ocr.train import learning_rate, save
from training.region.classes import HEIGHT, WIDTH
from training.region.model import RegionNet

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = (HEIGHT * 3 // 4, WIDTH * 3 // 4)
"""What the first part of a run looks at: most of its crops, each at half of the cost."""
SMALL_UNTIL = 0.53
log = logging.getLogger("training.region.train")


def batches(folder: Path, size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches: images N x 3 x 80 x 160 in 0..1, and the classes allowed, N x classes.

    One shard after another, each in another order; those that appear are taken up at the next round.
    """
    while True:
        shards = sorted(folder.glob("*.shard"))
        if not shards:
            raise FileNotFoundError(f"no shards in {folder}: run training.region.dataset first")
        for number in rng.permutation(len(shards)):
            images, allowed = (np.load(shards[number] / name) for name in ("images.npy", "allowed.npy"))
            order = rng.permutation(len(images))
            for start in range(0, len(order) - size + 1, size):
                rows = order[start : start + size]
                yield jittered(images[rows], rng), torch.from_numpy(allowed[rows])


def jittered(images: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Shift, relight and at times cover a piece of each batch's crops."""
    right, down = int(rng.integers(-5, 6)), int(rng.integers(-3, 4))
    moved = np.roll(images, (down, right), (1, 2)).astype(np.float32) / 255
    gain = np.exp(rng.normal(0, 0.08, (len(images), 1, 1, 3))).astype(np.float32)
    moved = np.clip(moved * gain + rng.normal(0, 0.05, (len(images), 1, 1, 1)).astype(np.float32), 0, 1)
    return torch.from_numpy(moved.transpose(0, 3, 1, 2)).contiguous(memory_format=torch.channels_last)


def loss_of(logits: Tensor, allowed: Tensor, smoothing: float = 0.03) -> Tensor:
    """Minus the log of the probability that the allowed classes have together, a little smoothed."""
    told = logits.log_softmax(1)
    together = told.masked_fill(~allowed, -torch.inf).logsumexp(1)
    return -(1 - smoothing) * together.mean() - smoothing * told.mean()


@dataclass(slots=True)
class Run:
    """One run's state: the net, the running mean of its weights, the optimiser, and how far it is."""

    net: nn.Module
    mean: nn.Module
    optimiser: torch.optim.Optimizer
    seen: int = 0
    minutes: float = 0.0
    losses: list[float] = field(default_factory=list)

    def step(self, images: Tensor, allowed: Tensor, rate: float) -> None:
        """One batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = loss_of(self.net(images), allowed)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        self.seen += len(images)
        self.losses.append(float(loss.detach()))
        decay = min(0.998, (1 + self.seen / 4000) / (10 + self.seen / 4000) + 0.09)
        with torch.no_grad():
            for slow, fast in zip(
                self.mean.state_dict().values(), self.net.state_dict().values(), strict=True
            ):
                if slow.dtype.is_floating_point:
                    slow.lerp_(fast, 1 - decay)
                else:
                    slow.copy_(fast)

    def keep(self, path: Path) -> None:
        """Write the checkpoint."""
        states = {
            "model": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        save(path, {**states, "seen": self.seen, "minutes": self.minutes})

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["model"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.seen, self.minutes = state["seen"], state["minutes"]
        log.info("going on from %d crops, %.1f minutes", self.seen, self.minutes)


def main() -> None:
    """Train until the schedule ends."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=50, help="length of the schedule")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--peak", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    net = RegionNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), options.peak, weight_decay=0.05, betas=(0.9, 0.98))
    run, checkpoint = Run(net, copy.deepcopy(net), optimiser), options.run / "last.pt"
    options.run.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        run.resume(checkpoint)
    before, began, saved = run.minutes, time.monotonic(), time.monotonic()
    for images, allowed in batches(
        options.shards, options.batch, np.random.default_rng((options.seed, run.seen))
    ):
        run.minutes = before + (time.monotonic() - began) / 60
        progress = run.minutes / options.minutes
        size = SMALL if progress < SMALL_UNTIL else (HEIGHT, WIDTH)
        images = nn.functional.interpolate(images, size, mode="bilinear", antialias=True)  # noqa: PLW2901
        run.step(images, allowed, learning_rate(run.seen, progress, options.peak))
        if time.monotonic() - saved > 60 or progress >= 1:
            run.keep(checkpoint)
            loss, run.losses = sum(run.losses) / len(run.losses), []
            log.info("%.1f min, %d crops, loss %.3f", run.minutes, run.seen, loss)
            saved = time.monotonic()
        if progress >= 1:
            return


if __name__ == "__main__":
    main()
