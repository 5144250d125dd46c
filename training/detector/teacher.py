"""Better labels from a stronger detector: tighter boxes, forgotten plates, doubtful ones to ignore."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from training.detector.plates import Picture

Boxes = NDArray[np.float32]
"""N x 4: x1, y1, x2, y2 in pixels."""


def iou_matrix(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Pairwise intersection over union, len(a) x len(b)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a, area_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    return (inter / (area_a[:, None] + area_b[None] - inter + 1e-9)).astype(np.float32)


class Teacher:
    """A stronger detector: raw head maps, 64 distance logits and a score logit a cell."""

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def boxes(self, image: Picture, long_side: int) -> tuple[Boxes, NDArray[np.float32]]:
        """Boxes in picture pixels and scores over 0.15, after non-maximum suppression."""
        scale = long_side / max(image.shape[:2])
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        canvas = np.full((-(-size[1] // 32) * 32, -(-size[0] // 32) * 32, 3), 114, np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(
            image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        )
        maps = self.session.run(None, {"images": canvas.transpose(2, 0, 1)[None].astype(np.float32) / 255})
        found, scores = [], []
        for grid in maps:
            stride = canvas.shape[0] / grid.shape[2]
            score = 1 / (1 + np.exp(-grid[0, 64].clip(-30, 30)))
            for y, x in zip(*np.nonzero(score > 0.15), strict=True):
                logits = grid[0, :64, y, x].reshape(4, 16)
                weights = np.exp(logits - logits.max(1, keepdims=True))
                left, top, right, bottom = (weights * np.arange(16)).sum(1) / weights.sum(1) * stride
                cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
                found.append((cx - left, cy - top, cx + right, cy + bottom))
                scores.append(float(score[y, x]))
        if not found:
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        boxes = np.array(found, np.float32) / scale
        keep = cv2.dnn.NMSBoxes(
            [(b[0], b[1], b[2] - b[0], b[3] - b[1]) for b in boxes.tolist()], scores, 0.15, 0.5
        )
        kept = np.array(keep).reshape(-1)
        return boxes[kept], np.array(scores, np.float32)[kept]

    def label(self, image: Picture) -> tuple[Boxes, NDArray[np.float32]]:
        """Boxes and scores averaged over two sizes, one mirrored; a plate seen once has half its score."""
        first, first_scores = self.boxes(image, 512)
        second, second_scores = self.boxes(np.ascontiguousarray(image[:, ::-1]), 416)
        second = np.stack(
            [image.shape[1] - second[:, 2], second[:, 1], image.shape[1] - second[:, 0], second[:, 3]], 1
        )
        overlap = (
            iou_matrix(first, second) if len(first) and len(second) else np.zeros((len(first), len(second)))
        )
        boxes, scores, used = [], [], set()
        for i, box in enumerate(first):
            j = int(overlap[i].argmax()) if len(second) else -1
            if j >= 0 and overlap[i, j] > 0.5:
                used.add(j)
                boxes.append((box + second[j]) / 2)
                scores.append((first_scores[i] + second_scores[j]) / 2)
            else:
                boxes.append(box)
                scores.append(first_scores[i] / 2)
        for j in set(range(len(second))) - used:
            boxes.append(second[j])
            scores.append(second_scores[j] / 2)
        return np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32)


def merge(labels: Boxes, found: Boxes, scores: NDArray[np.float32]) -> tuple[Boxes, Boxes]:
    """(plates, ignore regions): the teacher's tighter box where both agree, the label where it is alone."""
    plates = list(labels)
    ignore: list[Boxes] = []
    for box, score in zip(found, scores, strict=True):
        overlap = iou_matrix(box[None], labels)[0] if len(labels) else np.zeros(1)
        if overlap.max() > 0.5 and score > 0.35:
            plates[int(overlap.argmax())] = box
        elif overlap.max() <= 0.2:
            (plates if score > 0.55 else ignore).append(box)
    as_boxes = [np.array(part, np.float32).reshape(-1, 4) for part in (plates, ignore)]
    return as_boxes[0], as_boxes[1]


LOOSE = 0.5
"""How far a teacher's box stands out left and right, in pixels of its 448-pixel input, on labelled pictures."""
ONE_ROW = 2.6
"""Plates wider than this many heights have one row of characters."""


def tighten(plates: Boxes, size: tuple[int, int], shape: float | None) -> Boxes:
    """Take the teacher's slack off boxes, and give one-row plates the `shape` (width to height) of their country's.

    Hand labels and teacher alike draw small, blurred plates up to a third too tall.
    """
    slack = LOOSE * max(size) / 448
    out = plates.copy()
    out[:, 0] += slack
    out[:, 2] -= slack
    if shape is not None:
        width, height = out[:, 2] - out[:, 0], out[:, 3] - out[:, 1]
        excess = np.where(width > ONE_ROW * height, np.clip(height - width / shape, 0, None), 0)
        out[:, 1] += 0.45 * excess
        out[:, 3] -= 0.55 * excess  # holders carry a line of text below the plate
    return out
