"""The tables and the plot of the matching part: methods, list sizes, passes, mistakes, predicted false hits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from benchmarks.fixtures.plausible import Plausible
from benchmarks.harness.results import Better, Part, Plot
from benchmarks.harness.stats import Estimate
from benchmarks.matching.matchers import Method, confusable, edit_distance, exact, likeliest_folded, posterior
from benchmarks.matching.matching_readings import FRAMES, Readings, joined, outcome
from edge.pipeline.fusion import fuse, log_table
from hotlist.matching.clustering import clustering
from hotlist.matching.confusion import Kernel
from hotlist.matching.cost import predict, thresholds_for
from hotlist.matching.explain import explain
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.traffic import LOOSEST, Thresholds, Traffic

LISTED = 100_000
TARGET_RECALL, TARGET_FALSE = 0.985, 1.0


def methods_table(
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
        both = outcome(method, joined(list(readings.values())), plausible, LISTED)
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


def curves(part: Part, readings: Readings, plausible: Plausible, kernel: Kernel, limits: Thresholds) -> None:
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


def sizes_table(
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


def passes_table(
    part: Part, readings: Readings, plausible: Plausible, kernel: Kernel, limits: Thresholds
) -> None:
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


def mistakes_table(part: Part, readings: Readings, kernel: Kernel, limits: Thresholds) -> None:
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


def cost_table(
    part: Part, readings: Readings, labels: Sequence[str], settings: MatchSettings, seed: int
) -> None:
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
