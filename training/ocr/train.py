"""Train the plate reader from shards, resumable at any time.

    python -m training.ocr.train --shards runs/ocr/shards --run runs/ocr --samples 1500000

Writes last.pt (weights, their running mean, optimiser, samples seen, minutes spent) every two minutes and goes on
from it when started again. With --start, a run without a last.pt begins from another run's weights; with --minutes
the schedule's length is time, for a machine whose speed is not known beforehand.
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.ocr.dataset import Shard, consume
from training.ocr.export import load_reader
from training.ocr.model import COLUMNS, HEIGHT, LINES, PAD, SLOTS, WIDTH, Output, PlateReader

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger("training.ocr.train")


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs N x 1 x 64 x 128 in 0..1 and targets; mass N x T holds characters' centres, code N x T which."""

    images: Tensor
    target: Tensor
    mass: Tensor
    code: Tensor
    placed: Tensor  # N, whether the characters' places are known


def place(centre: Tensor, line: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Spread each character's unit mass over the two columns nearest its centre."""
    count = centre.shape[0]
    mass = torch.zeros(count, LINES * COLUMNS)
    code = torch.full((count, LINES * COLUMNS), PAD, dtype=torch.long)
    known = line >= 0
    position = (centre * COLUMNS - 0.5).clamp(0, COLUMNS - 1.001)
    left = position.floor().long()
    part = position - left
    at = left + line.clamp(min=0).long() * COLUMNS
    for offset, share in ((0, 1 - part), (1, part)):
        mass.scatter_add_(1, at + offset, share * known)
        rows, slots = torch.nonzero(known & (share > 0.2), as_tuple=True)
        code[rows, (at + offset)[rows, slots]] = codes[rows, slots]
    return mass.clamp(max=1), code


def jitter(images: Tensor, centre: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Shift a batch by a few pixels, change its light, show one crop in thirty as its negative."""
    count, right, down = len(images), int(rng.integers(-3, 4)), int(rng.integers(-2, 3))
    padded = functional.pad(images, (3, 3, 2, 2), mode="replicate")
    images = padded[:, :, 2 - down : 2 - down + HEIGHT, 3 - right : 3 - right + WIDTH]
    gain = torch.from_numpy(rng.uniform(0.8, 1.1, (count, 1, 1, 1)).astype(np.float32))
    images = images * gain + torch.from_numpy(rng.uniform(-0.08, 0.12, (count, 1, 1, 1)).astype(np.float32))
    negative = torch.from_numpy(rng.random((count, 1, 1, 1)) < 1 / 30)
    return torch.where(negative, 1 - images, images).clamp_(0, 1), centre + right / WIDTH


def batches(shards: Iterator[Shard], size: int, passes: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Shuffle each shard and cut it into batches, as often as there are passes."""
    for shard in shards:
        for _ in range(passes):
            order = rng.permutation(len(shard.images))
            for start in range(0, len(order) - size + 1, size):
                rows = order[start : start + size]
                images = torch.from_numpy(shard.images[rows]).float().div_(255).unsqueeze(1)
                images, centre = jitter(images, torch.from_numpy(shard.centre[rows]), rng)
                target = torch.from_numpy(shard.target[rows].astype(np.float32))
                line = torch.from_numpy(shard.line[rows])
                mass, code = place(centre, line, target.argmax(2))
                images = images.contiguous(memory_format=torch.channels_last)
                yield Batch(images, target, mass, code, line[:, 0] >= 0)


def loss_of(output: Output, batch: Batch) -> tuple[Tensor, float]:
    """Slot cross-entropy end to end, and, where places are known, the dense and emission losses."""
    slots = -(batch.target * output.slots.log_softmax(2)).sum(2).mean()
    dense_each = functional.cross_entropy(output.dense.transpose(1, 2), batch.code, reduction="none")
    weight = batch.mass * batch.placed.unsqueeze(1)
    dense = (dense_each * weight).sum() / weight.sum().clamp(min=1)
    emission_each = functional.binary_cross_entropy_with_logits(
        output.emission, batch.mass, reduction="none"
    ).sum(1)
    emission = (emission_each * batch.placed).sum() / batch.placed.sum().clamp(min=1) / SLOTS
    return slots + 0.3 * dense + 0.5 * emission, float(slots.detach())


def learning_rate(seen: int, progress: float, peak: float) -> float:
    """Warm up over 20,000 samples, then follow half a cosine of progress (0 to 1) to a hundredth of the peak."""
    if seen < 20_000:
        return peak * (seen + 500) / 20_500
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def save(path: Path, state: dict[str, object]) -> None:
    """Write beside, then rename."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


@torch.no_grad()
def follow(mean: PlateReader, model: PlateReader, decay: float) -> None:
    """Move the running mean of the weights towards the model; buffers (batch norm's statistics) likewise."""
    for slow, fast in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
        if slow.dtype.is_floating_point:
            slow.lerp_(fast, 1 - decay)
        else:
            slow.copy_(fast)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=1_500_000, help="length of the schedule")
    parser.add_argument(
        "--minutes", type=float, help="length of the schedule in wall time, instead of samples"
    )
    parser.add_argument("--start", type=Path, help="a checkpoint whose weights a new run begins from")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--passes", type=int, default=2, help="times each shard is used, jittered")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Train until the schedule ends."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    reader = load_reader(options.start).train() if options.start else PlateReader()
    model = reader.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(
        model.parameters(), options.peak, weight_decay=0.02, betas=(0.9, 0.98), fused=True
    )
    seen, spent, checkpoint = 0, 0.0, options.run / "last.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        mean.load_state_dict(state["mean"])
        optimiser.load_state_dict(state["optimiser"])
        seen, spent = state["seen"], state.get("minutes", 0.0)
        log.info("going on from %d samples", seen)
    options.run.mkdir(parents=True, exist_ok=True)
    began = saved = told = time.monotonic()
    total: list[float] = []
    rng = np.random.default_rng((options.seed, seen))
    for batch in batches(consume(options.shards), options.batch, options.passes, rng):
        minutes = spent + (time.monotonic() - began) / 60
        progress = minutes / options.minutes if options.minutes else seen / options.samples
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(seen, progress, options.peak)
        with torch.autocast("cpu", torch.bfloat16):
            output = model(batch.images)
        loss, slots = loss_of(output, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()
        seen += len(batch.images)
        steps = seen / options.batch
        follow(mean, model, min(0.999, (1 + steps) / (30 + steps)))
        total.append(slots)
        if len(total) == 100:
            rate = 100 * options.batch / (time.monotonic() - told)
            log.info(
                "seen %d slot loss %.4f lr %.5f %.0f/s",
                seen,
                sum(total) / 100,
                optimiser.param_groups[0]["lr"],
                rate,
            )
            told, total = time.monotonic(), []
        done = progress >= 1
        if done or time.monotonic() - saved > 120:
            save(
                checkpoint,
                {
                    "model": model.state_dict(),
                    "mean": mean.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "seen": seen,
                    "minutes": minutes,
                },
            )
            saved = time.monotonic()
        if done:
            return


if __name__ == "__main__":
    main()
