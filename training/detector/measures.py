"""What is measured of a detector: recall and box quality, false detections, a video, time."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.vision.onnx_shape import free_size
from training.detector import scenes
from training.detector.dataset import read_picture
from training.detector.plates import Picture, decoy
from training.detector.teacher import Boxes, Teacher, iou_matrix

LONG_SIDE = 384
THRESHOLD = 0.4
EVERY = 4
WIDEN = 0.08
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
Found = tuple[Boxes, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture (BGR) with one plate's box and text."""

    name: str
    pixels: Picture
    box: Boxes
    text: str


def session(model: bytes | Path) -> ort.InferenceSession:
    """One thread, on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
    )


class Detector:
    """An end-to-end ONNX detector, square or (where its size is free) no higher than the picture needs."""

    def __init__(self, path: Path, *, square: bool, side: int = LONG_SIDE) -> None:
        data = path.read_bytes()
        self.square, self.side = square, side
        self.session = session(data if square else free_size(data))

    def size(self, image: Picture) -> tuple[int, int]:
        """Input height and width for a picture: its longer side becomes `side`."""
        if self.square:
            return self.side, self.side
        scale = self.side / max(image.shape[:2])
        height, width = (-(-round(extent * scale) // 32) * 32 for extent in image.shape[:2])
        return height, width

    def __call__(self, image: Picture) -> Found:
        """Boxes in picture pixels and scores, best first; `image` is H x W x 3 uint8 BGR."""
        rows, columns = self.size(image)
        scale = min(rows / image.shape[0], columns / image.shape[1])
        height, width = round(image.shape[0] * scale), round(image.shape[1] * scale)
        top, left = (rows - height) // 2, (columns - width) // 2
        canvas = np.full((rows, columns, 3), 114, np.uint8)
        canvas[top : top + height, left : left + width] = cv2.resize(image, (width, height))
        tensor = canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
        out = self.session.run(None, {"images": tensor})[0]
        boxes = (out[:, 1:5] - np.array([left, top, left, top], np.float32)) / scale
        order = np.argsort(-out[:, 6])
        return boxes[order], out[order, 6]


class Reader:
    """The hub's OCR: text of a crop."""

    def __init__(self, path: Path) -> None:
        self.session = session(path)
        self.name = self.session.get_inputs()[0].name

    def __call__(self, image: Picture, box: Boxes) -> str:
        """Text in a box widened by `WIDEN` on each side."""
        dx, dy = (box[2] - box[0]) * WIDEN, (box[3] - box[1]) * WIDEN
        x1, y1 = max(0, round(float(box[0] - dx))), max(0, round(float(box[1] - dy)))
        x2, y2 = round(float(box[2] + dx)), round(float(box[3] + dy))
        crop = image[y1:y2, x1:x2]
        if crop.size == 0:
            return ""
        tensor = cv2.cvtColor(cv2.resize(crop, (128, 64)), cv2.COLOR_BGR2RGB)[None]
        slots = self.session.run(["plate"], {self.name: tensor})[0][0].argmax(-1)
        return "".join(ALPHABET[slot] for slot in slots).strip("_")


def labelled(folder: Path) -> list[Labelled]:
    """Pictures of one set with `file x y width height PLATE` beside each."""
    items = []
    for text in sorted(folder.glob("*.txt")):
        name, x, y, width, height, plate = text.read_text().strip().split("\t")[:6]
        box = np.array([float(x), float(y), float(x) + float(width), float(y) + float(height)], np.float32)
        items.append(
            Labelled(
                name,
                cv2.cvtColor(read_picture(folder / name), cv2.COLOR_RGB2BGR).astype(np.uint8),
                box,
                plate,
            )
        )
    return items


def measure_set(
    detector: Callable[[Picture], Found], items: list[Labelled], reader: Reader | None
) -> dict[str, float]:
    """Recall at IoU > 0.5, box quality of what was found, exact reads, detections that touch no label."""
    overlaps, widths, lefts, rights, reads, extra = [], [], [], [], 0, 0
    for item in items:
        boxes, scores = detector(item.pixels)
        boxes = boxes[scores >= THRESHOLD]
        overlap = iou_matrix(boxes, item.box[None])[:, 0] if len(boxes) else np.zeros(0)
        extra += int((overlap < 0.1).sum())
        if not len(boxes) or overlap.max() <= 0.5:
            continue
        best = boxes[int(overlap.argmax())]
        width = item.box[2] - item.box[0]
        overlaps.append(float(overlap.max()))
        widths.append(float((best[2] - best[0]) / width - 1))
        lefts.append(float((best[0] - item.box[0]) / width))
        rights.append(float((best[2] - item.box[2]) / width))
        reads += reader is not None and reader(item.pixels, best) == item.text
    return {
        "pictures": len(items),
        "recall_percent": round(100 * len(overlaps) / len(items), 2),
        "mean_iou": round(float(np.mean(overlaps)), 4),
        "width_bias_percent": round(100 * float(np.mean(widths)), 2),
        "width_spread_percent": round(100 * float(np.std(widths)), 2),
        "edge_spread_percent": round(100 * float(np.mean([np.std(lefts), np.std(rights)])), 2),
        "exact_reads_percent": round(100 * reads / len(items), 2),
        "other_detections_per_picture": round(extra / len(items), 4),
    }


def agreement(
    detector: Callable[[Picture], Found], reference: Callable[[Picture], Found], items: list[Labelled]
) -> dict[str, float]:
    """Box agreement with a reference detector on labelled plates: mean IoU and width bias."""
    overlaps, widths = [], []
    for item in items:
        (ours, our_scores), (theirs, their_scores) = detector(item.pixels), reference(item.pixels)
        ours, theirs = ours[our_scores >= THRESHOLD], theirs[their_scores >= THRESHOLD]
        if len(ours) and len(theirs):
            overlap = iou_matrix(ours, theirs)
            i, j = np.unravel_index(int(overlap.argmax()), overlap.shape)
            if overlap[i, j] > 0.5:
                overlaps.append(float(overlap[i, j]))
                widths.append(float((ours[i, 2] - ours[i, 0]) / (theirs[j, 2] - theirs[j, 0]) - 1))
    return {
        "plates": len(overlaps),
        "mean_iou": round(float(np.mean(overlaps)), 4),
        "width_bias_percent": round(100 * float(np.mean(widths)), 2),
    }


def painted_over(items: list[Labelled], reference: Callable[[Picture], Found] | None) -> Iterator[Picture]:
    """Labelled pictures with every plate that the reference sees filled in."""
    for item in items:
        boxes = [item.box, *(reference(item.pixels)[0] if reference else [])]
        mask = np.zeros(item.pixels.shape[:2], np.uint8)
        for box in boxes:
            dx, dy = (box[2] - box[0]) * 0.2, (box[3] - box[1]) * 0.3
            cv2.rectangle(
                mask, (int(box[0] - dx), int(box[1] - dy)), (int(box[2] + dx), int(box[3] + dy)), 255, -1
            )
        scale = min(1.0, 640 / max(item.pixels.shape[:2]))
        small = cv2.resize(item.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        hole = cv2.resize(mask, small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        yield cv2.inpaint(small, hole, 3, cv2.INPAINT_TELEA).astype(np.uint8)


def beside(items: list[Labelled]) -> Iterator[Picture]:
    """The largest part of each picture beside or above its plate, where over 200 pixels both ways."""
    for item in items:
        x1, y1, x2, _ = (int(side) for side in item.box)
        width = x2 - x1
        parts = [
            item.pixels[:, : max(x1 - width // 4, 0)],
            item.pixels[:, x2 + width // 4 :],
            item.pixels[: max(y1 - width // 4, 0)],
        ]
        largest = max(parts, key=lambda part: part.size)
        if min(largest.shape[:2]) > 200:
            yield largest


def drawn_without(count: int) -> Iterator[Picture]:
    """Drawn roads with plateless cars and up to four more signs, shop letters and stickers."""
    rng = random.Random(99)
    for _ in range(count):
        image = scenes.scene(rng).pixels[:, :, ::-1].copy()
        for _ in range(rng.randint(1, 4)):
            board = decoy(rng)[:, :, ::-1]
            scale = rng.uniform(0.15, 0.8)
            board = cv2.resize(board, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)
            x, y = (
                rng.randrange(image.shape[1] - board.shape[1]),
                rng.randrange(image.shape[0] - board.shape[0]),
            )
            image[y : y + board.shape[0], x : x + board.shape[1]] = board
        yield image


def measure_rendered(
    detector: Callable[[Picture], Found], road: list[tuple[Picture, Boxes, list[bool]]]
) -> dict[str, float]:
    """Recall (IoU > 0.5) of legible plates in rendered frames of unseen seeds, and detections on no plate."""
    seen = total = extra = 0
    for pixels, boxes, legible in road:
        found, scores = detector(np.ascontiguousarray(pixels[:, :, ::-1]))
        found = found[scores >= THRESHOLD]
        overlap = (
            iou_matrix(boxes, found) if len(boxes) and len(found) else np.zeros((len(boxes), len(found)))
        )
        clear = np.array(legible, bool)
        total += int(clear.sum())
        if len(boxes) and len(found):
            seen += int((overlap[clear].max(1) > 0.5).sum())
            extra += int((overlap.max(0) == 0).sum())
        else:
            extra += len(found)
    return {
        "frames": len(road),
        "legible_plates": total,
        "recall_percent": round(100 * seen / max(total, 1), 2),
        "detections_on_no_plate_per_frame": round(extra / max(len(road), 1), 4),
    }


def false_rate(detector: Callable[[Picture], Found], pictures: list[Picture]) -> float:
    """Detections a picture."""
    return round(
        sum(int((detector(image)[1] >= THRESHOLD).sum()) for image in pictures) / max(len(pictures), 1), 4
    )


def edits(a: str, b: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def video_reference(
    clip: Path, labels: Path, teacher: Teacher, reader: Reader
) -> list[tuple[Picture, Boxes, list[str]]]:
    """Every fourth frame, the hub's boxes at 960 pixels, and the labelled plate that each reads like."""
    rows = [line.split(",") for line in labels.read_text().splitlines()[1:]]
    frames: list[tuple[Picture, Boxes, list[str]]] = []
    capture, number = cv2.VideoCapture(str(clip)), 0
    while True:
        good, raw = capture.read()
        if not good:
            return frames
        frame = np.asarray(raw, np.uint8)
        if number % EVERY == 0:
            boxes, scores = teacher.boxes(frame[:, :, ::-1], 960)
            boxes = boxes[scores > 0.5]
            names = []
            for box in boxes:
                text = reader(frame, box)
                close = [
                    row[1]
                    for row in rows
                    if int(row[2]) <= number <= int(row[3]) and edits(text, row[1]) <= 1
                ]
                names.append(close[0] if close else "")
            frames.append((frame, boxes, names))
        number += 1


def measure_video(
    detector: Callable[[Picture], Found], frames: list[tuple[Picture, Boxes, list[str]]]
) -> dict[str, object]:
    """Share of the reference's boxes found (IoU > 0.5): all, by width, and per labelled plate."""
    widths, hits, by_plate, extra = [], [], dict[str, list[bool]](), 0
    for frame, boxes, names in frames:
        found, scores = detector(frame)
        found = found[scores >= THRESHOLD]
        overlap = (
            iou_matrix(boxes, found) if len(boxes) and len(found) else np.zeros((len(boxes), len(found)))
        )
        extra += len(found) - int((overlap.max(0) > 0.1).sum()) if len(boxes) and len(found) else len(found)
        for row, box, name in zip(overlap, boxes, names, strict=True):
            hit = bool(len(found)) and float(row.max()) > 0.5
            hits.append(hit)
            widths.append(float(box[2] - box[0]) * LONG_SIDE / frame.shape[1])
            if name:
                by_plate.setdefault(name, []).append(hit)
    width, hit_array = np.array(widths), np.array(hits)
    bands = {
        f"{low} to {high} px": hit_array[(width >= low) & (width < high)]
        for low, high in ((8, 14), (14, 20), (20, 40))
    }
    shares = sorted(round(100 * float(np.mean(seen)), 1) for seen in by_plate.values())
    return {
        "frames": len(frames),
        "reference_boxes": len(hits),
        "recall_percent": round(100 * float(hit_array.mean()), 2),
        "recall_percent_by_width_in_input": {
            name: [int(band.size), round(100 * float(band.mean()), 2) if band.size else None]
            for name, band in bands.items()
        },
        "labelled_plates_seen": len(shares),
        "frame_share_percent_of_each_labelled_plate": shares,
        "detections_without_reference_per_frame": round(extra / max(len(frames), 1), 3),
    }


def milliseconds(detector: Detector, height: int, width: int) -> float:
    """Median processor time of sixty runs of the network alone: other work on the machine hardly counts."""
    tensor = np.random.default_rng(0).random((1, 3, height, width), np.float32)
    times = []
    for _ in range(60):
        start = time.process_time()
        detector.session.run(None, {"images": tensor})
        times.append(time.process_time() - start)
    return round(1000 * float(np.median(times)), 2)
