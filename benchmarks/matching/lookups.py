"""How long a look-up takes and what the index needs, by list size."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import overload

import numpy as np
import numpy.typing as npt

from benchmarks.fixtures.plausible import Plausible
from benchmarks.harness.results import Better, Part, Plot
from benchmarks.harness.stats import Estimate
from edge.flow import Table
from hotlist.entry import Entry, Purpose
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.matcher import Matcher
from hotlist.matching.patterns import Codes
from hotlist.matching.plate_index import Index
from hotlist.plate import decode

ROUNDS = 20
TARGET_P99_US, TARGET_MB = 200, 150
NOW = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


class OnDemand(Sequence[Entry]):
    """Entries made when asked for: five million at once would need gigabytes, and the index needs none."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes

    def __len__(self) -> int:
        return len(self._codes)

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Entry]: ...
    def __getitem__(self, place: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(place, slice):
            return OnDemand(self._codes[place])
        plate = decode(int(self._codes[place]))
        why = Purpose.STOLEN_VEHICLE
        return Entry(f"e{place}", plate, "US", why, "c", "s", "a", "b", NOW, NOW, NOW + YEAR, NOW)


def measure(
    part: Part,
    tables: Table,
    plausible: Plausible,
    settings: MatchSettings,
    *,
    sizes: Sequence[int],
    seed: int,
) -> None:
    """Add look-up time, memory and loading time, by list size, to a part."""
    rows, p99s = [], []
    for size in sizes:
        codes = plausible.draw(size, seed)
        began = time.perf_counter()
        index = Index.from_codes(1, OnDemand(codes), codes)
        built = time.perf_counter()
        matcher = Matcher(index, settings)
        loaded = time.perf_counter()
        times = _times(matcher, tables)
        middle = np.median(times, axis=0)
        p99s.append(float(np.percentile(middle, 99)))
        rows.append([
            f"{size:,}", *(f"{np.percentile(middle, share):.0f}" for share in (50, 99)),
            *(f"{np.percentile(times, share):.0f}" for share in (50, 99)),
            f"{index.nbytes / 1e6:.1f}", f"{built - began:.2f}", f"{loaded - built:.2f}",
        ])  # fmt: skip
    part.table(
        f"Look-ups, microseconds by the clock: of {len(tables)} readings the middle of {ROUNDS} times each, and "
        f"every single time; and the index",
        [
            "plates listed", "p50", "p99", "p50 of all", "p99 of all", "index, MB", "built in, s",
            "thresholds in, s",
        ],
        rows,
    )  # fmt: skip
    part.plot(
        Plot.LINES,
        "A look-up's p99 by list size",
        ("plates listed", "microseconds"),
        [{"label": "p99", "x": list(sizes), "y": [round(p99, 1) for p99 in p99s]}],
        log_x=True,
    )
    _sum_up(part, sizes, p99s, float(index.nbytes))


def _sum_up(part: Part, sizes: Sequence[int], p99s: Sequence[float], size_bytes: float) -> None:
    """Add the figures that a later run is compared by, and what came out in words."""
    worst = max(p99s)
    part.findings.append(
        f"A look-up's p99 is {min(p99s):.0f} to {worst:.0f} microseconds from {sizes[0]:,} to {sizes[-1]:,} plates "
        f"(target {TARGET_P99_US}), over readings, each the middle of {ROUNDS} times: on a shared machine the p99 "
        f"of all times says how long other work kept the processor. The index of {sizes[-1]:,} plates takes "
        f"{size_bytes / 1e6:.0f} MB (target {TARGET_MB})."
    )
    part.figure(
        "lookup_p99", "look-up, p99 over readings, worst list size", Estimate(worst, min(p99s), worst, ROUNDS),
        "us", Better.LOWER, machine=True,
    )  # fmt: skip
    part.figure(
        "index_bytes", f"index of {sizes[-1]:,} plates", Estimate(size_bytes, size_bytes, size_bytes, 1), "bytes",
        Better.LOWER,
    )  # fmt: skip


def _times(matcher: Matcher, tables: Table) -> npt.NDArray[np.float64]:
    """Return the time of each look-up in microseconds, (rounds x readings); a first round warms up."""
    times = np.empty((ROUNDS + 1, len(tables)))
    for turn, place in np.ndindex(times.shape):
        began = time.perf_counter_ns()
        matcher.match(tables[place], {}, NOW)
        times[turn, place] = (time.perf_counter_ns() - began) / 1000
    return times[1:]
