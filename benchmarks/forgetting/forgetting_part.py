"""Does it forget? The real edge reads plates that it must forget, and every place where one could be is searched.

1. A box is frozen in the middle of traffic, twice, once as a leaky build that keeps everything: each form must
   be found in each process in which it can occur, else the gate is blind for it, and fails
   (`benchmarks.forgetting.live_control`).
2. Trials (`benchmarks.forgetting.forgetting_trial`): the real ``alpr-edge run`` reads a road, traced: every
byte that any of
   its processes writes is kept. After the last deadline copies of plates that were never shown are planted into
   each of its processes, and all their memory is searched. The planted copies must be found, and nothing else.
3. It is stopped. What it wrote, the files it made, its output and its receipts are searched too. The hits
   must be there as ciphertext only: the department's key opens them, or the department has them.
4. Another run is aborted while it holds live reads: there must be no core dump.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.fixtures.feeds import Feed
from benchmarks.fixtures.roads import Road
from benchmarks.forgetting import abort, allocator_cost, crash, lateness
from benchmarks.forgetting.forgetting_report import report_sight, report_trial
from benchmarks.forgetting.forgetting_trial import measured
from benchmarks.forgetting.live_control import Seen, sighted
from benchmarks.forgetting.trial import QUIET_S, Trial
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.results import Part
from benchmarks.leaks.builds import EVERYTHING

_ABOUT: Final = (
    "The edge's own command line reads drawn roads whose plates it must forget. After the last deadline all memory "
    "of its processes, everything they wrote, and what they left behind is searched for every canary in every "
    "form. Zero is the promise; the controls show that the search finds what is there."
)
_FEW: Final = 100
_PASSING: Final = 24
"""Canaries on a road where vehicles drive past one behind the other."""


def trials(*, plates: int, windows: Sequence[float], seed: int, reading: Reading, short: bool) -> list[Trial]:
    """Return the trials of a gate: a short one is one trial a window, on a road that becomes quiet.

    A whole one adds, at each window, cars that stop, a change of light, traffic without a pause, a car that is
    alone, and a camera whose capture process is renewed; and once a department that takes hits.
    """
    found = []
    for place, window in enumerate(windows):
        quiet_s = QUIET_S if plates <= _FEW else 3 * QUIET_S
        found.append(Trial(plates, window, seed, reading, quiet_s))
        if short:
            continue
        roads = (Road.STOPPED, Road.LIGHT, Road.NEVER_QUIET, Road.ONE_CAR)
        found += [Trial(_PASSING, window, seed, reading, road=road) for road in roads]
        found.append(Trial(_PASSING, window, seed, reading, road=Road.NEVER_QUIET, feed=Feed.CAMERA))
        if place == 0:
            found.append(
                Trial(_PASSING, window, seed, reading, road=Road.STOPPED, feed=Feed.CAMERA, linked=True)
            )
    return found


def run(
    *,
    plates: int = 1000,
    windows: Sequence[float] = (180, 5, 0),
    seed: int = 1,
    reading: Reading | None = None,
    short: bool = False,
) -> dict[str, Any]:
    """Freeze two boxes, run every trial, an aborted run, kills at random and the purge's lateness; return the part.

    Kills and lateness are measured on as many points, and ten times as many reads, as there are plates.

    Raises:
        PermissionError: another process's memory cannot be read; it takes root.
    """
    reading = reading or Reading()
    part = Part("forgetting", "Forgetting", _ABOUT)
    seen = _seen(reading, seed, Feed.FILE if short else Feed.CAMERA)
    forms: set[str] = set()
    for trial in trials(plates=plates, windows=windows, seed=seed, reading=reading, short=short):
        outcome = measured(trial)
        forms.update(outcome.forms)
        report_trial(outcome, part)
    report_sight(seen, frozenset(forms), part)
    abort.report(reading, part)
    crash.report(part, points=plates, seed=seed)
    lateness.report(part, reads=10 * plates)
    allocator_cost.report(part, reading)
    return part.to_json()


def _seen(reading: Reading, seed: int, feed: Feed) -> Seen:
    """Freeze the edge, and the build that keeps everything; return what was found in both together."""
    together: Seen = {}
    for leak, theirs in (("", feed), (EVERYTHING, Feed.FILE)):
        for process, forms in sighted(reading, theirs, leak, seed).items():
            together[process] = together.get(process, Counter()) + forms
    return together
