"""Cameras of one box share the networks' weights and nothing that a picture passes through."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from benchmarks.fixtures.render import RenderSpec, Scene
from edge.config import ModelsSection, load_config
from edge.flow import Pixels
from edge.runtime.box import Box, Listener
from edge.vision import detector_network, models, reader
from edge.vision.detector import PlateDetector
from edge.vision.onnx_runtime import open_session
from edge.vision.reader import PlateReader
from tests.box_kit import Department

ROUNDS: Final = 6
_GREY: Final = 114


def bundled(name: str, kind: models.Kind) -> models.Model:
    """Return a bundled model, verified."""
    return models.load(models.spec_for(name, None, kind), [models.BUNDLED])


@pytest.fixture(scope="module")
def first() -> PlateDetector:
    """The first camera's detector."""
    return PlateDetector(bundled("hitonly-detector", "detector"))


@pytest.fixture(scope="module")
def first_reader() -> PlateReader:
    """The first camera's reader."""
    return PlateReader(bundled("hitonly-ocr", "reader"))


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    """Four pictures of a drawn road, of which some hold plates."""
    scene = Scene(RenderSpec(seed=3, seconds=8, traffic=45))
    return [scene.frame(number) for number in (0, 40, 80, 120)]


def crop_of(picture: Pixels, number: int) -> Pixels:
    """Return a piece of a picture, each number another one."""
    return np.ascontiguousarray(picture[100 + 8 * number : 164 + 8 * number, 200:328])


def at_once(*works: Callable[[], None]) -> None:
    """Do some work in as many threads, all begun at the same moment; an error in one is raised here."""
    gate, wrong = threading.Barrier(len(works)), list[BaseException]()

    def do(work: Callable[[], None]) -> None:
        gate.wait()
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 - told to the test
            wrong.append(problem)

    threads = [threading.Thread(target=do, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


def test_four_cameras_at_once_see_what_each_sees_alone(first: PlateDetector, pictures: list[Pixels]) -> None:
    """Detectors of several cameras look and scrub at the same time, each at its own picture and width."""
    cameras = [first.for_camera(width=width, confidence=0.05) for width in (448, 448, 320, 256)]
    alone = [camera.detect(picture) for camera, picture in zip(cameras, pictures, strict=True)]
    assert any(alone), "the positive control: there is something to see"

    def watch(number: int) -> None:
        for _ in range(ROUNDS):
            assert cameras[number].detect(pictures[number]) == alone[number]
            cameras[number].scrub()

    at_once(*(lambda number=number: watch(number) for number in range(len(cameras))))


def test_four_readers_at_once_read_what_each_reads_alone(
    first_reader: PlateReader, pictures: list[Pixels]
) -> None:
    """Readers of several cameras read and scrub at the same time; no crop reaches another camera's table."""
    cameras = [first_reader.for_camera() for _ in pictures]
    crops = [crop_of(picture, number) for number, picture in enumerate(pictures)]
    alone = [camera.table(crop)[0] for camera, crop in zip(cameras, crops, strict=True)]
    assert not np.allclose(alone[0], alone[1]), "the positive control: the crops differ"

    def read(number: int) -> None:
        for _ in range(ROUNDS):
            assert np.array_equal(cameras[number].table(crops[number])[0], alone[number])
            cameras[number].scrub()

    at_once(*(lambda number=number: read(number) for number in range(len(cameras))))


def test_a_further_camera_opens_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """One session a network, however many cameras: the weights are in memory once."""
    opened: list[str] = []

    def counted(content: bytes, *, name: str, **options: Any) -> Any:  # noqa: ANN401 - the runtime's own
        opened.append(name)
        return open_session(content, name=name, **options)

    monkeypatch.setattr(detector_network, "open_session", counted)
    monkeypatch.setattr(reader, "open_session", counted)
    one = PlateDetector(bundled("hitonly-detector", "detector"))
    other = PlateReader(bundled("hitonly-ocr", "reader"))
    assert opened, "the positive control: openings are counted"
    opened.clear()
    for _ in range(3):
        one.for_camera(width=ModelsSection().input_width, confidence=0.4)
        other.for_camera()
    assert not opened


def test_no_buffer_is_shared_and_a_new_camera_s_are_empty(
    first: PlateDetector, first_reader: PlateReader, pictures: list[Pixels]
) -> None:
    """A camera added after others have looked starts with nothing of theirs, and writes into none of theirs."""
    first.detect(pictures[0])
    first_reader.table(crop_of(pictures[0], 0))
    later, later_reader = first.for_camera(width=448, confidence=0.4), first_reader.for_camera()
    assert later._tensor.size == 0
    assert later._canvas.size == 0
    assert not later_reader._batch.any()
    later.detect(pictures[1])
    later_reader.table(crop_of(pictures[1], 1))
    assert not np.shares_memory(first._tensor, later._tensor)
    assert not np.shares_memory(first._canvas, later._canvas)
    assert not np.shares_memory(first_reader._batch, later_reader._batch)


def test_a_look_leaves_nothing_in_a_camera_s_buffers_and_touches_no_other_s(
    first: PlateDetector, first_reader: PlateReader, pictures: list[Pixels]
) -> None:
    """Each camera's buffers are wiped after its own turn; another's, in mid-turn, stay as they are."""
    quiet, busy = (first.for_camera(width=448, confidence=0.4) for _ in range(2))
    quiet_reader, busy_reader = first_reader.for_camera(), first_reader.for_camera()
    busy._fill(pictures[0])  # as far as a turn gets before the network is asked
    busy_reader._fill(crop_of(pictures[0], 0))
    tensor, batch = busy._tensor.copy(), busy_reader._batch.copy()
    assert tensor.any()
    assert batch.any()
    quiet.detect(pictures[0])
    quiet_reader.table(crop_of(pictures[0], 0))
    quiet.scrub()
    quiet_reader.scrub()
    assert not quiet._tensor.any()
    assert (quiet._canvas == _GREY).all()
    assert not quiet_reader._batch.any()
    assert np.array_equal(tensor, busy._tensor)
    assert np.array_equal(batch, busy_reader._batch)


def test_buffers_of_another_size_are_wiped_when_they_are_replaced(
    first: PlateDetector, pictures: list[Pixels]
) -> None:
    """A camera that changes its picture's shape leaves nothing in the buffers of the old one."""
    detector = first.for_camera(width=448, confidence=0.4)
    detector._fill(pictures[0])
    tensor, canvas = detector._tensor, detector._canvas
    assert tensor.any()
    detector.detect(np.full((480, 640, 3), 200, np.uint8))
    assert detector._tensor.shape != tensor.shape
    assert not tensor.any()
    assert (canvas == _GREY).all()


def test_a_turn_that_hangs_in_a_network_holds_up_no_other_camera(pictures: list[Pixels]) -> None:
    """No lock is shared: while one camera's thread hangs in the network, another looks, reads and ends its turn."""
    one = PlateDetector(bundled("hitonly-detector", "detector"))
    hanging, other = (one.for_camera(width=448, confidence=0.05) for _ in range(2))
    alone = other.detect(pictures[0])
    inside, let_go = threading.Event(), threading.Event()
    session: Any = one._network._session

    class Hanging:
        """The session, in which the hanging camera's thread gets stuck until it is let go."""

        def run(self, *given: Any) -> Any:  # noqa: ANN401 - the runtime's own
            if threading.current_thread().name == "hanging":
                inside.set()
                let_go.wait()
            return session.run(*given)

    one._network._session = Hanging()
    stuck = threading.Thread(target=lambda: hanging.detect(pictures[1]), name="hanging")
    stuck.start()
    try:
        assert inside.wait(60)
        assert other.detect(pictures[0]) == alone
        assert stuck.is_alive()
        assert hanging._tensor.any(), "the positive control: the hanging turn holds its picture"
        assert not other._tensor.any()
    finally:
        let_go.set()
        stuck.join()
    assert not hanging._tensor.any()


def test_a_box_s_cameras_share_the_networks(tmp_path: Path) -> None:
    """What a box assembles for its cameras is one network each, with buffers and settings of their own."""
    camera = 'source = { kind = "rtsp", url = "rtsp://127.0.0.1:9/one" }\n'
    others = "".join(
        f'[[cameras]]\nname = "{name}"\nplace = "here"\ninput_width = 320\n'
        f'source = {{ kind = "rtsp", url = "rtsp://127.0.0.1:9/{name}" }}\n'
        for name in ("south", "west")
    )
    department = Department(tmp_path)
    department.publish("QX77ZZT")
    box = Box.assemble(load_config(department.configure(camera + others)), listener=Listener())
    box.stop()
    detectors: list[Any] = [pipeline.camera.detector for pipeline in box.pipelines]
    readers: list[Any] = [pipeline.camera.reader for pipeline in box.pipelines]
    assert len({id(each._network) for each in detectors}) == 1
    assert len({id(each._session) for each in readers}) == 1
    regions: list[Any] = [pipeline.camera.region for pipeline in box.pipelines]
    if regions[0] is not None:
        assert len({id(each._session) for each in regions}) == 1
        assert len({id(each._batch) for each in regions}) == 3
    assert len({id(each) for each in (*detectors, *readers)}) == 6
    assert not np.shares_memory(readers[0]._batch, readers[1]._batch)
    assert [each._width for each in detectors] == [448, 320, 320]
