"""Train the net's judge alone, on what a trained trunk sees of the shards: many times cheaper than the whole net.

    python -m training.region.judge --shards runs/region/shards --from runs/region/last.pt --run runs/judge

Each shard is looked at once, a little moved and relit, and what the trunk saw of it is kept in memory. Shards that
appear are taken up as it goes. Writes last.pt (as `training.region.train` does) every minute.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from training.ocr.train import save
from training.region.model import RegionNet
from training.region.train import jittered, loss_of, rate_at, start_from

if TYPE_CHECKING:
    from torch import Tensor

LOOK = 128
log = logging.getLogger("training.region.judge")


class Sights:
    """What a trunk saw of shards: cells, pooled and the classes allowed, row by row."""

    def __init__(self, net: RegionNet, folder: Path, seed: int) -> None:
        self.net, self.folder = net.eval(), folder
        self.rng = np.random.default_rng(seed)
        self.known: set[Path] = set()
        self.rows: list[tuple[Tensor, Tensor, Tensor]] = []

    def look(self) -> bool:
        """Take up one shard that is new; return whether there was one."""
        new = [path for path in sorted(self.folder.rglob("*.shard")) if path not in self.known]
        if not new:
            return False
        images, allowed = (np.load(new[0] / name) for name in ("images.npy", "allowed.npy"))
        with torch.no_grad():
            seen = [
                self.net.sight(jittered(images[start : start + LOOK], self.rng))
                for start in range(0, len(images), LOOK)
            ]
        cells, pooled = (torch.cat(parts).half() for parts in zip(*seen, strict=True))
        self.rows.append((cells, pooled, torch.from_numpy(allowed)))
        self.known.add(new[0])
        log.info("%s seen", new[0].name)
        return True

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Rows at random, of a few shards at random."""
        parts = []
        for number in self.rng.integers(len(self.rows), size=4):
            shard = self.rows[number]
            pick = torch.from_numpy(self.rng.integers(len(shard[2]), size=size // 4))
            parts.append(tuple(column[pick] for column in shard))
        cells, pooled, allowed = (torch.cat(column) for column in zip(*parts, strict=True))
        return cells.float(), pooled.float(), allowed


def main() -> None:
    """Train until the schedule ends."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument(
        "--from", dest="start", type=Path, required=True, help="checkpoint with a trained trunk"
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--peak", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    options.run.mkdir(parents=True, exist_ok=True)
    net = RegionNet()
    start_from(net, options.start)
    sights, judge = Sights(net, options.shards, options.seed), net.judge
    optimiser = torch.optim.AdamW(judge.parameters(), options.peak, weight_decay=0.05)
    while sights.look():
        pass
    judge.train()
    began, saved, losses, seen = time.monotonic(), time.monotonic(), [], 0
    while (progress := (time.monotonic() - began) / 60 / options.minutes) < 1:
        cells, pooled, allowed = sights.batch(options.batch)
        for group in optimiser.param_groups:
            group["lr"] = rate_at(progress, options.peak)
        loss = loss_of(judge(cells, pooled), allowed)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(judge.parameters(), 2.0)
        optimiser.step()
        seen += options.batch
        losses.append(float(loss.detach()))
        if time.monotonic() - saved > 60:
            save(options.run / "last.pt", {"mean": net.state_dict(), "seen": seen})
            log.info("%.0f %%, %d crops, loss %.3f", 100 * progress, seen, sum(losses) / len(losses))
            saved, losses = time.monotonic(), []
            sights.look()
    save(options.run / "last.pt", {"mean": net.state_dict(), "seen": seen})


if __name__ == "__main__":
    main()
