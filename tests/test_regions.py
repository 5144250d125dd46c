"""The region beside the reading: when it is looked at, how looks are fused, what a match waits for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from fast_alpr.base import BaseDetector, DetectionResult
from open_image_models.detection.core.base import BoundingBox

from edge.errors import Forgotten, ModelError
from edge.flow import COLUMNS, SLOTS, Frame, Pixels, Reading, Table
from edge.pipeline.loop import Camera, EveryFrame, Pipeline
from edge.pipeline.passes import FIRST_LOOKS, MAX_LOOKS, READ_DTYPE, Pass, regions_of
from edge.retention.arena import Arena
from edge.retention.window import Slot, Window
from edge.vision import models
from edge.vision.region import RegionModel, combined, shrink
from edge.vision.region_names import CODES, REGION_CODES
from edge.vision.zones import Zones
from hitonly_core.clock import NS, SystemClock
from hotlist.matching.confusion import named
from hotlist.matching.match import Match, MatchKind
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.matcher import Matcher
from hotlist.matching.plate_index import Index
from tests.matching_reference import NOW, entry, reading
from training.region.prepare import prepared

PLATE = "ABC1234"
TENTH = NS // 10


@pytest.fixture
def arena() -> Arena:
    """Return an arena of two slots."""
    return Arena(2, READ_DTYPE)


@pytest.fixture
def window(arena: Arena) -> Iterator[Window]:
    """Return an empty window over it."""
    window = Window(arena, SystemClock(), window_ns=180 * NS)
    yield window
    window.destroy_all()


def look(of: Pass, window: Window, regions: Mapping[str, float], quality: float = 100.0) -> None:
    """Add a reading with these regions."""
    clock, pixels = SystemClock(), np.full((20, 60, 3), 90, np.uint8)
    frame = Frame("north", 0, clock.boot_ns(), clock.utc(), of.readings * NS, pixels)
    of.add(window, frame, Reading(reading(PLATE), regions, pixels, quality), camera=0)


def of_pass(window: Window, *looks: Mapping[str, float], quality: Sequence[float] = ()) -> dict[str, float]:
    """Return what a pass with these looks comes to."""
    one = Pass()
    for number, regions in enumerate(looks):
        look(one, window, regions, quality[number] if quality else 100.0)
    assert one.slot is not None
    return regions_of(one.slot)


def test_looks_are_averaged_and_a_better_crop_weighs_more(window: Window) -> None:
    """Two states in turn: each has its share, by the quality of the crops that said so."""
    found = of_pass(window, {"US-NH": 1.0}, {"US-VT": 1.0}, quality=(300.0, 100.0))
    assert found == pytest.approx({"US-NH": 0.75, "US-VT": 0.25})


def test_a_look_that_tells_nothing_does_not_speak_against_one_that_does(window: Window) -> None:
    """Cannot tell, in whole or nearly so, beside one plain look: told. Only unsure looks: not told."""
    found = of_pass(window, {}, {"US-VT": 0.04}, {"US-NH": 0.98}, {})
    assert found["US-NH"] > 0.94
    window.destroy_all()
    unsure = of_pass(window, {"US-VT": 0.04}, {"US-NH": 0.05})
    assert max(unsure.values()) < 0.05
    window.destroy_all()
    assert of_pass(window, {}) == {}


def test_a_read_holds_every_region_that_a_model_may_tell(window: Window) -> None:
    """States, provinces and every country; what is no region is dropped."""
    assert {"US-NH", "US-DC", "CA-ON", "MX-SON", "AU-NSW"} <= set(REGION_CODES)
    assert set(CODES.values()) <= set(REGION_CODES)
    assert of_pass(window, {"US-NH": 0.5, "XX": 0.5, "": 0.1}) == pytest.approx({"US-NH": 0.5})


def test_what_was_seen_of_a_region_is_overwritten_with_its_read(arena: Arena, window: Window) -> None:
    """The sums lie in the slot, and nowhere else, and are gone when it is destroyed."""
    one = Pass()
    look(one, window, {"US-NH": 0.97})
    slot = one.slot
    assert slot is not None
    record = slot.record
    assert record["regions"].any(), "the positive control"
    assert float(record["region_weight"]) > 0
    held = np.frombuffer(memoryview(record["regions"]), np.float32)
    assert held.any(), "the positive control, through the memory itself"
    window.forget(slot)
    assert not held.any()
    assert arena.is_clear(0)
    with pytest.raises(Forgotten):
        regions_of(slot)
    kept = {name for name in Pass.__slots__ if isinstance(getattr(one, name), float | int | bool)}
    assert kept == set(Pass.__slots__) - {"slot"}, "outside its slot a pass is counters and geometry"


def test_a_pass_is_looked_at_a_few_times_and_later_only_when_it_is_much_nearer() -> None:
    """The first readings, then each crop a quarter better than the best so far, six in all."""
    one = Pass()
    for _ in range(FIRST_LOOKS):
        assert one.wants_region(100.0)
        one.looked(100.0)
    assert not one.wants_region(100.0)
    assert not one.wants_region(120.0)
    for step in range(1, MAX_LOOKS - FIRST_LOOKS + 1):
        assert one.may_look
        assert one.wants_region(100.0 * 1.3**step)
        one.looked(100.0 * 1.3**step)
    assert not one.may_look
    assert not one.wants_region(1e9)


def test_the_ocr_fills_what_the_model_leaves_open() -> None:
    """A model that cannot tell leaves a country that the OCR tells; one that can is not overruled."""
    assert combined({"US-NH": 0.02}, {"US": 0.99}) == pytest.approx({"US-NH": 0.02, "US": 0.9702})
    assert combined({"US-NH": 0.98}, {"GB": 1.0}) == pytest.approx({"US-NH": 0.98, "GB": 0.02})
    assert combined({}, {}) == {}
    assert combined({"FR": 0.5, "DE": 0.6}, {"FR": 1.0}) == {"FR": 0.5, "DE": 0.6}


class Approaching(BaseDetector):  # type: ignore[misc]  # fast-alpr ships no types
    """Finds one plate that grows with each frame."""

    def __init__(self) -> None:
        self.now = 0

    def predict(self, frame: Pixels) -> list[DetectionResult]:
        """Return its box."""
        assert frame.any()
        wide, high = 60 + 8 * self.now, 20 + 3 * self.now
        return [
            DetectionResult(
                "plate", 0.9, BoundingBox(300 - wide // 2, 100 - high // 2, 300 + wide // 2, 100 + high // 2)
            )
        ]


class OneReader:
    """Reads the listed plate at once, surely."""

    def __init__(self, regions: Mapping[str, float]) -> None:
        self._regions = regions

    def table(self, crop: Pixels) -> tuple[Table, Mapping[str, float]]:
        """Return the plate's table."""
        assert crop.shape[0] > 0
        table = np.ascontiguousarray(reading(PLATE), np.float32)
        assert table.shape == (SLOTS, COLUMNS)
        return table, self._regions

    def scrub(self) -> None:
        """Nothing is kept."""


@dataclass
class FromNear:
    """A region model that tells from a width of crop on."""

    width: int
    code: str = "US-NH"
    asked: list[int] = field(default_factory=list)
    scrubbed: int = 0

    def regions(self, crop: Pixels) -> Mapping[str, float]:
        """Return the region, or nothing where the crop is too small."""
        self.asked.append(crop.shape[1])
        return {self.code: 0.98} if crop.shape[1] >= self.width else {self.code: 0.02}

    def scrub(self) -> None:
        """Count it."""
        self.scrubbed += 1


@dataclass
class Kept:
    """Takes what the pipeline makes of a read instead of sealing it."""

    window: Window
    hits: list[tuple[int, tuple[Match, ...]]] = field(default_factory=list)
    now: int = 0

    def compose(self, slot: Slot, matches: Sequence[Match], *, camera: str, place: str) -> Any:  # noqa: ANN401, ARG002
        """Note the frame and the matches."""
        assert int(slot.record["readings"]) > 0
        self.hits.append((self.now, tuple(matches)))
        return SimpleNamespace(id="a hit")

    def spool_sealed(self, hit: object) -> None:
        """Nothing is written."""


class Lists:
    """A hot list with one plate of one region."""

    def __init__(self, region: str) -> None:
        limits = MatchSettings(
            max_false_hits_per_day=10.0, passes_per_day=10_000.0, kernel=named("cct-xs-v2-global")
        )
        self.current = SimpleNamespace(matcher=Matcher(Index.build(1, [entry(PLATE, region=region)]), limits))

    def now(self) -> datetime:
        """Return a time at which the entry is in force."""
        return NOW


def drive(
    model: FromNear | None,
    *,
    region: str = "US-NH",
    window_s: float = 180,
    frames: int = 20,
    by_ocr: Mapping[str, float] | None = None,
) -> list[tuple[int, Match]]:
    """Let a car with the listed plate come nearer, ten frames a second; return the hits by frame."""
    clock, detector = SystemClock(), Approaching()
    camera = Camera(
        "c",
        "",
        cast("Any", None),
        EveryFrame(),
        Zones(),
        detector,
        OneReader(by_ocr or {}),
        model,
        TENTH,
        0.08,
        0.9,
    )
    window = Window(Arena(16, READ_DTYPE), clock, window_ns=round(window_s * NS), late_ns=NS)
    kept = Kept(window)
    pipeline = Pipeline(0, camera, window, cast("Any", Lists(region)), cast("Any", kept), clock)
    noise = np.random.default_rng(3).integers(60, 200, (200, 640, 3)).astype(np.uint8)
    for number in range(frames):
        detector.now = kept.now = number
        pipeline.turn(Frame("c", number, clock.boot_ns(), datetime.now(UTC), number * TENTH, noise))
    pipeline.rest()
    assert pipeline.tally.looks == (len(model.asked) if model else 0)
    if model is not None:
        assert model.scrubbed > 0
    window.destroy_all()
    return [(frame, matches[0]) for frame, matches in kept.hits]


def test_without_a_region_model_a_match_comes_at_once_and_says_what_was_not_read() -> None:
    """The OCR alone: a hit at the first frame, of its own kind; an OCR's country is not a state."""
    for by_ocr in ({}, {"US": 0.99}):
        [(frame, match)] = drive(None, by_ocr=by_ocr)
        assert (frame, match.kind) == (0, MatchKind.REGION_NOT_READ)
    [(_, match)] = drive(None, region="US", by_ocr={"US": 0.99})
    assert match.kind is MatchKind.EXACT


def test_a_match_waits_for_its_region_while_the_car_comes_nearer() -> None:
    """The characters are sure from afar; the hit comes with the region, in fewer looks than readings."""
    model = FromNear(90)
    [(frame, match)] = drive(model)
    assert match.kind is MatchKind.EXACT
    assert 0 < frame < 10
    assert len(model.asked) <= MAX_LOOKS
    [(_, other)] = drive(FromNear(90, "US-VT"))
    assert other.kind is MatchKind.WEAK


def test_a_region_that_is_never_told_delays_a_hit_and_does_not_stop_it() -> None:
    """Nothing to be told: the hit comes all the same, once, when the pass is as sure as it will get."""
    model = FromNear(10_000)
    [(frame, match)] = drive(model)
    assert match.kind is MatchKind.REGION_NOT_READ
    assert frame > 0
    assert 0 < len(model.asked) <= MAX_LOOKS


@pytest.mark.parametrize("region", ["", "US-NH"])
def test_a_match_that_can_wait_for_nothing_comes_at_once(region: str) -> None:
    """An entry without a region, and a window of 0, in which no read outlives its frame."""
    window_s = 180 if region == "" else 0
    assert drive(FromNear(90), region=region, window_s=window_s)[0][0] == 0


def test_a_model_that_is_no_region_model_is_refused() -> None:
    """The bundled OCR in the place of a region model: a clear error, not a crash at the first plate."""
    spec = models.manifest()["hitonly-ocr"]
    with pytest.raises(ModelError, match="no region model"):
        RegionModel(models.load(spec, [models.BUNDLED]))
    with pytest.raises(ModelError, match="is a reader, not a region"):
        models.spec_for("hitonly-ocr", None, "region")


@pytest.mark.parametrize("shape", [(150, 320, 3), (40, 90, 3), (200, 100, 3)])
def test_the_edge_and_the_training_give_the_network_the_same_pixels(
    shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One crop through the product and through the training's preparation: equal to the last bit, blue first."""
    model = RegionModel(models.load(models.manifest()["hitonly-region"], [models.BUNDLED]))
    crop = np.random.default_rng(7).integers(0, 255, shape).astype(np.uint8)
    crop[..., 0] //= 4
    seen: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []

    def run(_: None, inputs: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> list[object]:
        seen.extend(batch.copy() for batch in inputs.values())
        return [np.zeros((1, len(model._codes)), np.float32)]

    monkeypatch.setattr(model, "_session", SimpleNamespace(run=run))
    model.regions(crop)
    trained = prepared([crop])
    assert np.array_equal(seen[0], trained)
    assert trained[0, 0].mean() < 0.5 * trained[0, 2].mean(), "the first plane is blue"
    assert not np.array_equal(seen[0], trained[:, ::-1]), (
        "the positive control: another order of colours differs"
    )


def test_small_print_survives_the_way_into_the_model() -> None:
    """Stripes finer than the model's pixels become their mean, as areas do, not one stripe or the other."""
    crop = np.zeros((320, 640, 3), np.uint8)
    crop[:, ::4] = 255
    small = np.empty((64, 128, 3), np.uint8)
    shrink(crop, small)
    assert small.min() > 40
    assert small.max() < 110


def test_the_bundled_model_tells_regions_and_keeps_nothing_of_a_crop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probabilities of codes that exist, the rest open; its buffers are clear when it has answered."""
    model = RegionModel(models.load(models.manifest()["hitonly-region"], [models.BUNDLED]))
    crop = np.random.default_rng(5).integers(0, 255, (40, 90, 3)).astype(np.uint8)
    seen = []
    runs = model._session.run

    def run(
        outputs: None, inputs: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]
    ) -> list[object]:
        seen.append(bool(model._batch.any() and model._small.any()))
        answer: list[object] = runs(outputs, inputs)
        return answer

    monkeypatch.setattr(model, "_session", SimpleNamespace(run=run))
    told = model.regions(crop)
    assert seen == [True], "the positive control"
    assert 0 <= sum(told.values()) <= 1 + 1e-5
    assert set(told) <= set(REGION_CODES)
    assert not model._batch.any()
    assert not model._small.any()
