import fcntl
import multiprocessing
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from hitonly_core.files import write_durably
from hitonly_core.keys import SigningKey
from hotlist import errors
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.list_format import Limits
from hotlist.signed_list.store import LAST, STATE, HotListStore
from hotlist.signed_list.timestamp import state_current
from tests.hotlist_maker import NOW, Department, entry


@pytest.fixture
def nh() -> Department:
    """Return a department whose lists one person signs."""
    return Department()


@pytest.fixture
def store(nh: Department, tmp_path: Path) -> HotListStore:
    """Return an enrolled device's store; lists arrive in ``incoming``."""
    made = HotListStore(tmp_path / "state", nh.device, source=tmp_path / "incoming")
    made.begin(nh.name, nh.keys)
    return made


def reopened(nh: Department, tmp_path: Path) -> HotListStore:
    """Return the same store as a new process sees it."""
    return HotListStore(tmp_path / "state", nh.device, source=tmp_path / "incoming")


def test_a_list_and_its_version_survive_a_restart(
    nh: Department, store: HotListStore, tmp_path: Path
) -> None:
    """The last accepted list is loaded again, and an older one is refused by a new process too."""
    store.offer(nh.file(version=7), NOW)
    later = reopened(nh, tmp_path)
    assert later.load(NOW).version == 7
    with pytest.raises(errors.RollbackError):
        later.offer(nh.file(version=6), NOW)


def test_a_bad_new_list_leaves_the_old_one(nh: Department, store: HotListStore, tmp_path: Path) -> None:
    """Whatever is offered, the list in force stays as it was, on disk too."""
    store.offer(nh.file(version=7), NOW)
    before = {path.name: path.read_bytes() for path in (tmp_path / "state").iterdir()}
    forged = Department(device=nh.device)
    for bad in (b"", b"x" * 100, nh.file(version=7)[:-1], forged.file(version=9), nh.file(version=6)):
        with pytest.raises(errors.ListError):
            store.offer(bad, NOW)
    assert {path.name: path.read_bytes() for path in (tmp_path / "state").iterdir()} == before
    assert store.load(NOW).version == 7


def test_the_list_on_disk_is_sealed_and_the_files_are_private(
    nh: Department, store: HotListStore, tmp_path: Path
) -> None:
    """The disk of a stolen box shows no plate (promise 6); every file is the owner's only."""
    store.offer(nh.file([entry(plate="CANARY99")]), NOW)
    files = list((tmp_path / "state").iterdir())
    assert {path.name for path in files} == {STATE, LAST, "lock"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    assert not any(b"CANARY99" in path.read_bytes() for path in files)
    assert next(iter(store.load(NOW).entries)).plate == "CANARY99"


def test_a_new_file_is_taken_once(nh: Department, store: HotListStore, tmp_path: Path) -> None:
    """A changed file is seen by a stat and taken at the next look; an unchanged one is not read again."""
    incoming = tmp_path / "incoming"
    assert not store.changed()
    write_durably(incoming, nh.file(version=1))
    assert store.changed()
    assert store.load(NOW).version == 1
    assert not store.changed()
    write_durably(incoming, nh.file([], version=2))
    assert store.changed()
    assert len(store.load(NOW).entries) == 0
    incoming.unlink()
    assert store.load(NOW).version == 2


def test_a_bad_file_is_refused_once(nh: Department, store: HotListStore, tmp_path: Path) -> None:
    """The edge says that a new list was refused, does not repeat it, and the accepted one still loads."""
    write_durably(tmp_path / "incoming", nh.file(version=3))
    store.load(NOW)
    write_durably(tmp_path / "incoming", b"junk")
    with pytest.raises(errors.MalformedError):
        store.load(NOW)
    assert not store.changed()
    assert store.load(NOW).version == 3


def test_a_restart_beside_a_bad_file_uses_the_accepted_list(
    nh: Department, store: HotListStore, tmp_path: Path
) -> None:
    """After a restart the bad file is refused first; the next look takes the accepted list."""
    store.offer(nh.file(version=3), NOW)
    write_durably(tmp_path / "incoming", b"junk")
    later = reopened(nh, tmp_path)
    assert later.changed()
    with pytest.raises(errors.MalformedError):
        later.load(NOW)
    assert later.changed()
    assert later.load(NOW).version == 3
    assert not later.changed()


def test_a_list_that_another_process_took_is_seen(
    nh: Department, store: HotListStore, tmp_path: Path
) -> None:
    """A list offered by a tool beside the running edge reaches it."""
    store.offer(nh.file(version=1), NOW)
    assert not store.changed()
    reopened(nh, tmp_path).offer(nh.file(version=2), NOW)
    assert store.changed()
    assert store.load(NOW).version == 2


def test_a_file_over_the_ceiling_is_not_read(nh: Department, tmp_path: Path) -> None:
    """A huge incoming file is refused after one byte too many; its terabyte is never read."""
    store = HotListStore(tmp_path / "s", nh.device, source=tmp_path / "in", limits=Limits(file=100_000))
    store.begin(nh.name, nh.keys)
    (tmp_path / "in").touch()
    os.truncate(tmp_path / "in", 2**40)
    with pytest.raises(errors.TooLargeError):
        store.load(NOW)


def test_a_stale_or_expired_list_does_not_load(nh: Department, store: HotListStore) -> None:
    """After a restart an old list is refused as a new one would be (R7)."""
    store.offer(nh.file(), NOW)
    with pytest.raises(errors.StaleError):
        store.load(NOW + timedelta(hours=25))
    with pytest.raises(errors.ExpiredError):
        store.load(NOW + timedelta(days=3))
    assert store.load(NOW + timedelta(hours=23)).version == 1


def test_a_list_that_changes_the_keys_loads_again(
    nh: Department, store: HotListStore, tmp_path: Path
) -> None:
    """After new keys took effect, the very list that brought them still loads at a restart."""
    new = Department(device=nh.device)
    store.offer(nh.seal(nh.unsigned(next_keys=new.keys).signed_by(nh.ann)), NOW)
    later = reopened(nh, tmp_path)
    assert later.load(NOW).version == 1
    assert later.offer(new.file(version=2), NOW).version == 2
    with pytest.raises(errors.UnknownKeyError):
        later.offer(nh.file(version=3), NOW)


def test_a_power_cut_between_list_and_state_loses_nothing(
    nh: Department, store: HotListStore, tmp_path: Path
) -> None:
    """The list is saved first: a state that is one step behind accepts it again."""
    store.offer(nh.file(version=1), NOW)
    state = (tmp_path / "state" / STATE).read_bytes()
    store.offer(nh.file(version=2), NOW)
    (tmp_path / "state" / STATE).write_bytes(state)
    later = reopened(nh, tmp_path)
    assert later.load(NOW).version == 2
    assert later.state().version == 2


def test_trust_begins_once(nh: Department, store: HotListStore, tmp_path: Path) -> None:
    """A device that trusts a department cannot be made to trust another by the same call."""
    with pytest.raises(errors.StoreError):
        reopened(nh, tmp_path).begin("elsewhere", nh.keys)
    assert store.state().department == nh.name


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 60_000, b"\xff", b"x" * 70_000])
def test_a_damaged_state_is_one_exact_error(
    nh: Department, store: HotListStore, tmp_path: Path, content: bytes
) -> None:
    """A state that cannot be read is never taken for an empty one: that would forget the rollback."""
    (tmp_path / "state" / STATE).write_bytes(content)
    with pytest.raises(errors.StoreError):
        store.offer(nh.file(), NOW)


def test_without_enrolment_nothing_is_trusted(nh: Department, tmp_path: Path) -> None:
    """A list cannot enrol a device by itself."""
    with pytest.raises(errors.StoreError):
        HotListStore(tmp_path / "fresh", nh.device).offer(nh.file(), NOW)


def test_a_folder_that_cannot_be_written_is_one_exact_error(nh: Department, tmp_path: Path) -> None:
    """A file where the folder should be is a storage error with a hint."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(errors.StoreError):
        HotListStore(tmp_path / "taken", nh.device).begin(nh.name, nh.keys)


def _offer_all(folder: Path, nh: Department, versions: list[int]) -> None:
    store = HotListStore(folder, nh.device)
    for version in versions:
        try:
            store.offer(nh.file(version=version), NOW)
        except errors.RollbackError:
            continue


def test_two_processes_never_take_the_version_back(
    nh: Department, store: HotListStore, tmp_path: Path
) -> None:
    """Two processes that offer lists at once leave the highest version, with the list that belongs to it."""
    context = multiprocessing.get_context("spawn")
    batches = [list(range(1, 30, 2)), list(range(2, 31, 2))]
    workers = [context.Process(target=_offer_all, args=(tmp_path / "state", nh, batch)) for batch in batches]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    assert store.state().version == 30
    assert store.load(NOW).version == 30


def _offer_one(folder: Path, nh: Department) -> None:
    (folder / "begun").touch()
    HotListStore(folder, nh.device).offer(nh.file(version=9), NOW)


def test_a_second_process_waits_for_the_lock(nh: Department, store: HotListStore, tmp_path: Path) -> None:
    """Reading the state, deciding and saving are one act: nothing is saved while another holds the folder."""
    folder = tmp_path / "state"
    descriptor = os.open(folder / "lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    worker = multiprocessing.get_context("spawn").Process(target=_offer_one, args=(folder, nh))
    worker.start()
    while not (folder / "begun").exists():
        assert worker.is_alive()
    worker.join(0.5)
    assert worker.is_alive()
    assert store.state().version == 0
    os.close(descriptor)
    worker.join(30)
    assert (worker.exitcode, store.state().version) == (0, 9)


def stated(nh: Department, online: SigningKey, *, hours: int = 0) -> bytes:
    """Return version 1, which names a timestamp key, stated to be current so many hours later."""
    signed = nh.unsigned(next_keys=KeySet(1, nh.keys.people, timestamp=online.public)).signed_by(nh.ann)
    issued = NOW + timedelta(hours=hours)
    said = state_current(
        online,
        department=nh.name,
        version=1,
        digest=signed.digest.hex(),
        issued=issued,
        expires=issued + timedelta(hours=24),
    )
    return nh.seal(signed.stated_by(said))


def test_the_newest_statement_is_remembered_over_a_restart(
    nh: Department, store: HotListStore, tmp_path: Path
) -> None:
    """An older statement is refused by a new process too, and the list stays fresh by the newer one (R7)."""
    online = SigningKey.generate()
    for hours in (0, 20):
        store.offer(stated(nh, online, hours=hours), NOW + timedelta(hours=hours))
    later = reopened(nh, tmp_path)
    with pytest.raises(errors.RollbackError):
        later.offer(stated(nh, online), NOW + timedelta(hours=20))
    assert later.load(NOW + timedelta(hours=40)).version == 1
    with pytest.raises(errors.StaleError):
        later.load(NOW + timedelta(hours=45))


def test_a_state_from_before_there_were_statements_still_loads(
    nh: Department, store: HotListStore, tmp_path: Path
) -> None:
    """Neither the state nor the key set has the new members, and they are written as they were."""
    store.offer(nh.file(version=1), NOW)
    content = (tmp_path / "state" / STATE).read_text()
    assert "stated" not in content
    assert "timestamp" not in content
    assert (reopened(nh, tmp_path).state().stated, reopened(nh, tmp_path).state().keys) == (None, nh.keys)
