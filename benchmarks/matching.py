"""Matching, measured: recall against false hits of several methods, by list size; look-up time; passes; cost.

    python -m benchmarks.matching ../shared/data ../shared/models --out docs/results/matching.json

The kernel and the thresholds come from `us_crops` only (`benchmarks.fit_kernel`); what is reported comes from
the whole pictures in `us` and `eu`. No plate's text gets into the results.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import lookups
from benchmarks.environment import describe
from benchmarks.matchers import (
    Method,
    confusable,
    edit_distance,
    exact,
    likeliest_folded,
    posterior,
)
from benchmarks.page import rewrite
from benchmarks.pictures import open_detector, open_reader, pictures, read
from benchmarks.plausible import Plausible
from benchmarks.results import Better, Part, Plot, assemble, save
from benchmarks.stats import Estimate, share
from edge.flow import Table
from edge.fusion import fuse, log_table
from edge.models import manifest
from hotlist.clustering import clustering
from hotlist.cost import predict, thresholds_for
from hotlist.explain import explain
from hotlist.kernel import Kernel, named
from hotlist.match_settings import MatchSettings
from hotlist.patterns import Codes
from hotlist.plate import decode, encode
from hotlist.traffic import LOOSEST, Thresholds, Traffic

MARGIN = 0.08
FRAMES = 16
LISTED = 100_000
SIZES = (1_000, 10_000, 100_000, 1_000_000, 5_000_000)
PER_THOUSAND = 1_000
TARGET_RECALL, TARGET_FALSE = 0.985, 1.0
BUDGET = MatchSettings(max_false_hits_per_day=1.0, passes_per_day=float(PER_THOUSAND))
"""One false hit in a thousand pictures."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What the OCR made of a set of pictures.

    Attributes:
        codes: (n,) uint64, the labels.
        single: (n x 10 x 37), the pictures as they are.
        mild: (n x k x 10 x 37), copies with the box moved a little, in other light.
        harsh: the same, also small, blurred and noisy.
    """

    codes: Codes
    single: Table
    mild: Table
    harsh: Table


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method made of a set of readings: the hits, and the expected false hits of each reading."""

    hits: int
    total: int
    false_per_thousand: float

    @property
    def recall(self) -> Estimate:
        """Share of the listed plates that were found."""
        return share(self.hits, self.total)


def run(
    data: Path,
    models: Path,
    *,
    reader: str = "cct-xs-v2-global",
    detector: str = "yolo-v9-t-384-dequantised",
    sizes: Sequence[int] = SIZES,
    seed: int = 1,
    name: str = "matching",
) -> dict[str, Any]:
    """Return the part of ``results.json`` about matching.

    Args:
        data: holds the folders `us` and `eu`.
        models: holds the reader's and the detector's files.
        reader: the OCR's name in the manifest.
        detector: the detector's name in the manifest.
        sizes: hot-list sizes to look up in.
        seed: decides the lists.
        name: the part's key in the results.
    """
    settings = replace(BUDGET, kernel=named(reader))
    readings = _read(data, models, reader, detector)
    everything = _joined(list(readings.values()))
    labels = [decode(code) for code in everything.codes.tolist()]
    part = Part(
        name=name,
        title=f"Matching, read by {reader}",
        about=(
            f"{len(labels)} labelled pictures (US and EU), read by {reader} from boxes of {detector} widened "
            f"{MARGIN:.0%} on each side. Hot lists are drawn with the labels' patterns, and the true plate of a "
            "picture is added to find it. False hits are worked out over all such lists, not counted on one: "
            "the sum of the probabilities that an accepted plate is listed. Kernel and thresholds were fitted "
            "on other pictures (us_crops)."
        ),
    )
    plausible = Plausible(labels)
    limits = thresholds_for(plausible.draw(LISTED, seed), settings)
    _methods(part, readings, plausible, settings.kernel, limits)
    _curves(part, everything, plausible, settings.kernel, limits)
    _sizes(part, everything, plausible, settings=settings, sizes=sizes, seed=seed)
    _passes(part, everything, plausible, settings.kernel, limits)
    _mistakes(part, everything, settings.kernel, limits)
    _cost(part, everything, labels, settings, seed)
    lookups.measure(part, everything.single, plausible, settings, sizes=sizes, seed=seed)
    return part.to_json()


def _read(data: Path, models: Path, reader: str, detector: str) -> dict[str, Readings]:
    """Return what the OCR makes of the pictures of each set."""
    ocr, boxes = open_reader(models, reader), open_detector(models, detector)
    found = {}
    for folder in ("us", "eu"):
        harsh, mild = (
            read(pictures(data / folder), ocr, detector=boxes, margin=MARGIN, frames=FRAMES, harsh=kind)
            for kind in (True, False)
        )
        codes = np.array([encode(plate) for plate in harsh.plates], np.uint64)
        found[folder] = Readings(codes, harsh.single, mild.frames, harsh.frames)
    return found


def outcome(method: Method, readings: Readings, plausible: Plausible, listed: int) -> Outcome:
    """Return a method's hits, and its false hits on lists of `listed` plausible plates."""
    hits, false = 0, 0.0
    for code, table in zip(readings.codes, readings.single, strict=True):
        accepted = method(table)
        hits += int(code in accepted)
        chances = plausible.probability(accepted[accepted != code]) * listed
        false += 1.0 - float(np.exp(-chances.sum()))
    return Outcome(hits, len(readings.codes), PER_THOUSAND * false / len(readings.codes))


def _methods(
    part: Part, readings: dict[str, Readings], plausible: Plausible, kernel: Kernel, limits: Thresholds
) -> None:
    """Compare the methods at one list size."""
    methods: dict[str, Method] = {
        "exact text": exact,
        "confusable classes": confusable,
        "Levenshtein distance 1": edit_distance,
        "five likeliest, folded into classes": likeliest_folded(kernel, 5),
        "posterior, one threshold of -7": posterior(kernel, -7.0),
        "posterior (the project's)": posterior(kernel, limits),
    }
    rows = []
    for name, method in methods.items():
        each = {key: outcome(method, found, plausible, LISTED) for key, found in readings.items()}
        both = outcome(method, _joined(list(readings.values())), plausible, LISTED)
        recall = both.recall
        rows.append([
            name, *(f"{found.recall.value:.1%}" for found in each.values()), f"{recall.value:.1%}",
            f"{recall.low:.1%} to {recall.high:.1%}", f"{both.false_per_thousand:.2f}",
        ])  # fmt: skip
    part.table(
        f"Hit recall and false hits, {LISTED:,} plates listed",
        ["method", *(key.upper() for key in readings), "all", "95 % interval", "false hits per 1,000"],
        rows,
    )
    part.figure("recall", "hit recall", both.recall, "share", Better.HIGHER)
    false = both.false_per_thousand
    part.figure(
        "false_hits", "false hits per 1,000 pictures", Estimate(false, false, false, both.total), "per 1,000",
        Better.LOWER,
    )  # fmt: skip
    reached = both.recall.value >= TARGET_RECALL and false <= TARGET_FALSE
    part.findings.append(
        f"With {LISTED:,} plates listed and a budget of one false hit in 1,000 pictures, {both.hits} of "
        f"{both.total} listed plates are found ({both.recall.value:.1%}) at {false:.2f} false hits per 1,000; "
        f"the target of {TARGET_RECALL:.1%} at {TARGET_FALSE:g} or fewer is {'reached' if reached else 'missed'}. "
        f"One picture is {1 / both.total:.1%}."
    )


def _curves(part: Part, readings: Readings, plausible: Plausible, kernel: Kernel, limits: Thresholds) -> None:
    """Plot recall against false hits as each method's threshold moves."""
    ratios = np.arange(8.0, 21.1, 1.0)
    methods: dict[str, list[Method]] = {
        "posterior, threshold by pattern": [
            posterior(kernel, Thresholds(limits.traffic, float(ratio), LOOSEST)) for ratio in ratios
        ],
        "posterior, one threshold": [
            posterior(kernel, float(threshold)) for threshold in np.arange(-9.0, -0.4, 1.0)
        ],
        "likeliest, folded": [likeliest_folded(kernel, number) for number in (1, 2, 3, 5, 10, 20, 50)],
        "exact text": [exact],
        "confusable classes": [confusable],
        "Levenshtein distance 1": [edit_distance],
    }
    series = []
    for name, family in methods.items():
        found = [outcome(method, readings, plausible, LISTED) for method in family]
        false = [round(each.false_per_thousand, 4) for each in found]
        series.append({"label": name, "x": false, "y": [round(each.recall.value, 4) for each in found]})
    part.plot(
        Plot.LINES,
        f"Recall against false hits, {LISTED:,} plates listed",
        ("false hits per 1,000 pictures", "hit recall, share of listed plates"),
        series,
        log_x=True,
        share=True,
        markers=True,
    )


def _sizes(
    part: Part,
    readings: Readings,
    plausible: Plausible,
    *,
    settings: MatchSettings,
    sizes: Sequence[int],
    seed: int,
) -> None:
    """Compare list sizes, each with the thresholds that its budget gives."""
    rows = []
    folded = likeliest_folded(settings.kernel, 5)
    for size in sizes:
        limits = thresholds_for(plausible.draw(size, seed), settings)
        ours = outcome(posterior(settings.kernel, limits), readings, plausible, size)
        others = [outcome(method, readings, plausible, size) for method in (folded, edit_distance)]
        rows.append([
            f"{size:,}", f"{ours.recall.value:.1%}", f"{ours.false_per_thousand:.3f}",
            *(f"{other.false_per_thousand:.3f}" for other in others),
        ])  # fmt: skip
    part.table(
        "By list size, at a budget of one false hit in 1,000 pictures",
        ["plates listed", "recall", "false hits per 1,000", "of five folded", "of Levenshtein distance 1"],
        rows,
    )


def _passes(part: Part, readings: Readings, plausible: Plausible, kernel: Kernel, limits: Thresholds) -> None:
    """Fuse degraded copies of a picture, as the frames of a pass are fused."""
    rows = []
    kinds = {"mild": readings.mild, "harsh": readings.harsh}
    for (kind, copies), frames in product(kinds.items(), (1, 2, 4, 8, FRAMES)):
        weights = np.ones(frames, np.float32)
        fused = np.array([
            fuse(log_table(table[:frames]), weights) if frames > 1 else table[0] for table in copies
        ])  # fmt: skip
        several = replace(readings, single=fused)
        plain, ours = (
            outcome(method, several, plausible, LISTED) for method in (exact, posterior(kernel, limits))
        )
        rows.append([
            f"{kind}, {frames}", f"{plain.recall.value:.1%}", f"{ours.recall.value:.1%}",
            f"{ours.false_per_thousand:.2f}",
        ])  # fmt: skip
    part.table(
        "Passes: copies of each picture, fused as frames are (mild: box moved, other light; harsh: also 36 to "
        "110 pixels wide, blurred, noisy)",
        ["copies", "recall of exact text", "recall", "false hits per 1,000"],
        rows,
    )


def _mistakes(part: Part, readings: Readings, kernel: Kernel, limits: Thresholds) -> None:
    """List which characters were confused in the hits (R20), and how sure the reader was in the misses."""
    accept, told = posterior(kernel, limits), Counter[str]()
    missed = 0
    for code, table in zip(readings.codes, readings.single, strict=True):
        if code in accept(table):
            for difference in explain(int(code), table, kernel, 0.9).differences:
                told[difference.partition(" at ")[0].partition(" after ")[0].partition(" before ")[0]] += 1
        else:
            missed += 1
    part.table(
        "What the hits differed in",
        ["the listed character", "times"],
        [[name, str(count)] for name, count in told.most_common()],
    )
    part.findings.append(
        f"{told.total()} characters of the hits were read as another; {missed} listed plates were missed."
    )


def _cost(part: Part, readings: Readings, labels: Sequence[str], settings: MatchSettings, seed: int) -> None:
    """Compare the false hits predicted from the list alone with those of the pictures."""
    rows = []
    for kept in (0, 2):
        plausible = Plausible(labels, kept=kept)
        codes = np.unique(plausible.draw(LISTED, seed))
        traffic = Traffic.like(codes)
        for ratio in (10.0, 12.0, 13.0, 14.0, 15.0, 16.0):
            limits = Thresholds.at(traffic, ratio, codes)
            predicted = predict(codes, settings, thresholds=limits, worst=1).false_hits_per_day
            found = outcome(
                posterior(settings.kernel, limits), readings, plausible, LISTED
            ).false_per_thousand
            kind = f"in sequence, {clustering(codes):.1f} times closer" if kept else "at random"
            rows.append([kind, f"{ratio:g}", f"{predicted:.3f}", f"{found:.3f}"])
    part.table(
        f"False hits per 1,000 pictures, predicted from the list and found, {LISTED:,} plates listed",
        ["plates issued", "log ratio asked for", "predicted", "found"],
        rows,
    )


def _joined(several: list[Readings]) -> Readings:
    return Readings(
        np.concatenate([each.codes for each in several]),
        np.concatenate([each.single for each in several]),
        np.concatenate([each.mild for each in several]),
        np.concatenate([each.harsh for each in several]),
    )


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder with us/ and eu/")
    parser.add_argument("models", type=Path, help="folder with the models' files")
    parser.add_argument("--readers", nargs="+", default=["cct-xs-v2-global", "hitonly-ocr"])
    parser.add_argument("--detector", default="yolo-v9-t-384-dequantised")
    parser.add_argument("--out", type=Path, default=Path("docs/results/matching.json"))
    parser.add_argument("--page", type=Path, help="page whose figures are written from the results")
    options = parser.parse_args()
    parts = [
        run(options.data, options.models, reader=reader, detector=options.detector, name=f"matching-{reader}")
        for reader in options.readers
    ]
    names = (*options.readers, options.detector)
    digests = {name: next(iter(manifest()[name].files.values())) for name in names}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    results = assemble(describe(digests, 1), parts)
    save(results, options.out)
    if options.page:
        rewrite(options.page, results)


if __name__ == "__main__":
    main()
