"""Measure the region model on labelled pictures that it was not trained on, or fit its temperature.

    python -m training.region.evaluate --model edge/weights/hitonly-region.onnx --data ../shared/data \
        --out docs/results/region-eval.json

us_crops is cut in two halves by name: the temperature is fitted on the first (`--fit`), and every figure is given
for the second half too, which nothing was fitted on. `us/` tells the country only; the countries of `eu/` were told
by a person from the pictures (two that were not plain are left out).
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime as ort

from edge.vision.models import Model, ModelSpec
from edge.vision.region import RegionModel
from hotlist.matching.region_agreement import SURE, region_told
from training.ocr.evaluate import widen
from training.ocr.export import write
from training.region.prepare import prepared

if TYPE_CHECKING:
    from numpy.typing import NDArray

CURRENT = frozenset((
    "AZ", "CA", "CO", "CT", "DE", "FL", "HI", "ID", "KS", "LA", "MA", "ME", "MN", "MT", "NC", "NH", "NJ", "NM",
    "OR", "PA", "UT", "VT", "WA", "WI", "WV",
))  # fmt: skip
"""States whose crops show mostly the general design that was still issued in July 2023, judged by eye."""
NOT_CURRENT = frozenset((
    "az1001", "az1193", "az837", "ca1629", "ca574", "co1018", "de1057", "fl512", "id1409", "la11", "la1160",
    "la244", "la298", "la405", "la691", "la701", "ma912", "md645", "nj479", "pa1652", "pa525", "ut1091", "wa1241",
    "wa325", "wa468", "wv1056",
))  # fmt: skip
"""The crops of those states that show another one."""
EUROPE = {"eu1": "DE", "eu11": "NO", "eu3": "DE", "eu5": "GB", "test_034": "PL"}
CZECH = frozenset(f"test_0{number}" for number in range(62, 78, 2))
UNPLAIN = frozenset({"eu7", "eu9"})
log = logging.getLogger("training.region.evaluate")


@dataclass(frozen=True, slots=True)
class Judged:
    """One crop: its name, its true region, and what the model tells of it."""

    name: str
    truth: str
    told: dict[str, float]

    @property
    def ranked(self) -> list[str]:
        """Regions, the likeliest first."""
        return sorted(self.told, key=lambda code: -self.told[code])

    @property
    def country(self) -> str:
        """The likeliest country, its parts taken together; empty where nothing is told."""
        sums: dict[str, float] = {}
        for code, share in self.told.items():
            sums[code[:2]] = sums.get(code[:2], 0.0) + share
        return max(sums, key=lambda code: sums[code], default="")


def states(model: RegionModel, folder: Path) -> list[Judged]:
    """Judge the crops of us_crops, in the order of their names."""
    with (folder / "labels.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["image"])
    judged = []
    for row in rows:
        crop = np.asarray(cv2.imread(str(folder / row["image"])), np.uint8)
        judged.append(Judged(Path(row["image"]).stem, f"US-{row['state'].upper()}", model.regions(crop)))
    return judged


def countries(model: RegionModel, folder: Path) -> list[Judged]:
    """Judge the plates of us/ or eu/, cut from their pictures as the edge cuts them."""
    judged = []
    for label in sorted(folder.glob("*.txt")):
        if label.stem in UNPLAIN:
            continue
        name, *box = label.read_text().split("\t")[:5]
        left, top, wide, high = (float(side) for side in box)
        image = np.asarray(cv2.imread(str(folder / name)), np.uint8)
        crop = widen(image, (left, top, left + wide, top + high))
        europe = "CZ" if label.stem in CZECH else EUROPE.get(label.stem, "SK")
        judged.append(Judged(label.stem, "US" if folder.name == "us" else europe, model.regions(crop)))
    return judged


def state_scores(judged: list[Judged]) -> dict[str, float | int]:
    """Shares of crops: right at the first and among five; told at SURE; and how many of the told are right."""
    told = [(region_told(one.told), one.truth) for one in judged]
    said = [(code, truth) for code, truth in told if "-" in code]
    return {
        "crops": len(judged),
        "top_1": _share([one.ranked[:1] == [one.truth] for one in judged]),
        "top_5": _share([one.truth in one.ranked[:5] for one in judged]),
        "state_told": _share(["-" in code for code, _ in told]),
        "told": len(said),
        "told_right": _share([code == truth for code, truth in said]),
        "another_country_told": _share([bool(code) and not code.startswith("US") for code, _ in told]),
    }


def country_scores(judged: list[Judged]) -> dict[str, float | int]:
    """Shares of plates: the likeliest country right; a region told at SURE; and how many of the told are right."""
    told = [(region_told(one.told)[:2], one.truth) for one in judged]
    said = [(code, truth) for code, truth in told if code]
    return {
        "plates": len(judged),
        "country_right": _share([one.country == one.truth for one in judged]),
        "country_told": _share([bool(code) for code, _ in told]),
        "told": len(said),
        "told_right": _share([code == truth for code, truth in said]),
    }


def _share(which: list[bool]) -> float:
    return round(sum(which) / len(which), 4) if which else 0.0


def is_current(one: Judged) -> bool:
    """Whether a crop shows a design that was still issued."""
    return one.truth[3:] in CURRENT and one.name not in NOT_CURRENT


def measure(model: RegionModel, data: Path) -> dict[str, object]:
    """Return every figure."""
    crops = states(model, data / "us_crops")
    second = crops[1::2]
    return {
        "sure": SURE,
        "us_crops": {
            "all": state_scores(crops),
            "current_designs": state_scores([one for one in crops if is_current(one)]),
            "no_longer_issued": state_scores([one for one in crops if not is_current(one)]),
            "second_half": state_scores(second),
            "second_half_current": state_scores([one for one in second if is_current(one)]),
        },
        "us": country_scores(countries(model, data / "us")),
        "eu": country_scores(countries(model, data / "eu")),
        "processor_milliseconds_a_crop": round(_milliseconds(model), 2),
    }


def _milliseconds(model: RegionModel) -> float:
    """The median processor time of 200 looks, on one thread."""
    crop = np.random.default_rng(1).integers(0, 255, (90, 200, 3)).astype(np.uint8)
    spent = []
    for _ in range(200):
        began = time.process_time()
        model.regions(crop)
        spent.append((time.process_time() - began) * 1e3)
    return float(np.median(spent))


def fit(path: Path, folder: Path, right: float) -> float:
    """The least temperature at which what is told on the first half of us_crops is right often enough.

    The model must have been exported with a temperature of 1.
    """
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    codes = session.get_modelmeta().custom_metadata_map["regions"].split(",")
    with (folder / "labels.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["image"])[::2]
    logits, truths = [], []
    for row in rows:
        picture = np.asarray(cv2.imread(str(folder / row["image"])), np.uint8)
        pixels = prepared([picture])
        logits.append(np.log(session.run(None, {"pixels": pixels})[0][0] + 1e-12))
        truths.append(codes.index(f"US-{row['state'].upper()}"))
    table, truth = np.stack(logits), np.array(truths)
    for temperature in np.arange(0.4, 4, 0.05):
        shares = _softmax(table / temperature)
        said = (shares.max(1) >= SURE) & (shares.argmax(1) != codes.index(""))
        good = (shares.argmax(1) == truth)[said]
        log.info("%.2f: says %.3f, right %.3f", temperature, said.mean(), good.mean() if said.any() else 0)
        if said.any() and good.mean() >= right:
            return float(temperature)
    raise ValueError(f"no temperature makes {right:.0%} of what is told right: train further")


def _softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    shares: NDArray[np.floating] = powers / powers.sum(1, keepdims=True)
    return shares


def main() -> None:
    """Measure, or with --fit only fit the temperature."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder with us/, eu/ and us_crops/")
    parser.add_argument("--fit", action="store_true", help="only print the temperature")
    parser.add_argument("--right", type=float, default=0.98, help="share of what is told that must be right")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    if options.fit:
        log.info("%.2f", fit(options.model, options.data / "us_crops", options.right))
        return
    content = options.model.read_bytes()
    spec = ModelSpec(options.model.stem, "region", {options.model.name: ""}, licence="", source="")
    model = RegionModel(Model(spec, (options.model,), (content,)))
    report = {"model": options.model.name, "bytes": len(content), **measure(model, options.data)}
    text = json.dumps(report, indent=2) + "\n"
    log.info("%s", text)
    if options.out:
        write(options.out, text.encode())


if __name__ == "__main__":
    main()
