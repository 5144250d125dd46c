"""The box put together from its configuration, and run: cameras, window, list, spool, and what keeps them.

One thread a camera; the purge has a thread of its own (`edge.retention.purger`); a third looks for new lists and
retries what a full disk refused. A failure of any of them stops all, and every live read is destroyed.
"""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from edge.capture.settings import FileSettings, PicturesSettings
from edge.config import EdgeConfig
from edge.department.account import Account
from edge.department.delivery import DepartmentWork, open_work
from edge.department.ledger import Ledger
from edge.department.list_watch import ListWatch
from edge.department.spool import Spool
from edge.errors import EdgeError, Exit, RetentionError
from edge.hardening.redaction import describe
from edge.pipeline.hit_maker import Device, HitMaker
from edge.pipeline.loop import Pipeline
from edge.pipeline.passes import READ_DTYPE
from edge.retention.arena import Arena
from edge.retention.purger import Purger
from edge.retention.scrub import lasting
from edge.retention.watchdog import Watchdog
from edge.retention.window import Window
from edge.runtime.build import (
    Models,
    clear_leftovers,
    load_models,
    open_camera,
    open_ledger,
    open_vision,
    open_window,
    watch_list,
)
from edge.runtime.camera_watch import CameraState, CameraWatch
from edge.runtime.condition import condition
from edge.runtime.heat import Heat
from edge.runtime.notices import Notices
from edge.runtime.road_figures import RoadFigures
from edge.runtime.run_summary import SOFTWARE, Summary, summarise
from edge.runtime.systemd import Notifier
from edge.runtime.workers import often
from hitonly_core.clock import NS, Clock, SystemClock
from hitonly_core.keys import SealPublic, SigningKey
from hitonly_core.safeguard import Measure, State
from protocol.hit import Hit


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what happens; none of it holds a plate."""

    say: Callable[[str], None] = lambda _sentence: None
    hit: Callable[[Hit], None] = lambda _hit: None
    turn: Callable[["Box"], None] = lambda _box: None


@dataclass(slots=True)
class Box:
    """A box ready to run. `assemble` makes one; `run` works until the sources end or `stop` is called."""

    config: EdgeConfig
    window: Window
    lists: ListWatch
    spool: Spool
    pipelines: list[Pipeline]
    models: Models
    clock: Clock
    listener: Listener
    ledger: Ledger
    account: Account
    department: DepartmentWork | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _spooled: threading.Event = field(default_factory=threading.Event)
    _failure: EdgeError | None = None
    _notifier: Notifier = field(default_factory=Notifier)
    _notices: Notices = field(init=False)
    _watch: CameraWatch = field(init=False)
    heat: Heat = field(init=False)
    figures: RoadFigures = field(init=False)

    def __post_init__(self) -> None:
        run = self.ledger.run
        self.heat = Heat(self.clock)
        self.figures = RoadFigures(self.pipelines, self.window, self.account, self.heat)
        self._notices = Notices(self.pipelines, self.listener.say, self.live)
        self._watch = CameraWatch(self.pipelines, self.listener.say, self.clock, run.step_ns, run.at_least)

    @classmethod
    def assemble(
        cls,
        config: EdgeConfig,
        *,
        listener: Listener,
        clock: Clock | None = None,
        measures: Sequence[Measure] = (),
    ) -> "Box":
        """Load keys and models, open the spool, the list and the ledger, and open every source.

        Args:
            config: the whole configuration.
            listener: who is told what happens.
            clock: the machine's own if None.
            measures: what `edge.hardening.process` came to, for the receipts.

        Raises:
            EdgeError: one of them cannot be used; says which and how to mend it.
            HotListError: a key file or the trusted state cannot be used.
        """
        clock = clock or SystemClock()
        signing = SigningKey.load(config.keys.signing)
        department = SealPublic.load(config.keys.department)
        models = load_models(config.models)
        vision = open_vision(models, config.models.providers)
        spool = Spool(config.storage.spool, config.storage.spare)
        clear_leftovers(config)
        hits = HitMaker(Device(config.device.id, SOFTWARE, models.digests, department, signing), spool, clock)
        arena = Arena(config.retention.slots, READ_DTYPE)
        window = open_window(config, arena, clock)
        lists = watch_list(config, clock, listener.say)
        lists.poll()
        pipelines = [
            Pipeline(
                index=index,
                camera=open_camera(section, config, vision, clock),
                window=window,
                lists=lists,
                hits=hits,
                clock=clock,
            )
            for index, section in enumerate(config.cameras)
        ]
        refused = [each.name for each in (*measures, *arena.measures) if each.state is not State.APPLIED]
        ledger = open_ledger(config, signing, models.digests, clock, refused)
        account = Account(window, ledger, clock)
        box = cls(config, window, lists, spool, pipelines, models, clock, listener, ledger, account)
        for pipeline in pipelines:
            pipeline.on_hit = box._hit
        if department_section := config.department:
            box.department = open_work(
                config, department_section, spool, partial(condition, box), clock, listener.say
            )
            box.department.work()
            lists.poll()
        return box

    def run(self) -> Summary:
        """Read until every source has ended, or `stop`; then destroy what is live and return the counts.

        Raises:
            EdgeError: a source, the disk or the retention failed; every live read is destroyed first.
        """
        late_ns = round(self.config.retention.late_seconds * NS)
        self.account.begin(self.lists.version)
        with ExitStack() as stack:
            stack.callback(self._last_receipt)
            stack.enter_context(lasting())  # a whole collection stops every thread: before anybody watches
            watchdog = stack.enter_context(Watchdog(late_ns))
            purger = Purger(
                self.window,
                self.clock,
                watchdog=watchdog,
                alive=self._notifier.beat,
                lapse=self._lapse,
                on_failure=self._fail,
                last_resort=partial(os._exit, Exit.RETENTION),
            )
            stack.enter_context(purger)
            stack.enter_context(often(partial(self._guarded, self._keep), "housekeeping"))
            if self.department:
                stack.callback(self.department.link.close)
                work = partial(self._guarded, self.department.work)
                stack.enter_context(often(work, "department", self._spooled))
            if self.config.metrics:
                from edge.runtime.metrics import serving_metrics  # noqa: PLC0415 - only where it is asked for

                stack.enter_context(serving_metrics(self, self.config.metrics.port))
            self._notifier.send("READY=1")
            self.listener.say("reading")
            self._notices.passed_over()
            stack.callback(self._close_sources)
            threads = [
                threading.Thread(target=self._work, args=(pipeline, purger), name=pipeline.camera.name)
                for pipeline in self.pipelines[1:]
            ]
            for thread in threads:
                thread.start()
            self._work(self.pipelines[0], purger)
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure
        return self.summary()

    def stop(self) -> None:
        """End cleanly: sources close, reads are destroyed. Safe from a signal handler."""
        self._stop.set()
        self._close_sources()

    def summary(self) -> Summary:
        """Return the counts so far."""
        return summarise(self)

    @property
    def live(self) -> bool:
        """Whether a source is a camera: then no count finer than a step is shown to anybody."""
        return any(
            not isinstance(each.source, FileSettings | PicturesSettings) for each in self.config.cameras
        )

    def camera_states(self) -> dict[str, CameraState]:
        """Return how each camera is now, by its name."""
        return self._watch.states()

    def _work(self, pipeline: Pipeline, purger: Purger) -> None:
        def turn() -> None:
            purger.check()
            self.listener.turn(self)

        pipeline.on_turn = turn
        self._guarded(pipeline.run)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do some work; whatever ends it by a fault ends the box, which is started again whole.

        A thread that died alone would leave a box that runs on without its cameras, lists or deliveries.
        """
        try:
            work()
        except EdgeError as problem:
            self._fail(problem)
        except BaseException as problem:  # noqa: BLE001 - a library's own types, a closed terminal's SystemExit
            self._fail(EdgeError(f"a fault: {describe(type(problem), problem.__traceback__)}"))

    def _hit(self, hit: Hit) -> None:
        """A hit is on the spool: wake its delivery first, then say so."""
        self._spooled.set()
        self.listener.hit(hit)

    def _fail(self, problem: EdgeError) -> None:
        """Remember the first failure and stop everything."""
        if self._failure is None or isinstance(problem, RetentionError):
            self._failure = problem
        self.stop()

    def _lapse(self, now_ns: int) -> None:
        """Wipe what gates have remembered, and loops have held, for long enough; from the purge's thread."""
        for pipeline in self.pipelines:
            pipeline.lapse(now_ns)

    def _close_sources(self) -> None:
        for pipeline in self.pipelines:
            pipeline.camera.source.close()

    def _keep(self) -> None:
        self._notices.turn()
        self._watch.turn()
        if self.lists.poll() and self.config.retention.rematch:
            for pipeline in self.pipelines:
                pipeline.rematch()
        self._notices.hits(safe=self.spool.retry())
        self.account.turn(self.lists.version)
        self.heat.turn()
        self.figures.turn()

    def _last_receipt(self) -> None:
        self._notifier.send("STOPPING=1")
        if not self.spool.retry() or self.spool.unwritten:
            self.listener.say(f"LOST: {self.spool.unwritten} hits, which no disk took")
        late = isinstance(self._failure, RetentionError)
        self.account.end(self.lists.version, late=late, lost=self.spool.unwritten)
