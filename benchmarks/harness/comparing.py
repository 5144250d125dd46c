"""Comparing what was read with what stands there: distance, alignment, confusions, calibration."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from benchmarks.harness.results import Part, Plot
from benchmarks.harness.stats import share

BINS: Final = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
_OH: Final = str.maketrans("OQD", "000")


def same_but_zero(read: str, stands: str) -> bool:
    """Whether two plates are equal when O, Q and D count as 0: labels themselves mix them up."""
    return read.translate(_OH) == stands.translate(_OH)


def distance(read: str, stands: str) -> int:
    """Return how many characters must change, come or go."""
    return sum(a != b for a, b in aligned(read, stands))


def aligned(read: str, stands: str) -> list[tuple[str, str]]:
    """Return pairs (read, stands) of the cheapest alignment; an empty text is a missing character."""
    rows, columns = len(read) + 1, len(stands) + 1
    cost = np.zeros((rows, columns), np.int64)
    cost[:, 0], cost[0, :] = np.arange(rows), np.arange(columns)
    for i in range(1, rows):
        for j in range(1, columns):
            swap = cost[i - 1, j - 1] + (read[i - 1] != stands[j - 1])
            cost[i, j] = min(swap, cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    pairs, i, j = [], rows - 1, columns - 1
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (read[i - 1] != stands[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((read[i], stands[j]))
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            pairs.append((read[i], ""))
        else:
            j -= 1
            pairs.append(("", stands[j]))
    return pairs[::-1]


def confusions(pairs: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Count each (read, stands) over aligned readings; only near ones, so that noise does not count."""
    found: Counter[tuple[str, str]] = Counter()
    for read, stands in pairs:
        if distance(read, stands) <= 2:
            found.update(aligned(read, stands))
    return found


def add_confusions(part: Part, title: str, counts: Counter[tuple[str, str]]) -> None:
    """Add the matrix of characters that were taken for others, and its largest as a finding."""
    wrong = Counter({pair: count for pair, count in counts.items() if pair[0] != pair[1] and all(pair)})
    if not wrong:
        part.findings.append(f"{title}: no character was taken for another.")
        return
    names = sorted({character for pair in wrong for character in pair})
    matrix = [[wrong.get((read, stands), 0) for read in names] for stands in names]
    part.plot(
        Plot.MATRIX,
        title,
        ("read as", "stands there"),
        [{"label": "times", "x": names, "y": names}],
        matrix=matrix,
    )
    most = ", ".join(f"{stands} as {read} {count}x" for (read, stands), count in wrong.most_common(5))
    part.findings.append(f"{title}, most often: {most}.")


def add_calibration(part: Part, title: str, sets: Sequence[tuple[str, Sequence[tuple[float, bool]]]]) -> None:
    """Add how often readings of a stated probability were right; on the diagonal they would be calibrated."""
    series: list[dict[str, Any]] = []
    for label, readings in sets:
        line: dict[str, Any] = {"label": label, "x": [], "y": [], "low": [], "high": []}
        for low, high in pairwise(BINS):
            held = [(p, right) for p, right in readings if low <= p < high or (high == 1.0 and p >= 1.0)]
            if not held:
                continue
            rate = share(sum(right for _, right in held), len(held))
            line["x"].append(round(float(np.mean([p for p, _ in held])), 4))
            for name, value in (("y", rate.value), ("low", rate.low), ("high", rate.high)):
                line[name].append(round(value, 4))
        if line["x"]:
            series.append(line)
    if series:
        part.plot(
            Plot.LINES,
            title,
            ("probability that the reader gives", "share that is right"),
            series,
            markers=True,
            diagonal=True,
        )
