"""Train the detector: `python -m training.detector.train --work FOLDER --minutes 60`.

Task-aligned assignment: the eight cells that predict a plate best learn it, their target score being how well
they do. Losses: binary cross-entropy on scores, CIoU and distribution focal loss on boxes. AdamW, cosine
schedule in wall time, averaged weights. A checkpoint is written every two minutes; the same command goes on.
"""

import argparse
import copy
import json
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from training.detector.model import BINS, STRIDES, PlateDetector, anchors, boxes_from, flatten
from training.detector.samples import Samples

TOP_CELLS = 8


def ciou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """(IoU, complete IoU) of boxes that broadcast to one shape, last dimension 4."""
    width = (torch.min(a[..., 2], b[..., 2]) - torch.max(a[..., 0], b[..., 0])).clamp(min=0)
    height = (torch.min(a[..., 3], b[..., 3]) - torch.max(a[..., 1], b[..., 1])).clamp(min=0)
    size_a, size_b = (a[..., 2:] - a[..., :2]).clamp(min=1e-3), (b[..., 2:] - b[..., :2]).clamp(min=1e-3)
    inter = width * height
    iou = inter / (size_a.prod(-1) + size_b.prod(-1) - inter + 1e-6)
    hull = torch.max(a[..., 2:], b[..., 2:]) - torch.min(a[..., :2], b[..., :2])
    apart = ((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2).square().sum(-1) / (
        hull.square().sum(-1) + 1e-6
    )
    slant = (
        4
        / math.pi**2
        * (torch.atan(size_a[..., 0] / size_a[..., 1]) - torch.atan(size_b[..., 0] / size_b[..., 1])).square()
    )
    weight = slant / (slant - iou + 1 + 1e-6)
    return iou, iou - apart - weight.detach() * slant


def assign(
    scores: Tensor, boxes: Tensor, points: Tensor, strides: Tensor, plates: Tensor
) -> tuple[Tensor, Tensor]:
    """Index of each cell's plate (N x A, -1 for none) and its target score (N x A)."""
    valid = plates[..., 0] >= 0  # N x M
    centre = (plates[..., :2] + plates[..., 2:]) / 2
    half = (plates[..., 2:] - plates[..., :2]) / 2
    reach = torch.maximum(half[:, :, None], 1.25 * strides[None, None, :, None])
    near = ((points[None, None] - centre[:, :, None]).abs() < reach).all(-1)  # N x M x A
    width = (plates[..., 2] - plates[..., 0])[..., None]
    level = torch.where(strides == STRIDES[0], width < 170, width > 28)
    candidates = near & level & valid[..., None]
    iou, _ = ciou(plates[:, :, None], boxes[:, None])
    metric = torch.where(candidates, scores.sigmoid()[:, None].sqrt() * iou.clamp(min=1e-3).pow(6), 0.0)
    best, where = metric.topk(TOP_CELLS, dim=-1)
    chosen = torch.zeros_like(metric).scatter_(-1, where, (best > 0).to(metric.dtype))
    metric = metric * chosen
    owner_metric, owner = metric.max(1)
    peak = metric.amax(-1).clamp(min=1e-30)
    ceiling = (
        (iou * chosen).amax(-1).clamp(min=0.5)
    )  # early on, a plate's best cell still learns to say "plate"
    scale = (ceiling / peak).gather(1, owner)
    target = (owner_metric * scale).clamp(max=1)
    return torch.where(owner_metric > 0, owner, -1), torch.where(owner_metric > 0, target, 0.0)


def loss_of(
    model_out: list[tuple[Tensor, Tensor]], plates: Tensor, ignore: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Weighted sum of the three losses, and each of them for the log."""
    points, strides = anchors(model_out)
    scores, sides = flatten(model_out)
    boxes = boxes_from(sides, points, strides)
    with torch.no_grad():
        owner, target = assign(scores, boxes, points, strides, plates)
        inside = (points[None, None] > ignore[:, :, None, :2] - 4) & (
            points[None, None] < ignore[:, :, None, 2:] + 4
        )
        hidden = (inside.all(-1) & (ignore[..., :1] >= 0)).any(1) & (owner < 0)
    total = target.sum().clamp(min=1)
    score_loss = (
        F.binary_cross_entropy_with_logits(scores, target, reduction="none") * ~hidden
    ).sum() / total
    image, cell = (owner >= 0).nonzero(as_tuple=True)
    goal = plates[image, owner[image, cell]]
    weight = target[image, cell]
    iou, complete = ciou(boxes[image, cell], goal)
    box_loss = ((1 - complete) * weight).sum() / total
    reach = torch.cat([points[cell] - goal[:, :2], goal[:, 2:] - points[cell]], -1) / strides[cell, None]
    reach = reach.clamp(0, BINS - 1.01)
    low = reach.long()
    part = reach - low
    logp = sides[image, cell].log_softmax(-1)
    spread = -(
        logp.gather(-1, low[..., None])[..., 0] * (1 - part)
        + logp.gather(-1, low[..., None] + 1)[..., 0] * part
    )
    spread_loss = (spread.mean(-1) * weight).sum() / total
    loss = 0.7 * score_loss + 7.5 * box_loss + 1.5 * spread_loss
    return loss, {
        "score": score_loss.item(),
        "box": box_loss.item(),
        "spread": spread_loss.item(),
        "iou": iou.mean().item() if len(iou) else 0.0,
    }


def groups(model: PlateDetector, decay: float) -> list[dict[str, object]]:
    """Weight decay on convolution kernels only."""
    kernels = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": kernels, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


@dataclass(slots=True)
class State:
    """What a checkpoint holds."""

    model: PlateDetector
    average: PlateDetector
    optimiser: torch.optim.Optimizer
    step: int = 0
    spent: float = 0.0
    restarts: int = 0

    def save(self, path: Path) -> None:
        """Replace the checkpoint only by a whole one."""
        parts = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "spent": self.spent,
            "restarts": self.restarts,
        }
        torch.save(parts, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def update_average(self) -> None:
        """Move the averaged weights towards the model's; quickly at first."""
        decay = min(0.999, (1 + self.step) / (20 + self.step))
        pairs = zip(self.average.state_dict().values(), self.model.state_dict().values(), strict=True)
        with torch.no_grad():
            for old, new in pairs:
                if old.dtype.is_floating_point:
                    old.lerp_(new, 1 - decay)
                else:
                    old.copy_(new)


def begin(args: argparse.Namespace) -> State:
    """Go on from the checkpoint, or begin with `--start`'s weights, or at random."""
    model = PlateDetector().to(memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)
    optimiser = torch.optim.AdamW(groups(model, 0.03), lr=args.rate, betas=(0.9, 0.98), fused=True)
    state = State(model, average, optimiser)
    if args.checkpoint.exists():
        saved = torch.load(args.checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        state.step, state.spent, state.restarts = saved["step"], saved["spent"], saved["restarts"] + 1
    elif args.start is not None:
        weights = torch.load(args.start, weights_only=True)["average"]
        model.load_state_dict(weights)
        average.load_state_dict(weights)
    return state


def learn(state: State, batch: Sequence[Tensor], rate: float) -> dict[str, float]:
    """One step of the optimiser; return the losses."""
    images, plates, ignore = batch
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    state.model.train()
    inputs = (images.float() / 255).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        maps = state.model(inputs)
    loss, parts = loss_of(maps, plates, ignore)
    state.optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), 10.0)
    state.optimiser.step()
    state.step += 1
    state.update_average()
    return parts


def train(args: argparse.Namespace) -> None:
    """Run until `--minutes` of training are done, counting the time before a restart."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    state = begin(args)
    samples = Samples(args.work, args.height, args.width, args.seed + 100 * state.restarts)
    loader = iter(DataLoader(samples, args.batch, num_workers=1, prefetch_factor=6))
    clock = last_save = last_log = time.monotonic()
    sums: Counter[str] = Counter()
    while state.spent < args.minutes * 60:
        share = state.spent / (args.minutes * 60)
        rate = args.rate * min(1, (state.step + 1) / args.warmup)
        rate *= 0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2
        sums.update(learn(state, next(loader), rate) | {"batches": 1})
        now = time.monotonic()
        state.spent, clock = state.spent + now - clock, now
        if now - last_log > 30:
            count = sums.pop("batches")
            line = {key: round(value / count, 4) for key, value in sums.items()}
            line |= {"step": state.step, "minutes": round(state.spent / 60, 2), "rate": round(rate, 6)}
            line["pictures_per_second"] = round(count * args.batch / (now - last_log), 1)
            with args.checkpoint.with_suffix(".jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            last_log = now
            sums.clear()
        if now - last_save > 120 or state.spent >= args.minutes * 60:
            last_save = now
            state.save(args.checkpoint)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--work", type=Path, required=True, help="folder prepared by training.detector.dataset"
    )
    parser.add_argument("--checkpoint", type=Path, required=True, help="continued when it exists")
    parser.add_argument("--start", type=Path, help="begin with another checkpoint's averaged weights")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--warmup", type=int, default=150)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
