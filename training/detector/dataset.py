"""Prepare the training pictures: `python -m training.detector.dataset --pictures FOLDER --work FOLDER`.

Writes to `--work`: `pictures.npy` (N x 512 x 512 x 3 uint8 RGB, decoded once and mapped), `pictures.json`
(sizes, plates, ignore regions), `plates.npz` and `decoys.npz` (drawn by code). A teacher, when given,
tightens loose boxes, adds plates that the labels miss and marks doubtful ones as regions to ignore.
"""

import argparse
import csv
import json
import random
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from training.detector import plates as drawn_plates
from training.detector import scenes
from training.detector.rendered import FIRST_TRAINING_SEED, rendered
from training.detector.teacher import Boxes, Teacher, merge, tighten

SIDE = 512
SHAPES = {"romania": 4.4}
"""Width to height where all one-row plates are of one size: 520 x 110 mm, seen a little from the side."""


def read_picture(path: Path) -> drawn_plates.Picture:
    """RGB pixels; FileNotFoundError when there is no readable picture."""
    image = cv2.imread(str(path))
    if image is None:
        raise FileNotFoundError(f"no readable picture at {path}")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)


def prepare(
    pictures: Path, work: Path, teacher: Teacher | None, *, drawn: int, clips: int, seed: int
) -> None:
    """Decode, label again, draw; about ten minutes on one core with a teacher."""
    work.mkdir(parents=True, exist_ok=True)
    by_image: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    sources = {}
    with (pictures / "boxes.csv").open() as file:
        for row in csv.DictReader(file):
            sources[row["image"]] = row["source"]
            by_image[row["image"]] += (
                [tuple(float(row[k]) for k in ("x1", "y1", "x2", "y2"))] if row["x1"] else []
            )
    rng = random.Random(seed)
    total = len(by_image) + drawn + clips
    store = np.lib.format.open_memmap(work / "pictures.npy", "w+", np.uint8, (total, SIDE, SIDE, 3))
    entries = []
    for index, (name, labels) in enumerate(sorted(by_image.items())):
        image = read_picture(pictures / "images" / name)
        store[index, : image.shape[0], : image.shape[1]] = image
        plates: Boxes = np.array(labels, np.float32).reshape(-1, 4)
        ignore: Boxes = np.zeros((0, 4), np.float32)
        if teacher is not None:
            plates, ignore = merge(plates, *teacher.label(image))
            plates = tighten(plates, image.shape[:2], SHAPES.get(sources[name]))
        entries.append(
            {
                "size": image.shape[:2],
                "source": sources[name],
                "plates": plates.tolist(),
                "ignore": ignore.tolist(),
            }
        )
    for index in range(len(by_image), len(by_image) + drawn):
        drawing = scenes.scene(rng, SIDE, 320)
        store[index, :320, :SIDE] = drawing.pixels
        places = [[x, y, x + w, y + h] for x, y, w, h in drawing.places]
        entries.append({"size": (320, SIDE), "source": "drawn", "plates": places, "ignore": []})
    frames = rendered(clips, FIRST_TRAINING_SEED, SIDE)
    for index, (pixels, boxes, legible) in enumerate(frames, len(by_image) + drawn):
        store[index, : pixels.shape[0], :SIDE] = pixels
        clear = np.array(legible, bool)
        sides = {"plates": boxes[clear].tolist(), "ignore": boxes[~clear].tolist()}
        entries.append({"size": pixels.shape[:2], "source": "rendered", **sides})
    store.flush()
    (work / "pictures.json").write_text(json.dumps(entries))
    for name, draw, count in (("plates", drawn_plates.plate, 5000), ("decoys", drawn_plates.decoy, 1500)):
        np.savez(work / f"{name}.npz", *[draw(rng) for _ in range(count)])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True, help="folder with boxes.csv and images/")
    parser.add_argument("--work", type=Path, required=True, help="folder for prepared files (about 3 GB)")
    parser.add_argument("--teacher", type=Path, help="raw-output ONNX detector that tightens labels")
    parser.add_argument("--drawn", type=int, default=1200)
    parser.add_argument("--rendered", type=int, default=160, help="frames of the benchmark's rendered road")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    teacher = Teacher(args.teacher) if args.teacher else None
    prepare(args.pictures, args.work, teacher, drawn=args.drawn, clips=args.rendered, seed=args.seed)


if __name__ == "__main__":
    main()
