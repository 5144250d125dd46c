"""What ``alpr-edge check`` tries: each thing the configuration names, as the running edge would use it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from edge.capture import open_source
from edge.capture.settings import FileSettings, PicturesSettings, SourceSettings
from edge.config import DepartmentSection, EdgeConfig
from edge.department.audit_memory import CONTRADICTIONS, AuditMemory
from edge.department.spool import Spool
from edge.errors import LinkError, SourceError
from edge.runtime.build import load_models, watch_list
from edge.runtime.old_pictures import pictures_kept
from edge.vision.detector import PlateDetector
from edge.vision.reader import PlateReader
from edge.vision.region import RegionModel
from hitonly_core.clock import NS, SystemClock
from hitonly_core.errors import HitonlyError
from hitonly_core.keys import SealKey, SealPublic, SigningKey, VerifyKey
from hitonly_core.wall_clock import CLOCK_UNSET, ClockState, clock_state
from hotlist.errors import HotListError
from hotlist.signed_list.bundle import HotList
from hotlist.signed_list.store import HotListStore

_UNCHANGED_NS: Final = 2 * NS
"""A clip is looked at for so long before it is called the same picture all the time."""
PATIENCE_S: Final = 15.0
"""How long a camera may take to give its first frame."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: what was found, or the problem with its mend."""

    what: str
    found: str
    problem: HitonlyError | None = None


def check(config: EdgeConfig) -> Iterator[Finding]:
    """Try everything the configuration names, one after the other."""
    for what, test in _tests(config):
        try:
            yield Finding(what, test())
        except HitonlyError as problem:
            yield Finding(what, str(problem), problem)


def _tests(config: EdgeConfig) -> Iterator[tuple[str, Callable[[], str]]]:
    device = config.device
    yield "device", lambda: f"{device.id}" + (" (DEMO, not for use on a road)" if device.demo else "")
    yield "signing key", lambda: SigningKey.load(config.keys.signing).public.id
    yield "sealing key", lambda: SealKey.load(config.keys.sealing).public.id
    yield "department's key", lambda: SealPublic.load(config.keys.department).id
    yield "models", lambda: _models(config)
    yield "hot list", lambda: _list(config)
    yield "clock", _clock
    yield "folders", lambda: _folders(config)
    yield "spool", lambda: _spool(config)
    if config.department is not None:
        yield "department's audit log", partial(_audit_log, config, config.department)
    for section in config.cameras:
        yield f"camera {section.name}", partial(_camera, section.source, config.retention.window_seconds)


def _models(config: EdgeConfig) -> str:
    """Start each model as the box would; name it, and what it runs on."""
    models, asked = load_models(config.models), config.models.providers
    runs = [
        PlateDetector(models.detector, providers=asked).providers,
        PlateReader(models.reader, providers=asked).providers,
    ]
    if models.region is not None:
        runs.append(RegionModel(models.region, providers=asked).providers)
    pairs = zip(models.all, runs, strict=True)
    return ", ".join(f"{model.spec.name} on {' then '.join(used)}" for model, used in pairs)


def _list(config: EdgeConfig) -> str:
    said: list[str] = []
    watch = watch_list(config, SystemClock(), said.append)
    watch.poll()
    if watch.current is None and _awaited(config):
        return "no list yet: the department sends it once the unit runs; until then nothing alerts"
    if watch.current is None:
        hint = "The box does not alert until it has a list that is signed, current and sealed to it (R7)."
        raise HotListError("; ".join(said) or f"the list is {watch.state.value}", hint=hint)
    return f"{said[-1]}, {_origin(watch.current.hot_list)}"


def _awaited(config: EdgeConfig) -> bool:
    """Whether a unit that is enrolled has never had a list, and its department is to send the first one.

    Raises:
        StoreError: the unit trusts no department.
    """
    if config.department is None or config.hotlist.file.exists():
        return False
    return not HotListStore(config.hotlist.trust, SealKey.load(config.keys.sealing)).state().version


def _origin(hot_list: HotList) -> str:
    """Say who signed a list, and since when it is known to be current."""
    signers = " and ".join(hot_list.signers) or "keys that it replaced itself"
    words = f"signed by {signers}, issued {hot_list.issued:%Y-%m-%d %H:%M} UTC"
    if stated := hot_list.timestamp:
        words += f", stated to be current {stated.issued:%Y-%m-%d %H:%M} UTC"
    return f"{words}, ends {hot_list.expires:%Y-%m-%d %H:%M} UTC"


def _clock() -> str:
    """Say whether the wall clock can be believed; a box without network time runs nevertheless."""
    said = {
        ClockState.SYNCHRONISED: "set by a time service",
        ClockState.UNSYNCHRONISED: CLOCK_UNSET,
        ClockState.UNKNOWN: "the kernel does not say whether a time service has set it: hits say so",
    }
    return f"{SystemClock().utc():%Y-%m-%d %H:%M} UTC, {said[clock_state()]}"


def _folders(config: EdgeConfig) -> str:
    for folder in (*config.storage.spools, config.storage.state):
        Spool(folder)  # tries a file of its own; leaves those of a running box alone
    return "spool and state can be written"


def _spool(config: EdgeConfig) -> str:
    """Say how many hits wait; those that the department refused are a matter for people, and have a deadline."""
    spool = Spool(config.storage.spool, config.storage.spare)
    waiting, refused = len(list(spool.pending())), len(list(spool.refused()))
    if ends := spool.forgets_from:
        hint = (
            "The department's audit log says why (hit.refuse). "
            "Once that is mended, `alpr-edge deliver --again` offers them once more."
        )
        words = f"hits refused by the department: {refused}; forgotten from {ends:%Y-%m-%d %H:%M} UTC on"
        raise LinkError(words, hint=hint)
    return f"hits waiting for the department: {waiting}, refused: 0"


def _audit_log(config: EdgeConfig, section: DepartmentSection) -> str:
    """Say which end of the department's audit log the box holds, or that it was shown another log."""
    memory = AuditMemory(config.storage.state, VerifyKey.load(section.service_key), lambda _: None)
    if memory.trouble:
        hint = (
            f"Give {config.storage.state / CONTRADICTIONS} to the auditor: its signed ends prove it. Once they say "
            "that it was a restore they know of, run `alpr-edge accept-audit-log`."
        )
        raise LinkError("the department's audit log was cut off, rewritten or restored", hint=hint)
    held = memory.held()
    return f"held up to record {held.seq}, signed {held.at}" if held else "no end is held yet"


def _camera(settings: SourceSettings, window_s: float) -> str:
    """Look until the camera shows a picture, and another one; say its size, and what its memory keeps."""
    source = open_source(settings)
    patience = threading.Timer(PATIENCE_S, source.close)
    patience.start()
    try:
        frames = iter(source.frames())  # held: once it is let go of, the frame is wiped
        frame = next(frames, None)
        if frame is None:
            hint = "Check the address, the password, the cable, and the stream's format (H.264 or H.265)."
            raise SourceError(f"no frame within {PATIENCE_S:g} s: {source.reason or 'it ended'}", hint=hint)
        height, width = frame.pixels.shape[:2]
        del frame
        locked, sight = source.locked, source.sight
        patience.cancel()
        patience = threading.Timer(_watched_s(settings), source.close)
        patience.start()
        while not (sight.shown and (sight.changed or isinstance(settings, PicturesSettings))):
            if next(frames, None) is None:
                break
        shown, changed, length_ns = sight.shown, sight.changed, sight.length_ns
        patience.cancel()
        kept = pictures_kept(settings, source, frames, window_s) if shown else ""
    finally:
        patience.cancel()
        source.close()
    if not shown:
        hint = (
            "Take off the lens cap, light the scene, or set the stream to H.264 progressive; then look again."
        )
        raise SourceError(
            f"{width} x {height} pixels of one even colour: the camera shows nothing", hint=hint
        )
    if not changed and length_ns >= _UNCHANGED_NS:
        hint = "Start the camera anew. If it is a recorder's stream, check that the recorder gets a picture."
        raise SourceError(
            f"{width} x {height} pixels, the same picture for {length_ns / NS:.0f} s: the camera is stuck",
            hint=hint,
        )
    largest = f", the largest of {source.tracks} video tracks" if source.tracks > 1 else ""
    where = "frames locked in RAM" if locked else "its frames are NOT locked in RAM: raise LimitMEMLOCK"
    return f"{width} x {height} pixels{largest}, {where}{kept}"


def _watched_s(settings: SourceSettings) -> float:
    """Return for how long to wait for a picture, and for another one; a good camera takes a moment."""
    if isinstance(settings, FileSettings | PicturesSettings):
        return PATIENCE_S
    return min(settings.frozen_after_s, PATIENCE_S)
