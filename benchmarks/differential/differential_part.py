"""The differential trial: does anything that leaves the box hang on the plates of non-hits, or on when they pass?

1. The real box runs over a road, traced: every call by which something can leave a process is recorded.
2. It runs over the same road with other plates on the vehicles that are no hits, and over the first road again.
3. It runs over the road with some of those vehicles at another time, and without some of them.
4. What must differ (ids, signatures, ciphertext, clocks) is replaced by rules, each with a check of its own
   (`benchmarks.differential.outflow_rules`); everything else must be equal: call by call, in order, byte for byte.
5. Nothing may be written, made or left but what the allow-lists name
(`benchmarks.differential.differential_names`).
6. Controls: every hit opens with the department's key; a box with a planted leak must fail.

What is equal in 1 and its repetition and another in 2 hangs on the plates, whatever it is: no form need be known.
"""

import tempfile
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Final

from benchmarks.differential.differential_compare import (
    Difference,
    Told,
    compare,
    compare_times,
    faults,
    told,
)
from benchmarks.differential.differential_leaks import LEAKS, leaky
from benchmarks.differential.differential_link import linked
from benchmarks.differential.differential_names import strange
from benchmarks.differential.differential_road import Road, draw_vehicles, drawn_again, is_listed
from benchmarks.differential.differential_run import Station, alone, run_once
from benchmarks.harness.hotlist_fixture import Reading

VEHICLES: Final = 10
AGAINST: Final = ("other plates", "again", "other times", "fewer")
STEP_S: Final = 5.0
"""Times of what leaves, in a run at the clip's own pace, are compared to this many seconds."""
_LEAD_S, _PAUSE_S = 5.0, 18.0
"""With a service: the late vehicles pass on the other side of the heartbeat at 20 s, and no vehicle near one."""
CONTROL: Final = LEAKS["hash with a fixed salt on stderr"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial.

    Attributes:
        name: for the report.
        window_s: the retention window.
        against: which runs the first one is held against, of `AGAINST`.
        link: whether the box has a department's service, and runs at the clip's own pace.
        vehicles: that pass. With a link at most four, so that one is listed: of two hits within a moment it
            is chance whether they share a delivery.
        seed: decides plates and picture.
        reading: the models.
        leak: statements that a planted leak runs at every reading; empty for the box as it is.
    """

    name: str
    window_s: float = 180.0
    against: tuple[str, ...] = AGAINST
    link: bool = False
    vehicles: int = VEHICLES
    seed: int = 1
    reading: Reading = field(default_factory=Reading)
    leak: str = ""

    def roads(self) -> dict[str, Road]:
        """Return the roads to be driven, by what they are for; the first is what the others are held against."""
        shown = draw_vehicles(self.vehicles, self.seed)
        moved = frozenset(each.number for each in shown if not is_listed(each) and each.number % 2)
        first = Road(shown, seed=self.seed)
        if self.link:
            first = replace(first, lead_s=_LEAD_S, pause_s=_PAUSE_S, quiet_s=2.0)
        roads = {
            "other plates": replace(first, vehicles=drawn_again(shown, self.seed + 1)),
            "again": first,
            "other times": replace(first, late=moved),
            "fewer": replace(first, absent=moved),
        }
        return {"first": first} | {name: roads[name] for name in self.against}


@dataclass(slots=True)
class Outcome:
    """What one trial found.

    Attributes:
        differences: by what the run was for: what left it and did not leave the first, or otherwise.
        faults: fields not of their rule's form, names and targets that are not allowed.
        calls, looked: compared in each run.
        hits: opened in the first run, of those listed.
        listed: vehicles on the hot list.
    """

    trial: Trial
    differences: dict[str, list[Difference]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    calls: int = 0
    looked: int = 0
    hits: int = 0
    listed: int = 0

    @property
    def equal(self) -> bool:
        """Whether nothing differed, nothing was out of form, and every hit opened."""
        return not any(self.differences.values()) and not self.faults and self.hits == self.listed > 0


def measured(trial: Trial) -> Outcome:
    """Run one trial in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="differential-") as name:
        folder = Path(name)
        roads = trial.roads()
        first = next(iter(roads.values()))
        make = linked if trial.link else alone
        with make(folder, first, window_s=trial.window_s, reading=trial.reading) as station:
            if trial.leak:
                station.root = leaky(folder / "code", trial.leak)
            return _outcome(trial, station, roads)


def _outcome(trial: Trial, station: Station, roads: dict[str, Road]) -> Outcome:
    def rules_over(run: str, *, counted: bool = True) -> Told:
        return told(runs[run], station.keys, loaded=trial.link, counted=counted)

    runs = {name: run_once(station, road) for name, road in roads.items()}
    outcome = Outcome(trial, listed=sum(map(is_listed, roads["first"].vehicles)))
    counted = {name: name != "fewer" and trial.window_s > 0 for name in roads}
    first, uncounted = rules_over("first"), rules_over("first", counted=False)
    others = {name: rules_over(name, counted=counted[name]) for name in roads if name != "first"}
    for name, other in others.items():
        base = first if counted[name] else uncounted
        outcome.differences[name] = compare(base, other)
        if trial.link:
            outcome.differences[name] += compare_times(base, other, STEP_S)
    strangers = (strange(run, str(station.box), station.department) for run in runs.values())
    outcome.faults = sorted(
        {str(each) for each in faults([first, *others.values()])} | set(chain(*strangers))
    )
    outcome.calls = sum(map(len, first.calls.values()))
    outcome.looked = len(first.looked)
    outcome.hits = first.rules.hits
    return outcome
