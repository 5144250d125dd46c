"""Train the region model from shards, resumable at any time.

    python -m training.region.train --shards runs/region/shards --run runs/region --minutes 50

Writes last.pt every minute and goes on from it when started again; the schedule's length is time, as two shared
cores have no speed of their own. Shards may be added while it runs, also in folders below.
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from training.ocr.train import save
from training.region.model import RegionNet
from training.region.prepare import prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger("training.region.train")


def batches(folder: Path, size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches: images N x 3 x 80 x 160 in 0..1, and the classes allowed, N x classes.

    One shard after another, each in another order; those that appear are taken up at the next round.
    """
    while True:
        shards = sorted(folder.rglob("*.shard"))
        if not shards:
            raise FileNotFoundError(f"no shards in {folder}: run training.region.dataset first")
        for number in rng.permutation(len(shards)):
            images, allowed = (np.load(shards[number] / name) for name in ("images.npy", "allowed.npy"))
            order = rng.permutation(len(images))
            for start in range(0, len(order) - size + 1, size):
                rows = order[start : start + size]
                yield jittered(images[rows], rng), torch.from_numpy(allowed[rows])


def jittered(images: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Shift a batch's crops, prepare them as the edge does, and relight each."""
    moved = np.roll(images, (int(rng.integers(-3, 4)), int(rng.integers(-5, 6))), (1, 2))
    pixels = prepared(moved)
    gain = np.exp(rng.normal(0, 0.06, (len(images), 3, 1, 1))).astype(np.float32)
    pixels = pixels * gain + rng.normal(0, 0.04, (len(images), 1, 1, 1)).astype(np.float32)
    return torch.from_numpy(np.clip(pixels, 0, 1)).contiguous(memory_format=torch.channels_last)


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


def start_from(net: nn.Module, path: Path) -> None:
    """Take over every weight of another run's checkpoint that this net has too, in the same shape."""
    given = torch.load(path, weights_only=True)["mean"]
    own = net.state_dict()
    taken = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    net.load_state_dict(taken, strict=False)
    log.info("took %d of %d tensors from %s", len(taken), len(own), path.name)


def rate_at(progress: float, peak: float) -> float:
    """Warm up over a fiftieth of the schedule, then follow half a cosine to a hundredth of the peak."""
    return peak * min(1.0, progress / 0.02 + 0.02) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


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
    parser.add_argument("--from", dest="start", type=Path, help="another run's checkpoint to begin from")
    parser.add_argument(
        "--keep", type=int, default=0, help="leave the trunk's first so many parts as they are"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    net = RegionNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if options.start:
        start_from(net, options.start)
    net.trunk[: options.keep].requires_grad_(requires_grad=False).eval()
    learns = [weights for weights in net.parameters() if weights.requires_grad]
    optimiser = torch.optim.AdamW(learns, options.peak, weight_decay=0.05, betas=(0.9, 0.98))
    run, checkpoint = Run(net, copy.deepcopy(net), optimiser), options.run / "last.pt"
    options.run.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        run.resume(checkpoint)
    before, began, saved = run.minutes, time.monotonic(), time.monotonic()
    for images, allowed in batches(
        options.shards, options.batch, np.random.default_rng((options.seed, run.seen))
    ):
        run.minutes = before + (time.monotonic() - began) / 60
        progress = min(1.0, run.minutes / options.minutes)
        run.step(images, allowed, rate_at(progress, options.peak))
        if time.monotonic() - saved > 60 or progress >= 1:
            run.keep(checkpoint)
            loss, run.losses = sum(run.losses) / len(run.losses), []
            log.info("%.1f min, %d crops, loss %.3f", run.minutes, run.seen, loss)
            saved = time.monotonic()
        if progress >= 1:
            return


if __name__ == "__main__":
    main()
