"""The parts of a box, each made from the configuration; `edge.runtime.box` puts them together."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from edge.capture import open_source
from edge.config import CameraSection, EdgeConfig, ModelsSection
from edge.department.ledger import Ledger
from edge.department.list_watch import ListWatch
from edge.errors import StorageError
from edge.pipeline.loop import Camera, EveryFrame, Gate
from edge.retention.arena import Arena
from edge.retention.window import Window
from edge.runtime.software import boot_id, software, software_digest
from edge.vision.detector import PlateDetector
from edge.vision.models import Model, folders, load, spec_for
from edge.vision.motion import MotionGate, life_within
from edge.vision.reader import PlateReader
from edge.vision.region import RegionModel
from edge.vision.zones import Zones
from hitonly_core.clock import NS, Clock
from hitonly_core.files import clear_unfinished
from hitonly_core.keys import SealKey, SigningKey
from hotlist.matching.confusion import named
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.matcher import Matcher
from hotlist.matching.plate_index import Index
from hotlist.plate import encode
from hotlist.signed_list.bundle import HotList
from hotlist.signed_list.store import HotListStore
from protocol.receipts import STEP_NS, Run


def clear_leftovers(config: EdgeConfig) -> None:
    """Remove what a power cut left half-written in the folders that only the running box writes.

    Raises:
        StorageError: a folder cannot be changed.
    """
    for folder in (*config.storage.spools, config.storage.state):
        try:
            clear_unfinished(folder)
        except OSError as problem:
            raise StorageError(f"nothing can be removed from {folder}: {problem.strerror}") from None


def open_window(config: EdgeConfig, arena: Arena, clock: Clock) -> Window:
    """Return the retention window over an arena."""
    retention = config.retention
    return Window(
        arena,
        clock,
        window_ns=round(retention.window_seconds * NS),
        late_ns=round(retention.late_seconds * NS),
    )


def open_ledger(
    config: EdgeConfig, key: SigningKey, digests: tuple[str, ...], clock: Clock, refused: Sequence[str]
) -> Ledger:
    """Return the ledger of this run's receipts.

    Raises:
        StorageError: the state folder cannot be written, or its chain is not this device's.
    """
    run = Run(
        device=config.device.id,
        run=secrets.token_hex(8),
        boot=boot_id(),
        window_ns=round(config.retention.window_seconds * NS),
        late_ns=round(config.retention.late_seconds * NS),
        step_ns=config.receipts.step_hours * STEP_NS,
        at_least=config.receipts.at_least,
        software=software(),
        software_digest=software_digest(),
        models=digests,
        refused=tuple(sorted(refused)),
    )
    return Ledger(config.storage.state, key, run, clock)


def watch_list(config: EdgeConfig, clock: Clock, say: Callable[[str], None]) -> ListWatch:
    """Return the watch over the configured list, which builds a matcher for each new version.

    Raises:
        HotListError: the device's sealing key cannot be used.
    """
    budget = MatchSettings(
        max_false_hits_per_day=config.matching.max_false_hits_per_day,
        passes_per_day=config.matching.passes_per_day,
        kernel=named(config.models.reader),
    )

    def build(hot_list: HotList) -> Matcher:
        plates = hot_list.entries.plates()
        codes = np.fromiter((encode(plate) for plate in plates), np.uint64, len(hot_list.entries))
        return Matcher(Index.from_codes(hot_list.version, hot_list.entries, codes), budget)

    max_age = timedelta(hours=config.hotlist.max_age_hours)
    store = HotListStore(
        config.hotlist.trust,
        SealKey.load(config.keys.sealing),
        source=config.hotlist.file,
        max_age=max_age,
    )
    return ListWatch(
        store, build, clock, max_age=max_age, poll_ns=round(config.hotlist.poll_seconds * NS), say=say
    )


@dataclass(frozen=True, slots=True)
class Models:
    """What reads: verified models; no region model where none is configured."""

    detector: Model
    reader: Model
    region: Model | None

    @property
    def all(self) -> tuple[Model, ...]:
        """Detector, reader, and the region model where there is one."""
        return (
            (self.detector, self.reader) if self.region is None else (self.detector, self.reader, self.region)
        )

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each, in the same order."""
        return tuple(model.digest for model in self.all)


def load_models(chosen: ModelsSection) -> Models:
    """Return the configured models, verified.

    Raises:
        ModelError: absent, altered or unknown.
    """
    places = folders(chosen.folder)
    return Models(
        load(spec_for(chosen.detector, chosen.detector_sha256, "detector"), places),
        load(spec_for(chosen.reader, chosen.reader_sha256, "reader"), places),
        load(spec_for(chosen.region, chosen.region_sha256, "region"), places) if chosen.region else None,
    )


def open_detector(section: CameraSection, chosen: ModelsSection) -> PlateDetector:
    """Return a camera's detector with a network of its own; no reader is loaded.

    Raises:
        ModelError: absent, altered or unknown, or the runtime cannot load it.
    """
    spec = spec_for(chosen.detector, chosen.detector_sha256, "detector")
    return PlateDetector(
        load(spec, folders(chosen.folder)),
        providers=chosen.providers,
        width=section.input_width or chosen.input_width,
        confidence=section.confidence or chosen.confidence,
    )


def open_region(models: Models, providers: Sequence[str]) -> RegionModel | None:
    """Return the region model, ready to be asked; None where none is configured.

    Raises:
        ModelError: the runtime cannot load it.
    """
    return None if models.region is None else RegionModel(models.region, providers=providers)


@dataclass(frozen=True, slots=True)
class Vision:
    """A box's networks, opened once: each camera gets buffers of its own over them.

    No lock guards them. ONNX Runtime lets several threads run one session at once, so a turn that hangs in a
    network holds that camera's buffers and frame and nothing that another camera waits for.
    """

    detector: PlateDetector
    reader: PlateReader
    region: RegionModel | None


def open_vision(models: Models, providers: Sequence[str]) -> Vision:
    """Open the networks of a box.

    Raises:
        ModelError: a model cannot be used.
    """
    return Vision(
        PlateDetector(models.detector, providers=providers),
        PlateReader(models.reader, providers=providers),
        open_region(models, providers),
    )


def open_camera(section: CameraSection, config: EdgeConfig, vision: Vision, clock: Clock) -> Camera:
    """Return one camera with its source, gate, detector, reader and region model.

    Raises:
        EdgeError: the source cannot be used.
    """
    chosen = config.models
    zones = Zones(include=section.zones.include, exclude=section.zones.exclude)
    width = section.input_width or chosen.input_width
    every_ns = round(NS / section.detections_per_second)
    window_ns = round(config.retention.window_seconds * NS)
    gate: Gate = EveryFrame()
    if section.motion:
        gate = MotionGate(zones, detector_width=width, life_ns=life_within(window_ns), clock=clock)
    return Camera(
        name=section.name,
        place=section.place,
        detector=vision.detector.for_camera(width=width, confidence=section.confidence or chosen.confidence),
        reader=vision.reader.for_camera(),
        region=vision.region.for_camera() if vision.region else None,
        gate=gate,
        zones=zones,
        detect_every_ns=every_ns,
        crop_margin=chosen.crop_margin if section.crop_margin is None else section.crop_margin,
        sure=config.matching.sure,
        source=open_source(
            section.source,
            clock=clock,
            forget_within_s=config.retention.window_seconds,
            every_ns=every_ns,
        ),
    )
