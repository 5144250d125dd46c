"""The service's files as a thief of the disk, or another user of the machine, finds them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from api.accounts.people import Role
from api.core.service import open_service
from api.core.settings import Settings
from api.lists import publishing
from tests.api_kit import PLATE, Desk, make_entry

PUBLIC = {"ca.pem", "server.pem", "department.pub", "service.pub"}
"""Certificates and public keys, which are given away."""


def readable(folder: Path) -> list[str]:
    """Return the files that others than their owner can read or write."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.name for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077)


def test_no_file_of_the_state_folder_is_for_others(tmp_path: Path) -> None:
    """Databases, journals, keys and marks are the owner's alone, under the laxest mask, and old ones are mended."""
    before = os.umask(0)
    try:
        state = tmp_path / "state"
        open_service(Settings(state=state)).close()
        (state / "service.sqlite3").chmod(0o644)
        service = open_service(Settings(state=state))
        with service.database.begin():
            assert (state / "service.sqlite3-wal").exists(), "the control: a journal is there"
            assert set(readable(state)) <= PUBLIC
        service.close()
    finally:
        os.umask(before)


def test_an_export_is_its_owners_alone(tmp_path: Path) -> None:
    """The whole log, with names and case numbers, from a shell with the usual mask."""
    Desk(tmp_path / "state").service.close()
    out = tmp_path / "log.jsonl"
    command = [sys.executable, "-c", "from api.cli import main; main()", "audit", "export", str(out)]
    subprocess.run([*command, "--state", str(tmp_path / "state")], check=True, timeout=120, umask=0o022)
    assert readable(tmp_path / "state") == sorted(PUBLIC - {"server.pem"})
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("published", ["published", ""])
def test_a_cancelled_plate_is_in_no_file(tmp_path: Path, published: str) -> None:
    """Neither in the database nor in its write-ahead log, from the moment that the cancellation is answered."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    if published:
        publishing.publish(desk.service, "person:arno")
    assert PLATE.encode() in desk.dump(), "the control: it is there before"
    editor = desk.sign_in("edith", Role.EDITOR)
    assert editor.post(f"/v1/entries/{make_entry().id}/cancel", json={"reason": "found"}).status_code == 200
    everything = b"".join(path.read_bytes() for path in desk.settings.state.rglob("*") if path.is_file())
    assert PLATE.encode() not in everything
    desk.service.close()


def test_old_pages_wait_for_a_reader_and_go_after_it(tmp_path: Path) -> None:
    """Somebody who reads keeps the log; nothing fails, and the next round cuts it."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    with desk.service.database.read() as session:
        session.connection().exec_driver_sql("SELECT count(*) FROM entries")
        desk.approve(make_entry("AB12CDE"))
        assert not desk.service.database.forget_old_pages()
    assert desk.service.database.forget_old_pages()
    assert (desk.settings.state / "service.sqlite3-wal").stat().st_size == 0
    desk.service.close()
