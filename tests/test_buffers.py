"""Every value that a running box keeps is in the register, and what must be clear between two turns is."""

import array
import functools
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from benchmarks.fixtures.render import RenderSpec, render
from edge.capture.base import Source
from edge.capture.choice import open_decoder
from edge.capture.live import LiveCamera
from edge.capture.memory import FrameMemory
from edge.capture.process import Beginning, Post, Stillness
from edge.capture.settings import RtspSettings, UsbSettings
from edge.capture.wire import Message, Request, Say
from edge.config import load_config
from edge.pipeline import fusion
from edge.pipeline.loop import Pipeline
from edge.retention.watchdog import Watchdog
from edge.runtime.box import Box, Listener
from edge.sampling import Pace
from hitonly_core.clock import NS, SystemClock
from scripts.buffers import PAGE, Buffer, covers, page_with_table, read_register
from tests.box_kit import ROOT, Department
from tests.child import in_a_child
from tests.object_walk import kept_by_modules, places

OURS = ("edge", "hitonly_core", "hotlist", "protocol")
TURN = 25
"""The turn at which the box is looked at: plates have been read, and more are in view."""


def unnamed(found: object) -> list[str]:
    """Return the places that no row names."""
    register = read_register()
    assert isinstance(found, dict)
    return sorted(place for place in found if register.row(place) is None)


def look_at_a_box(folder: str, clip: str) -> None:
    """Run a box, and go through it in the middle of traffic."""
    department = Department(Path(folder))
    department.publish("ZZ99QQQ")
    department.configure(f'source = {{ kind = "file", path = "{clip}" }}')
    turns: list[int] = []
    kept: list[dict[str, object]] = []

    def turn(box: Box) -> None:
        turns.append(1)
        if len(turns) in {TURN - 8, TURN}:
            kept.append(kept_by_modules(OURS))
        if len(turns) == TURN:
            assert not changed(*kept)
            _what_a_module_keeps_is_found()
            assert box.window.counts().live
            assert box.pipelines[0].tally.readings > 3
            _all_is_named(box)
            _what_must_be_clear_is(box)
            _a_new_place_is_found(box)

    Box.assemble(load_config(department.folder / "edge.toml"), listener=Listener(turn=turn)).run()
    assert len(turns) > TURN


def changed(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Return the places at which our modules keep something else than before."""
    return sorted(place for place in before.keys() | after.keys() if before.get(place) != after.get(place))


def _what_a_module_keeps_is_found() -> None:
    """A list, a cache, a class's attribute, a function's default or attribute: in whatever form the plate is."""

    def default(held: list[int] = []) -> list[int]:  # noqa: B006 - the fault that is looked for
        return held

    before = kept_by_modules(OURS)
    fusion._kept = []  # type: ignore[attr-defined]
    fusion._cached = functools.cache(lambda plate: plate)  # type: ignore[attr-defined]
    fusion._default = default  # type: ignore[attr-defined]
    planted = kept_by_modules(OURS)
    fusion._kept.append(object())  # type: ignore[attr-defined]
    fusion._cached(1)  # type: ignore[attr-defined]
    fusion._default().append(1)  # type: ignore[attr-defined]
    Pipeline.seen = 1  # type: ignore[attr-defined]
    fusion.fuse.last = b"row"  # type: ignore[attr-defined]
    found = changed(planted, kept_by_modules(OURS))
    for name in ("fusion._kept", "fusion._cached", "fusion._default(", "Pipeline.seen", "fusion.fuse.last"):
        assert any(name in place for place in found), name
    for name in ("_kept", "_cached", "_default"):
        delattr(fusion, name)
    del Pipeline.seen, fusion.fuse.last  # type: ignore[attr-defined]
    assert not changed(before, kept_by_modules(OURS))


def _all_is_named(box: Box) -> None:
    found = places(box, "box")
    assert unnamed(found) == []
    for buffer in read_register().buffers:
        for path in buffer.places:
            if path.startswith("box."):
                assert any(covers(path, place) for place in found), f"nothing is at {path} any more"


def _what_must_be_clear_is(box: Box) -> None:
    clear = [path for each in read_register().buffers if each.clear for path in each.places]
    assert len(clear) > 15
    for path in clear:
        kept = _at(box, path)
        assert kept.size
        assert np.unique(kept).size == 1, f"{path} is not clear between two turns"


def _at(box: Box, path: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.generic]]":
    value: object = box
    for step in path.removeprefix("box.").split("."):
        value = getattr(value, step.removesuffix("[]"))
        value = next(iter(value)) if step.endswith("[]") else value  # type: ignore[call-overload]
    assert isinstance(value, np.ndarray)
    return value


def _a_new_place_is_found(box: Box) -> None:
    camera = box.pipelines[0].camera
    crop = np.ones((20, 60, 3), np.uint8)
    plants: list[tuple[object, str, object]] = [
        (camera.reader, "kept", crop),
        (camera.detector, "last_seen", 1795),
        (camera.gate, "scene", b"rows"),
        (camera.source, "_kept", [crop]),
        (camera.source, "_told", partial(print, "AB12CDE")),
        (camera.reader, "told", lambda: crop),
    ]
    for owner, name, value in plants:
        setattr(owner, name, value)
        assert any(f".{name}" in place for place in unnamed(places(box, "box"))), name
        delattr(owner, name)
    assert unnamed(places(box, "box")) == []


def test_a_running_box_keeps_nothing_that_the_register_does_not_name(tmp_path: Path) -> None:
    """Arrays, bytes, numbers, strings, what a closure binds: each has a row that says what it is."""
    clip = tmp_path / "road.mp4"
    render(RenderSpec(seed=7, seconds=8, traffic=10), clip)
    in_a_child(look_at_a_box, str(tmp_path), str(clip))


@pytest.mark.parametrize(
    "make",
    [
        lambda: LiveCamera(RtspSettings(url=SecretStr("rtsp://127.0.0.1/road")), SystemClock()),
        lambda: LiveCamera(UsbSettings(device=9), SystemClock()),
    ],
    ids=["rtsp", "usb"],
)
def test_a_live_camera_keeps_nothing_else(make: Callable[[], Source]) -> None:
    """What a network or USB camera has beyond a file."""
    source = make()
    assert unnamed(places(source, "box.pipelines[].camera.source")) == []
    source.close()


def test_the_capture_process_keeps_nothing_else(tmp_path: Path) -> None:
    """What the decoding side works with, in the middle of a clip."""
    clip = tmp_path / "road.mp4"
    render(RenderSpec(seed=7, seconds=2, traffic=10), clip)
    control, edge_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ready, edge_ready = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = Request(parent=os.getpid(), kind="video", places=(str(clip),), newest_wins=True)
    decoder, post = open_decoder(request), Post(control, ready, edge_ready, newest_wins=True)
    stillness, beginning, pace = Stillness(), Beginning(0), Pace(NS)
    assert decoder.advance()
    height, width = decoder.shape()
    memory = FrameMemory.create(height * width * 3)
    handle = array.array("i", [os.dup(memory.fd)]).tobytes()
    told = Message(Say.MEMORY, memory.slot_bytes).to_bytes()
    edge_control.sendmsg([told], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handle)])
    for number in range(20):
        _, place = post.slot(*decoder.shape())
        stillness.since(decoder.picture(place), number)
        beginning.over(number, number, whole=True)
        pace.due(number)
        assert decoder.advance()
    assert place.any()
    parts = {"decoder": decoder, "post": post, "stillness": stillness, "beginning": beginning, "pace": pace}
    found = {place: kinds for name, part in parts.items() for place, kinds in places(part, name).items()}
    assert unnamed(found) == []
    for line in (control, edge_control, ready, edge_ready):
        line.close()
    memory.close()


def look_at_a_watchdog() -> None:
    """Go through the edge's side of a watchdog."""
    with Watchdog(NS) as watchdog:
        assert unnamed(places(watchdog, "watchdog")) == []


def test_the_watchdog_keeps_nothing_else() -> None:
    """Two pages of numbers."""
    in_a_child(look_at_a_watchdog)


def test_the_register_has_one_row_for_each_place_and_tests_that_exist() -> None:
    """No place twice, and each row names its test."""
    register = read_register()
    all_places = [*register.nothing, *(path for each in register.buffers for path in each.places)]
    assert len(all_places) == len(set(all_places))
    for each in register.buffers:
        for word in each.test.replace(",", " ").split():
            if word.endswith(".py"):
                assert (ROOT / "tests" / word).exists(), f"{each.name}: {word}"
        assert isinstance(each, Buffer)


def test_the_page_has_the_register_as_a_table() -> None:
    """docs/forgetting.md; `python -m scripts.buffers` writes it."""
    page = PAGE.read_text("utf-8")
    assert page == page_with_table(page, read_register())
