import contextlib
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from edge.department import spool as spooling
from edge.department.spool import Spool
from edge.errors import Exit, StorageError
from hitonly_core.files import clear_unfinished

ENVELOPE = os.urandom(4000)


def test_a_hit_is_stored_whole_private_and_in_order(tmp_path: Path) -> None:
    """One 0600 file a hit, in a 0700 folder, oldest first; removed on acknowledgement, twice does no harm."""
    spool = Spool(tmp_path / "spool")
    hits = [uuid4() for _ in range(3)]
    for hit in hits:
        assert spool.put(hit, ENVELOPE)
    assert [hit for hit, _ in spool.pending()] == hits
    assert {path.read_bytes() for _, path in spool.pending()} == {ENVELOPE}
    assert {path.stat().st_mode & 0o777 for _, path in spool.pending()} == {0o600}
    assert spool.folder.stat().st_mode & 0o777 == 0o700
    spool.remove(hits[0])
    spool.remove(hits[0])
    assert [hit for hit, _ in spool.pending()] == hits[1:]


def test_a_half_written_file_is_no_hit_and_is_cleared_by_the_box_only(tmp_path: Path) -> None:
    """What a crash left unfinished goes; `check` and `deliver` leave a running box's unfinished file alone."""
    (tmp_path / ".x.hit.123.part").write_bytes(b"half")
    spool = Spool(tmp_path)
    assert list(spool.pending()) == []
    assert len(list(tmp_path.iterdir())) == 1
    clear_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    """The spool's path is a file: the error names it, with the exit code for storage."""
    (tmp_path / "spool").write_text("")
    with pytest.raises(StorageError, match="spool") as caught:
        Spool(tmp_path / "spool")
    assert caught.value.exit_code == Exit.STORAGE
    assert "half-written" in caught.value.hint


def test_a_hit_that_cannot_be_removed_is_a_clear_error(tmp_path: Path) -> None:
    """A disk that went read-only: the error names the folder, and nobody takes the hit for gone."""
    spool, hit = Spool(tmp_path), uuid4()
    (tmp_path / f"{hit}.hit").mkdir()
    with pytest.raises(StorageError, match="nothing can be removed"):
        spool.remove(hit)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a real file system of 64 KiB; leave the test out where that is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_no_hit(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a full disk refuses waits sealed in memory and is stored when there is room; no half files."""
    spool = Spool(small_disk / "spool")
    hits = [uuid4() for _ in range(20)]
    stored = [spool.put(hit, ENVELOPE) for hit in hits]
    assert True in stored
    assert False in stored
    assert spool.waiting == stored.count(False)
    on_disk = list(spool.pending())
    assert all(path.read_bytes() == ENVELOPE for _, path in on_disk)
    assert not list(spool.folder.glob(".*"))
    assert not spool.retry()
    for hit, _ in on_disk:
        spool.remove(hit)
    while not spool.retry():
        for hit, _ in list(spool.pending()):
            spool.remove(hit)
            on_disk.append((hit, Path()))
    remaining = {hit for hit, _ in spool.pending()} | {hit for hit, _ in on_disk}
    assert remaining == set(hits)
    monkeypatch.setattr(spooling, "MAX_WAITING", 0)
    (spool.folder.parent / "filler").write_bytes(b"")
    fill = os.open(spool.folder.parent / "filler", os.O_WRONLY)
    with pytest.raises(OSError, match="No space"):
        os.posix_fallocate(fill, 0, 128 * 1024)
    with contextlib.suppress(OSError):
        while os.write(fill, bytes(4096)):
            pass
    os.close(fill)
    with pytest.raises(StorageError, match="the disk is full"):
        spool.put(uuid4(), ENVELOPE)


def test_what_one_disk_refuses_goes_to_the_spare_and_survives_a_restart(
    small_disk: Path, tmp_path: Path
) -> None:
    """A full disk and a spare folder: no hit waits in memory, and the next start finds and removes each."""
    spool = Spool(small_disk / "spool", tmp_path / "spare")
    hits = [uuid4() for _ in range(20)]
    assert all(spool.put(hit, ENVELOPE) for hit in hits)
    assert spool.on_spare
    assert spool.unwritten == 0
    again = Spool(small_disk / "spool", tmp_path / "spare")
    assert {hit for hit, _ in again.pending()} == set(hits)
    assert {path.read_bytes() for _, path in again.pending()} == {ENVELOPE}
    assert again.set_aside(hits[-1], datetime.now(UTC))
    assert [hit for hit, _ in again.refused()] == [hits[-1]]
    for hit in hits:
        again.remove(hit)
    assert list(again.pending()) == list(again.refused()) == []
    assert not again.on_spare


def test_a_read_only_spool_uses_the_spare_and_without_one_is_refused(
    small_disk: Path, tmp_path: Path
) -> None:
    """A disk that went read-only: with a spare the box starts and keeps hits; without, it says so."""
    Spool(small_disk / "spool")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageError, match="cannot be written"):
        Spool(small_disk / "spool")
    spool, hit = Spool(small_disk / "spool", tmp_path / "spare"), uuid4()
    assert spool.put(hit, ENVELOPE)
    assert [path.parent for _, path in spool.pending()] == [tmp_path / "spare"]
