"""A fault that nobody foresaw ends the whole box, which is then started again: no thread dies alone."""

import json
import threading
from pathlib import Path

import pytest

from benchmarks.fixtures.render import RenderSpec, render
from edge.config import load_config
from edge.department.ledger import read_lines
from edge.errors import EdgeError, Exit
from edge.runtime.box import Box, Listener
from edge.runtime.instance_lock import LOCK, alone
from hitonly_core.keys import VerifyKey
from protocol.receipt_chain import verify
from protocol.receipts import Reason
from tests.box_kit import Department, alpr_edge
from tests.child import in_a_child

CANARY = "CANARY77"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render eight seconds of road."""
    path = tmp_path_factory.mktemp("clip") / "road.mp4"
    render(RenderSpec(seed=7, seconds=8, traffic=10), path)
    return path


def two_cameras(folder: Path, clip: Path) -> Department:
    """Make a box with two cameras that see the same road at its own pace."""
    department = Department(folder)
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


FAULTS = {each.__name__: each for each in (_in_a_camera, _in_the_housekeeping, _by_a_closed_terminal)}


def run_with_a_fault(folder: str, clip: str, fault: str) -> None:
    """Run a box in this process until its fault ends it, and check what is left in memory."""
    department = two_cameras(Path(folder), Path(clip))
    box = Box.assemble(load_config(department.folder / "edge.toml"), listener=FAULTS[fault](department))
    with pytest.raises(EdgeError, match=r"a fault: (ZeroDivisionError|SystemExit) at ") as caught:
        box.run()
    assert CANARY not in str(caught.value)
    assert box.summary().counts.live == 0
    assert not any(thread.name in {"south", "housekeeping"} for thread in threading.enumerate())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_any_thread_ends_the_box(fault: str, clip: Path, tmp_path: Path) -> None:
    """One camera's thread, or the one that looks for lists, must not die and leave the rest running.

    Every read is destroyed, the last receipt is written, and the error names type and place, never a value.
    """
    in_a_child(run_with_a_fault, str(tmp_path), str(clip), fault)
    lines = list(read_lines(tmp_path / "state"))
    assert verify(lines, VerifyKey.load(tmp_path / "signing.pub")).holds
    assert json.loads(lines[-1])["body"]["reason"] == Reason.STOP


def test_two_boxes_do_not_share_a_state_folder(clip: Path, tmp_path: Path) -> None:
    """Two writers would tear the chain of receipts: the second `run` says so, ends, and has written nothing."""
    two_cameras(tmp_path, clip)
    state = tmp_path / "state"
    with alone(state):
        second = alpr_edge("run", "--config", str(tmp_path / "edge.toml"))
        assert second.returncode == Exit.STORAGE
        assert "another process" in second.stderr
        assert [each.name for each in state.iterdir()] == [LOCK]
    with alone(state):
        pass
