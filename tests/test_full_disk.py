"""A disk that refuses hits, with the box as installed: no hit is lost while any disk lets it, and none silently."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.hits.spool_opening import open_spool
from benchmarks.fixtures.render import RenderSpec, render
from edge.department.ledger import read_lines
from edge.errors import Exit
from protocol.receipt_chain import verify
from protocol.receipts import Kind
from tests.box_kit import Department, alpr_edge, events


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Render a few seconds of road; return the clip and the plates that passed."""
    path = tmp_path_factory.mktemp("clip") / "road.mp4"
    truth = render(RenderSpec(seed=7, seconds=6, traffic=30), path)
    return path, [each.plate for each in truth.passes]


@pytest.fixture
def department(tmp_path: Path) -> Iterator[Department]:
    """Make a department whose box has a spool on a real file system of its own, filled to the last block."""
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs", str(spool)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    with (spool / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(os.urandom(4096)):
            pass
    assert os.statvfs(spool).f_bfree == 0
    yield Department(tmp_path)
    subprocess.run(["umount", str(spool)], check=True)


def configure(department: Department, clip: Path) -> Path:
    """Configure the clip as the camera."""
    return department.configure(f'source = {{ kind = "file", path = {json.dumps(str(clip))} }}')


def test_hits_that_no_disk_took_are_said_counted_and_end_with_the_code_for_storage(
    department: Department, road: tuple[Path, list[str]]
) -> None:
    """No spare: exit 8, a loud note, and the summary's number of lost hits is that of the hits made."""
    clip, plates = road
    department.publish(*plates)
    done = alpr_edge("run", "--config", str(configure(department, clip)), "--json")
    assert done.returncode == Exit.STORAGE, done.stderr
    summary = events(done)[-1]
    assert summary["counts"]["hits"] > 0
    assert summary["unwritten"] == summary["counts"]["hits"]
    assert f"LOST: {summary['unwritten']} hits" in done.stdout
    verdict = verify(read_lines(department.folder / "state"), department.device.public)
    assert verdict.holds
    assert [each.kind for each in verdict.findings] == [Kind.LOST], "the loss is signed"
    assert "never written to any disk" in done.stderr
    assert not list((department.folder / "spool").glob("*.hit"))
    table = alpr_edge("run", "--config", str(configure(department, clip)))
    assert table.returncode == Exit.STORAGE
    assert "hits LOST: no disk took them" in table.stdout
    assert "spooled" not in table.stdout


def test_a_run_without_its_last_receipt_ends_with_the_code_for_storage(
    department: Department, road: tuple[Path, list[str]]
) -> None:
    """The hits have room and the receipts have none: exit 8 says that no signed account was written."""
    clip, plates = road
    department.publish(*plates)
    spool, state = department.folder / "spool", department.folder / "state"
    subprocess.run(["mount", "-o", "remount,size=1m", str(spool)], check=True)
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs", str(state)], check=True)
    try:
        with (state / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(os.urandom(4096)):
                pass
        done = alpr_edge("run", "--config", str(configure(department, clip)), "--json")
    finally:
        subprocess.run(["umount", str(state)], check=True)
    assert done.returncode == Exit.STORAGE, done.stderr
    assert "last receipt could not be written" in done.stderr
    (spool / "filler").unlink()
    assert len(department.hits()) == events(done)[-1]["counts"]["hits"] > 0


def test_check_sees_that_a_disk_is_full(department: Department, road: tuple[Path, list[str]]) -> None:
    """A full disk takes an empty file and no hit: `check` says wrong, and good once there is room."""
    clip, plates = road
    department.publish(*plates)
    config = str(configure(department, clip))
    said = alpr_edge("check", "--config", config)
    (line,) = [each for each in said.stdout.splitlines() if "folders" in each]
    assert line.startswith("wrong"), said.stdout
    assert "the disk is full" in line
    assert said.returncode == Exit.CONFIG
    subprocess.run(["mount", "-o", "remount,size=1m", str(department.folder / "spool")], check=True)
    said = alpr_edge("check", "--config", config)
    (line,) = [each for each in said.stdout.splitlines() if "folders" in each]
    assert line.startswith("good"), said.stdout


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_spare_folder_keeps_every_hit(
    how: str, department: Department, road: tuple[Path, list[str]]
) -> None:
    """A spare on another disk: exit 0, nothing lost, and every hit opens from there after the box has ended."""
    clip, plates = road
    department.publish(*plates)
    if how == "read-only":
        spool = str(department.folder / "spool")
        subprocess.run(["mount", "-o", "remount,ro", spool], check=True)
    config = configure(department, clip)
    text = config.read_text().replace('state = "state"', 'state = "state"\nspare = "spare"')
    config.write_text(text)
    done = alpr_edge("run", "--config", str(config), "--json")
    assert done.returncode == 0, done.stderr
    summary = events(done)[-1]
    assert summary["unwritten"] == 0
    opened = list(open_spool(department.folder / "spare", department.key, {"box": department.device.public}))
    assert all(each.hit is not None and each.signed for each in opened)
    assert len(opened) == summary["counts"]["hits"] > 0
