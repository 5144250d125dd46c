"""Measure a reader on labelled pictures and write the figures the model card quotes.

    python -m training.ocr.evaluate --model edge/weights/hitonly-ocr.onnx --data ../shared/data \
        --detector HUB_DETECTOR.onnx --compare HUB_OCR.onnx --out docs/results/ocr-eval.json

Reads go through fast-plate-ocr, on crops widened 8 % on each side: of the label's box, and of the detector's box
if one is named. Only totals are written, never a plate. With --fit it prints the temperature that suits the crops
in data/us_crops.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import onnxruntime as ort
from fast_plate_ocr import LicensePlateRecognizer
from numpy.typing import NDArray
from open_image_models import create_detector

from training.ocr.model import ALPHABET, SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from open_image_models.detection.core.base import DetectionResult

WIDEN = 0.08
ZERO, LETTER_O = ALPHABET.index("0"), ALPHABET.index("O")
Box = tuple[float, float, float, float]
Pixels = NDArray[np.uint8]
log = logging.getLogger("training.ocr.evaluate")


@dataclass(frozen=True, slots=True)
class Scores:
    """Totals over one set; percentages of plates unless said otherwise."""

    plates: int
    found: int
    exact: float
    exact_o_is_0: float
    length_right: float
    characters_right: float  # of the label's characters, O and 0 one, where the length is right
    nll_per_slot: float  # nats, O and 0 one
    calibration_error: float  # plate level, 10 equal-count bins, O and 0 one
    mean_confidence: float


class Reader:
    """A fast-plate-ocr model on one thread."""

    def __init__(self, model: Path, config: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._recogniser = LicensePlateRecognizer(
            onnx_model_path=model,
            plate_config_path=config,
            sess_options=options,
            providers=["CPUExecutionProvider"],
        )
        self._grey = self._recogniser.config.image_color_mode == "grayscale"
        self._session = self._recogniser.model
        self._size = (self._recogniser.config.img_width, self._recogniser.config.img_height)

    def prepare(self, crop: Pixels) -> Pixels:
        """BGR crop to the model's 1 x 64 x 128 x C, as fast-plate-ocr does."""
        image = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY if self._grey else cv2.COLOR_BGR2RGB)
        small = np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_LINEAR), np.uint8)
        return small.reshape(1, self._size[1], self._size[0], -1)

    def posterior(self, crop: Pixels) -> NDArray[np.float64]:
        """SLOTS x 37 probabilities."""
        output = self._session.run(["plate"], {self._session.get_inputs()[0].name: self.prepare(crop)})[0]
        return output.reshape(SLOTS, len(ALPHABET)).astype(np.float64)

    def milliseconds(self, batch: int, turns: int = 100) -> float:
        """Median processor time a plate, resizing apart: what other jobs do meanwhile counts little."""
        channels = 1 if self._grey else 3
        shape = (batch, self._size[1], self._size[0], channels)
        feed = {
            self._session.get_inputs()[0].name: np.random.default_rng(0).integers(
                0, 256, shape, dtype=np.uint8
            )
        }
        times = []
        for _ in range(turns + 10):
            start = time.process_time()
            self._session.run(["plate"], feed)
            times.append(time.process_time() - start)
        return float(np.median(times[10:])) * 1e3 / batch


def read_picture(path: Path) -> Pixels:
    """A picture as H x W x 3 BGR."""
    return np.asarray(cv2.imread(str(path)), np.uint8)


def widen(image: Pixels, box: Box) -> Pixels:
    """The box and WIDEN of its sides more on each side, as far as the image goes."""
    x1, y1, x2, y2 = box
    dx, dy = WIDEN * (x2 - x1), WIDEN * (y2 - y1)
    return image[max(0, round(y1 - dy)) : round(y2 + dy), max(0, round(x1 - dx)) : round(x2 + dx)]


def pictures(folder: Path) -> Iterator[tuple[Pixels, Box, str]]:
    """Full pictures with one box and text each."""
    for label in sorted(folder.glob("*.txt")):
        name, x, y, wide, high, text = label.read_text().strip().split("\t")
        x1, y1 = float(x), float(y)
        yield read_picture(folder / name), (x1, y1, x1 + float(wide), y1 + float(high)), text


def crops(folder: Path) -> Iterator[tuple[Pixels, str]]:
    """Plates already cut out, and their text."""
    with (folder / "labels.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            yield read_picture(folder / row["image"]), row["plate"]


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def detected(folder: Path, detector: Path) -> Iterator[tuple[Pixels | None, str]]:
    """The widened crop of the likeliest detection that overlaps the label by more than half, or None."""
    finder = create_detector(
        str(detector), backend="yolo_v9", class_labels=("License Plate",), providers=["CPUExecutionProvider"]
    )
    for image, truth, text in pictures(folder):
        hits: list[tuple[float, Box]] = []
        for found in cast("list[DetectionResult]", finder.predict(image)):
            edges = found.bounding_box
            box = (float(edges.x1), float(edges.y1), float(edges.x2), float(edges.y2))
            if overlap(box, truth) > 0.5:
                hits.append((found.confidence, box))
        yield (widen(image, max(hits)[1]) if hits else None), text


def fold(posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    """O and 0 as one character: the labels mix them."""
    folded = posterior.copy()
    folded[:, ZERO] += folded[:, LETTER_O]
    folded[:, LETTER_O] = 0
    return folded


def text_of(posterior: NDArray[np.float64]) -> str:
    """The likeliest character of each slot, pads dropped."""
    return "".join(ALPHABET[i] for i in posterior.argmax(1)).rstrip("_")


def codes_of(text: str) -> NDArray[np.intp]:
    """A label as SLOTS positions in the alphabet, O as 0."""
    return np.array([ALPHABET.index(c) for c in text.replace("O", "0")[:SLOTS].ljust(SLOTS, "_")])


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.float64], bins: int = 10) -> float:
    """Mean distance between confidence and truth over bins of equal counts."""
    parts = np.array_split(np.argsort(confidence), bins)
    return float(
        sum(len(p) * abs(confidence[p].mean() - right[p].mean()) for p in parts if len(p)) / len(confidence)
    )


def score(samples: list[tuple[NDArray[np.float64] | None, str]]) -> Scores:
    """Samples are (posterior or None where nothing was found, label)."""
    found = [(p, t) for p, t in samples if p is not None]
    folded = [(fold(p), t.replace("O", "0")) for p, t in found]
    right = np.array([text_of(p) == t for p, t in folded], float)
    confidence = np.array([p.max(1).prod() for p, _ in folded])
    nll = [-np.log(np.maximum(p[np.arange(SLOTS), codes_of(t)], 1e-9)).mean() for p, t in folded]
    same = [(text_of(p), t) for p, t in folded if len(text_of(p)) == len(t)]
    hits = sum(a == b for read, t in same for a, b in zip(read, t, strict=True))
    total = len(samples)
    return Scores(
        plates=total,
        found=len(found),
        exact=round(100 * sum(text_of(p) == t for p, t in found) / total, 1),
        exact_o_is_0=round(100 * right.sum() / total, 1),
        length_right=round(100 * len(same) / total, 1),
        characters_right=round(100 * hits / max(1, sum(len(t) for _, t in same)), 2),
        nll_per_slot=round(float(np.mean(nll)), 4),
        calibration_error=round(calibration_error(confidence, right), 4),
        mean_confidence=round(float(confidence.mean()), 4),
    )


def fit_temperature(samples: list[tuple[NDArray[np.float64], str]]) -> float:
    """The temperature in 0.6..2.5 with the least negative log-likelihood of the labels, O and 0 one."""
    best = (np.inf, 1.0)
    for temperature in np.arange(0.6, 2.5, 0.05):
        nll = 0.0
        for posterior, text in samples:
            warm = np.maximum(posterior, 1e-12) ** (1 / temperature)
            warm = fold(warm / warm.sum(1, keepdims=True))
            nll -= float(np.log(np.maximum(warm[np.arange(SLOTS), codes_of(text)], 1e-9)).sum())
        best = min(best, (nll, float(temperature)))
    return best[1]


def measure(reader: Reader, data: Path, detector: Path | None) -> dict[str, object]:
    """All sets' scores and the reader's time."""
    sets: dict[str, object] = {}
    for name in ("us", "eu"):
        boxes = [(reader.posterior(widen(image, box)), text) for image, box, text in pictures(data / name)]
        sets[f"{name}, label's box"] = asdict(score(list(boxes)))
        if detector is not None:
            seen = [
                (None if crop is None else reader.posterior(crop), text)
                for crop, text in detected(data / name, detector)
            ]
            sets[f"{name}, detector's box"] = asdict(score(seen))
    sets["us_crops, as cut"] = asdict(
        score([(reader.posterior(crop), text) for crop, text in crops(data / "us_crops")])
    )
    return {
        "sets": sets,
        "processor_ms_per_plate_one_thread": {str(n): round(reader.milliseconds(n), 2) for n in (1, 4)},
    }


def main() -> None:
    """Measure, or with --fit only fit the temperature."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder with us/, eu/ and us_crops/")
    parser.add_argument("--detector", type=Path, help="an open-image-models yolo_v9 ONNX")
    parser.add_argument("--compare", type=Path, help="another fast-plate-ocr ONNX, its config beside it")
    parser.add_argument("--fit", action="store_true", help="only print the temperature fitted on us_crops")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    models = {
        "hitonly-ocr": options.model,
        **({options.compare.stem: options.compare} if options.compare else {}),
    }
    readers = {
        name: Reader(path, path.with_name(f"{path.stem}_plate_config.yaml")) for name, path in models.items()
    }
    if options.fit:
        log.info(
            "%.2f",
            fit_temperature(
                [
                    (readers["hitonly-ocr"].posterior(crop), text)
                    for crop, text in crops(options.data / "us_crops")
                ]
            ),
        )
        return
    report: dict[str, object] = {
        "crop_widened_each_side": WIDEN,
        "models": {
            name: {"bytes": models[name].stat().st_size, **measure(reader, options.data, options.detector)}
            for name, reader in readers.items()
        },
    }
    content = json.dumps(report, indent=2) + "\n"
    log.info("%s", content)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        part = options.out.with_name(options.out.name + ".part")
        part.write_text(content)
        part.replace(options.out)


if __name__ == "__main__":
    main()
