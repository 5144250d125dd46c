"""A fault that nobody foresaw ends the whole box, which is then started again: no thread dies alone."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.fixtures.render import RenderSpec, render
from edge.runtime.instance_lock import LOCK, alone
from edge.runtime.box import Box, Listener
from protocol.receipt_chain import verify
from edge.config import load_config
from edge.errors import EdgeError, Exit
from edge.department.ledger import read_lines
from protocol.receipts import Reason
from tests.box_kit import Department, alpr_edge

CANARY = "CANARY77"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render eight seconds of road."""
    path = tmp_path_factory.mktemp("clip") / "road.mp4"
    render(RenderSpec(seed=7, seconds=8, traffic=10), path)
    return path


@pytest.fixture
def two_cameras(clip: Path, tmp_path: Path) -> Department:
    """Make a box with two cameras that see the same road at its own pace."""
    department = Department(tmp_path)
    department.publish("ZZ99QQQ")
    source = f'source = {{ kind = "file", path = {json.dumps(str(clip))}, realtime = true }}'
    department.configure(f'{source}\n[[cameras]]\nname = "south"\n{source}')
    return department


def _break(*_: object) -> None:
    raise ZeroDivisionError(CANARY)


def _in_a_camera(_: Department) -> Listener:
    def turn(_box: Box) -> None:
        if threading.current_thread().name == "south":
            _break()

    return Listener(turn=turn)


def _in_the_housekeeping(department: Department) -> Listener:
    def say(sentence: str) -> None:
        if "version 2" in sentence:
            assert threading.current_thread().name == "housekeeping"
            _break()
        if sentence == "reading":
            department.publish("ZZ99QQQ")

    return Listener(say=say)


def _by_a_closed_terminal(_: Department) -> Listener:
    def turn(_box: Box) -> None:
        if threading.current_thread().name == "south":
            raise SystemExit(1)  # what a printer does whose reader has gone

    return Listener(turn=turn)


@pytest.mark.parametrize("fault", [_in_a_camera, _in_the_housekeeping, _by_a_closed_terminal])
def test_a_fault_in_any_thread_ends_the_box(
    fault: Callable[[Department], Listener], two_cameras: Department
) -> None:
    """One camera's thread, or the one that looks for lists, must not die and leave the rest running.

    Every read is destroyed, the last receipt is written, and the error names type and place, never a value.
    """
    box = Box.assemble(load_config(two_cameras.folder / "edge.toml"), listener=fault(two_cameras))
    with pytest.raises(EdgeError, match=r"a fault: (ZeroDivisionError|SystemExit) at ") as caught:
        box.run()
    assert CANARY not in str(caught.value)
    assert box.summary().counts.live == 0
    assert not any(thread.name in {"south", "housekeeping"} for thread in threading.enumerate())
    lines = list(read_lines(two_cameras.folder / "state"))
    assert verify(lines, two_cameras.device.public).holds
    assert json.loads(lines[-1])["body"]["reason"] == Reason.STOP


def test_two_boxes_do_not_share_a_state_folder(two_cameras: Department) -> None:
    """Two writers would tear the chain of receipts: the second `run` says so, ends, and has written nothing."""
    state = two_cameras.folder / "state"
    with alone(state):
        second = alpr_edge("run", "--config", str(two_cameras.folder / "edge.toml"))
        assert second.returncode == Exit.STORAGE
        assert "another process" in second.stderr
        assert [each.name for each in state.iterdir()] == [LOCK]
    with alone(state):
        pass
