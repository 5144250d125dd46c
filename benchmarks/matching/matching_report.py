"""Matching, measured: recall against false hits of several methods, by list size; look-up time; passes; cost.

    python -m benchmarks.matching.matching_report ../shared/data ../shared/models --out docs/results/matching.json

The kernel and the thresholds come from `us_crops` only (`benchmarks.matching.fit_confusion`); what is reported
comes from the whole pictures in `us` and `eu`. No plate's text gets into the results.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.fixtures.plausible import Plausible
from benchmarks.harness.environment import describe
from benchmarks.harness.page import rewrite
from benchmarks.harness.results import Part, assemble, save
from benchmarks.matching import lookups
from benchmarks.matching.matching_readings import MARGIN, PER_THOUSAND, joined, read_sets
from benchmarks.matching.matching_tables import (
    LISTED,
    cost_table,
    curves,
    methods_table,
    mistakes_table,
    passes_table,
    sizes_table,
)
from edge.vision.models import manifest
from hotlist.matching.confusion import named
from hotlist.matching.cost import thresholds_for
from hotlist.matching.match_settings import MatchSettings
from hotlist.plate import decode

SIZES = (1_000, 10_000, 100_000, 1_000_000, 5_000_000)
BUDGET = MatchSettings(max_false_hits_per_day=1.0, passes_per_day=float(PER_THOUSAND))
"""One false hit in a thousand pictures."""


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
    readings = read_sets(data, models, reader, detector)
    everything = joined(list(readings.values()))
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
    methods_table(part, readings, plausible, settings.kernel, limits)
    curves(part, everything, plausible, settings.kernel, limits)
    sizes_table(part, everything, plausible, settings=settings, sizes=sizes, seed=seed)
    passes_table(part, everything, plausible, settings.kernel, limits)
    mistakes_table(part, everything, settings.kernel, limits)
    cost_table(part, everything, labels, settings, seed)
    lookups.measure(part, everything.single, plausible, settings, sizes=sizes, seed=seed)
    return part.to_json()


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
