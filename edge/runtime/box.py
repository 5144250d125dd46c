"""The box put together from its configuration, and run: cameras, window, list, spool, and what keeps them.

One thread a camera; the purge has a thread of its own (`edge.retention.purger`); a third looks for new lists and
retries what a full disk refused. A failure of any of them stops all, and every live read is destroyed.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from edge.capture.settings import FileSettings, PicturesSettings
from edge.config import EdgeConfig
from edge.department.account import Account
from edge.department.delivery import DepartmentWork, open_work
from edge.department.heartbeat import Condition
from edge.department.ledger import Ledger
from edge.department.list_watch import ListState, ListWatch
from edge.department.spool import Spool
from edge.errors import EdgeError, Exit, RetentionError
from edge.hardening.redaction import describe
from edge.pipeline.hit_maker import Device, HitMaker
from edge.pipeline.loop import Pipeline, Tally
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
from edge.runtime.camera_watch import CameraState, CameraWatch, saw_nothing
from edge.runtime.software import software
from edge.runtime.systemd import Notifier
from hitonly_core.clock import NS, Clock, SystemClock
from hitonly_core.keys import SealPublic, SigningKey
from hitonly_core.safeguard import Measure, State
from hitonly_core.wall_clock import CLOCK_UNSET, ClockState, boot_id, clock_state
from protocol.counts import Counts, LocalCounts
from protocol.hit import Hit

SOFTWARE: Final = software()
_PERIOD_S: Final = 0.5
_WORRIES: Final = 32
_WORDS: Final = 80
"""The most that the service takes of a heartbeat's worries, and of each."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what happens; none of it holds a plate."""

    say: Callable[[str], None] = lambda _sentence: None
    hit: Callable[[Hit], None] = lambda _hit: None
    turn: Callable[["Box"], None] = lambda _box: None


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a run: counts only.

    Attributes:
        counts: of every read so far. For a live camera they stay in this process: see `published`.
        published: what the receipts have told so far.
        live: whether a source is a camera, rather than a clip or pictures.
        cameras: counts of each camera.
        drops: frames dropped.
        list_state: how the hot list is.
        list_version: of the hot list in use; 0 for none.
        lists_refused: how many lists were not trusted.
        unwritten: hits on no disk: every disk refuses them. They are lost when the box ends.
        blind: of each clip or folder that never showed a real picture, by camera: what it showed.
        models: SHA-256 of the detector, the reader and the region model.
        unprotected: names of the measures not in force.
        software: name and version.
    """

    counts: LocalCounts
    published: Counts
    live: bool
    cameras: dict[str, Tally]
    drops: int
    list_state: ListState
    list_version: int
    lists_refused: int
    unwritten: int
    blind: dict[str, str]
    models: tuple[str, ...]
    unprotected: tuple[str, ...]
    software: str = SOFTWARE


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
    _unlocked: set[str] = field(default_factory=set)
    _tracks_said: set[str] = field(default_factory=set)
    _unset: bool = False
    _unsafe: bool = False
    _watch: CameraWatch = field(init=False)

    def __post_init__(self) -> None:
        run = self.ledger.run
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
                config, department_section, spool, partial(_condition, box), clock, listener.say
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
            stack.enter_context(_often(partial(self._guarded, self._keep), "housekeeping"))
            if self.department:
                stack.callback(self.department.link.close)
                work = partial(self._guarded, self.department.work)
                stack.enter_context(_often(work, "department", self._spooled))
            self._notifier.send("READY=1")
            self.listener.say("reading")
            self._say_passed_over()
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
        return Summary(
            counts=self.window.counts(),
            published=self.account.published,
            live=self.live,
            cameras={pipeline.camera.name: pipeline.tally for pipeline in self.pipelines},
            drops=sum(pipeline.camera.source.drops for pipeline in self.pipelines),
            list_state=self.lists.state,
            list_version=self.lists.version,
            lists_refused=self.lists.refused,
            unwritten=self.spool.unwritten,
            blind=self._blind(),
            models=self.models.digests,
            unprotected=(*self.ledger.run.refused, *self._frames_unlocked()),
        )

    @property
    def live(self) -> bool:
        """Whether a source is a camera: then no count finer than a step is shown to anybody."""
        return any(
            not isinstance(each.source, FileSettings | PicturesSettings) for each in self.config.cameras
        )

    def camera_states(self) -> dict[str, CameraState]:
        """Return how each camera is now, by its name."""
        return self._watch.states()

    def _say_passed_over(self) -> None:
        for pipeline in self.pipelines:
            source = pipeline.camera.source
            if source.passed_over:
                words = f"camera {pipeline.camera.name}: {source.passed_over} files passed over"
                if source.unread:
                    words += (
                        f", among them pictures or clips that are not read here ({' '.join(source.unread)})"
                    )
                self.listener.say(words)

    def _blind(self) -> dict[str, str]:
        """Return what each clip or folder showed that never showed a real picture; of cameras see their states."""
        told = {each.camera.name: saw_nothing(each) for each in self.pipelines if not each.camera.source.live}
        return {name: what for name, what in told.items() if what}

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

    def _frames_unlocked(self) -> tuple[str, ...]:
        """Return a measure not in force for each camera whose capture process could not lock its memory."""
        names = (each.camera.name for each in self.pipelines if each.camera.source.locked is False)
        return tuple(f"frames-locked ({name})" for name in names)

    def _say_tracks(self) -> None:
        """Say once of each camera that its stream has more than one video track."""
        for name, source in ((each.camera.name, each.camera.source) for each in self.pipelines):
            if source.tracks > 1 and name not in self._tracks_said:
                self._tracks_said.add(name)
                self.listener.say(f"camera {name}: {source.tracks} video tracks; the largest is read")

    def _say_clock(self) -> None:
        """Say once of a box with a camera that nobody has set its clock, and once that somebody has."""
        unset = self.live and clock_state() is ClockState.UNSYNCHRONISED
        if unset is not self._unset:
            self._unset = unset
            self.listener.say(CLOCK_UNSET if unset else "the clock has been set by a time service")

    def _say_unlocked(self) -> None:
        """Say once of each camera that its frames are not locked: known only when the first has come."""
        for name in sorted(set(self._frames_unlocked()) - self._unlocked):
            self._unlocked.add(name)
            self.listener.say(f"not in force: {name}; frames could reach swap")

    def _keep(self) -> None:
        self._say_unlocked()
        self._say_tracks()
        self._say_clock()
        self._watch.turn()
        if self.lists.poll() and self.config.retention.rematch:
            for pipeline in self.pipelines:
                pipeline.rematch()
        self._keep_hits()
        self.account.turn(self.lists.version)

    def _keep_hits(self) -> None:
        """Try again what every disk refused; say once that hits would be lost, and once that they are safe."""
        safe = self.spool.retry()
        if safe is self._unsafe:
            self._unsafe = not safe
            self.listener.say(
                "hits that waited in memory are on a disk now"
                if safe
                else "NO DISK TAKES HITS: they wait in memory, and are lost if the box ends; make room now"
            )

    def _last_receipt(self) -> None:
        self._notifier.send("STOPPING=1")
        if not self.spool.retry() or self.spool.unwritten:
            self.listener.say(f"LOST: {self.spool.unwritten} hits, which no disk took")
        late = isinstance(self._failure, RetentionError)
        self.account.end(self.lists.version, late=late, lost=self.spool.unwritten)


@contextmanager
def _often(work: Callable[[], None], name: str, bell: threading.Event | None = None) -> Iterator[None]:
    """Do some work twice a second in a thread, at once when the bell rings, and once more at the end."""
    over, woken = threading.Event(), bell or threading.Event()

    def keep() -> None:
        while not over.is_set():
            woken.wait(_PERIOD_S)
            woken.clear()
            work()
        work()

    thread = threading.Thread(target=keep, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        woken.set()
        thread.join()


def _condition(box: Box) -> Condition:
    """Return how the box is, for a heartbeat: nothing in it changes when a vehicle passes that is no hit."""
    summary = box.summary()
    cameras = box.camera_states()
    degraded = [f"not in force: {name}" for name in summary.unprotected]
    degraded += [f"camera {name}: {state}" for name, state in cameras.items() if state.bad]
    if summary.list_state is not ListState.FRESH:
        degraded.append(f"hot list {summary.list_state.value}: no alerts")
    if summary.unwritten:
        degraded.append("no disk takes hits: they are lost if the box ends")
    elif box.spool.on_spare:
        degraded.append("hits lie in the spare folder: see to the spool's disk")
    if box.account.silent:
        degraded.append("the receipts' disk refuses")
    refused = len(list(box.spool.refused()))
    if refused:
        degraded.append(f"hits refused by the department: {refused}, see alpr-edge check")
    return Condition(
        software=summary.software,
        models=summary.models,
        list_version=summary.list_version,
        cameras={name: state.word for name, state in cameras.items()},
        degraded=tuple(words[:_WORDS] for words in degraded[:_WORRIES]),
        last_receipt=box.ledger.last.sequence if box.ledger.last else -1,
        boot=boot_id(),
        boot_ms=box.clock.boot_ns() // 1_000_000,
    )
