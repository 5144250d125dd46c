"""Real pictures, labelled with a country by the hub's reader where it is sure (it knows no US state).

    python -m training.region.real --pictures ../shared/train --teacher HUB_OCR.onnx --out runs/region/real.npz

A crop is kept with the classes it may be: one European country, all US states (and *cannot tell*: the design may
be one that was not learned), or *cannot tell* alone for a country that is no class.
"""

from __future__ import annotations

import argparse
import csv
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnxruntime as ort
import yaml

from edge.vision.region_names import codes_of
from training.ocr.real import cut
from training.region.classes import CANNOT_TELL, CLASSES, US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.region.photograph import Picture

MARGIN, NARROWEST = 0.12, 40
log = logging.getLogger("training.region.real")


@dataclass(frozen=True, slots=True)
class RealCrop:
    """A colour crop with its margin, the plate's width over height, and which classes it may be."""

    picture: Picture
    aspect: float
    allowed: NDArray[np.bool_]


def allowed_for(country: str) -> NDArray[np.bool_]:
    """The classes that a plate of a country may be."""
    mask = np.zeros(len(CLASSES), np.bool_)
    if country == "US":
        mask[:US] = mask[CANNOT_TELL] = True
    else:
        mask[CLASSES.index(country) if country in CLASSES else CANNOT_TELL] = True
    return mask


def load_real(path: Path) -> list[RealCrop]:
    """Read what `main` wrote."""
    with np.load(path, allow_pickle=False) as data:
        count = len(data["aspect"])
        return [
            RealCrop(data[f"picture{i}"], float(data["aspect"][i]), data["allowed"][i]) for i in range(count)
        ]


def main() -> None:
    """Label the pictures' plates and write those kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=Path, required=True, help="folder with boxes.csv and images/")
    parser.add_argument(
        "--teacher", type=Path, required=True, help="the hub's OCR, its configuration beside it"
    )
    parser.add_argument("--sure", type=float, default=0.9, help="least probability of the teacher's country")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    config = options.teacher.with_name(options.teacher.stem + "_plate_config.yaml")
    codes = codes_of(yaml.safe_load(config.read_text())["plate_regions"])
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = 1
    session = ort.InferenceSession(str(options.teacher), settings, providers=["CPUExecutionProvider"])
    arrays: dict[str, NDArray[Any]] = {}
    aspects: list[float] = []
    masks: list[NDArray[np.bool_]] = []
    seen = 0
    with (options.pictures / "boxes.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["x1"]]
    for row in rows:
        x1, y1, x2, y2 = (float(row[name]) for name in ("x1", "y1", "x2", "y2"))
        if x2 - x1 < NARROWEST:
            continue
        seen += 1
        image = np.asarray(cv2.imread(str(options.pictures / "images" / row["image"])), np.uint8)
        crop = cv2.resize(cut(image, (x1, y1, x2, y2), 0.08)[0], (128, 64))[None, :, :, ::-1]
        regions = session.run(["region"], {session.get_inputs()[0].name: crop})[0][0]
        best = int(regions.argmax())
        if regions[best] < options.sure or not codes[best]:
            continue
        arrays[f"picture{len(aspects)}"] = cut(image, (x1, y1, x2, y2), MARGIN)[0]
        aspects.append((x2 - x1) / (y2 - y1))
        masks.append(allowed_for(codes[best]))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    arrays |= {"aspect": np.array(aspects), "allowed": np.stack(masks)}
    np.savez(options.out, allow_pickle=False, **arrays)
    log.info("kept %d of %d crops", len(aspects), seen)


if __name__ == "__main__":
    main()
