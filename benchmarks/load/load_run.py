"""The load's course: each kind of request alone, then the whole department at growing rates of hits."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from api.core.service import open_service
from api.core.settings import load_settings
from benchmarks.harness.runner import Advance
from benchmarks.load import load_people, load_units
from benchmarks.load.load_client import Ask, Heard, Lane, at_rate, together
from benchmarks.load.load_department import Loaded, loaded
from benchmarks.load.load_units import Fleet

HEARTBEAT_S: Final = 20
"""A unit's own period (edge/department/heartbeat.py)."""
POLL_S: Final = 60
"""A unit asks for the list only when a heartbeat names another one; here each asks once a minute besides."""
LANES: Final = 64
_TOGETHER: Final = 8
"""Connections of a request measured alone: enough to keep two workers busy."""
_MOST_A_SECOND: Final = 300
"""So many hits are sealed for each second of a stretch: more than two cores take."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How large and how long.

    Attributes:
        units: enrolled.
        entries: listed plates.
        people: who review.
        alone: seconds for each kind of request alone.
        rates: hits a second, one after the other, beside everything else.
        each: seconds at each rate.
    """

    units: int = 10_000
    entries: int = 1000
    people: int = 20
    alone: float = 6.0
    rates: tuple[int, ...] = (5, 10, 20, 40, 80)
    each: float = 6.0


SHORT: Final = Plan(units=200, entries=50, people=2, alone=1.5, rates=(2, 5), each=2.0)


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stretch of load came to.

    Attributes:
        name: which kind of request, or the rate of hits.
        seconds: how long it took.
        heard: what came of the requests, by kind.
        service: processor seconds of the service's processes.
        database: processor seconds of PostgreSQL's.
        client: processor seconds of the load itself, on the same machine.
    """

    name: str
    seconds: float
    heard: dict[str, Heard]
    service: float
    database: float
    client: float

    @property
    def answered(self) -> int:
        """How many requests were answered as they should be."""
        return sum(each.answered for each in self.heard.values())


@dataclass(slots=True)
class Outcome:
    """The whole course.

    Attributes:
        alone: each kind of request by itself.
        mixed: the whole department, by the rate of hits offered.
        memory: of the service's processes, MiB: at the start, and at the end.
        confirmed: hits that people confirmed.
    """

    alone: list[Stage] = field(default_factory=list)
    mixed: list[tuple[int, Stage]] = field(default_factory=list)
    memory: tuple[float, float] = (0.0, 0.0)
    confirmed: int = 0


def load(plan: Plan, seed: int, advance: Advance) -> Outcome:
    """Run the whole course against a service of its own.

    Raises:
        BenchError: the service did not start, or a person's page failed.
    """
    advance(f"load: a service, {plan.units:,} units")
    with loaded(plan.units, plan.entries, seed) as running:
        return asyncio.run(_course(plan, running, seed, advance))


async def _course(plan: Plan, running: Loaded, seed: int, advance: Advance) -> Outcome:
    outcome, fleet = Outcome(), running.fleet
    start = running.memory()
    lanes = [Lane(running.office.url, number) for number in range(LANES)]
    await together(lanes[:1], fleet.heartbeat, 0.5)  # gives the fleet the list's tag
    fleet.seal(round(plan.alone * _MOST_A_SECOND))
    fleet.seal(round(plan.alone * _MOST_A_SECOND / load_units.BATCH_SIZE), load_units.BATCH_SIZE)
    kinds: Sequence[tuple[str, Callable[[], Ask | None]]] = (
        (load_units.POLL, fleet.poll),
        (load_units.HEARTBEAT, fleet.heartbeat),
        (load_units.HIT, fleet.hit),
        (load_units.BATCH, fleet.batch),
    )
    for name, asks in kinds:
        advance(f"load: {name} alone")
        alone = together(lanes[:_TOGETHER], asks, plan.alone)
        outcome.alone.append(await _measured(running, name, alone))
    page = Heard()
    service = open_service(load_settings(running.config, state=running.office.state))
    try:
        those = await load_people.join(service, running.office.url, plan.people, page)
    finally:
        service.close()
    reviewing = asyncio.create_task(load_people.keep_reviewing(those, fleet.plates, seed))
    for rate in plan.rates:
        advance(f"load: {rate} hits a second beside everything else")
        fleet.seal(round(rate * plan.each) + 1)
        due = _due(plan, fleet, rate, seed)
        page.seconds.clear()
        page.wrong = 0
        stage = await _measured(running, str(rate), at_rate(lanes, due, plan.each))
        stage.heard[load_people.PAGE] = Heard(list(page.seconds), page.wrong)
        outcome.mixed.append((rate, stage))
    reviewing.cancel()
    with suppress(asyncio.CancelledError):
        await reviewing
    outcome.confirmed = sum(person.confirmed for person in those)
    outcome.memory = (start, running.memory())
    for person in those:
        await person.client.aclose()
    return outcome


async def _measured(running: Loaded, name: str, asking: Awaitable[dict[str, Heard]]) -> Stage:
    """Let a stretch of load run, and note what it cost on either side."""
    since, before, own = time.perf_counter(), running.spent(), time.process_time()
    heard = await asking
    seconds, after = time.perf_counter() - since, running.spent()
    service, database = (late - early for late, early in zip(after, before, strict=True))
    return Stage(name, seconds, heard, service, database, time.process_time() - own)


def _due(plan: Plan, fleet: Fleet, rate: int, seed: int) -> list[tuple[float, Ask]]:
    """Draw when each request is due: independent arrivals at the units' own rates."""
    rng = np.random.default_rng(seed + rate)
    sources: Sequence[tuple[float, Callable[[], Ask | None]]] = (
        (rate, fleet.hit),
        (plan.units / HEARTBEAT_S, fleet.heartbeat),
        (plan.units / POLL_S, fleet.poll),
    )
    due = [
        (float(at), ask)
        for per_second, asks in sources
        for at in np.sort(rng.uniform(0, plan.each, round(per_second * plan.each)))
        if (ask := asks()) is not None
    ]
    return sorted(due, key=lambda each: each[0])
