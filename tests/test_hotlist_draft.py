import sqlite3
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hitonly_core.files import write_durably
from hitonly_core.keys import SigningKey
from hotlist.authoring.changes import Kind, Staged, State
from hotlist.authoring.draft import Draft
from hotlist.authoring.draft_check import check
from hotlist.authoring.publishing import seal_for, sign_again, sign_new
from hotlist.errors import DraftError, StoreError
from hotlist.importers.proposal import Given, Proposal, propose
from hotlist.signed_list.keyset import KeySet, Person
from hotlist.signed_list.store import HotListStore
from hotlist.signed_list.trust import accept
from tests.hotlist_maker import NOW, Department

NH = Department()


@pytest.fixture
def draft(tmp_path: Path) -> Iterator[Draft]:
    """Return a new workbook of Ann, Bob and Cyd."""
    with Draft.create(tmp_path / "book", NH.name, NH.keys) as made:
        yield made


def proposal(entry_id: str, plate: str = "AB123", author: SigningKey = NH.ann, **values: str) -> Proposal:
    """Return what an author proposes."""
    sound = {"plate": plate, "purpose": "warrant", "case_number": "1", "source": "s", **values}
    return propose(sound, Given(author.public.id, NOW, days=10), entry_id=entry_id)


def add(draft: Draft, entry_id: str = "e1", plate: str = "AB123", author: SigningKey = NH.ann) -> int:
    """Stage a new entry; return the change's number."""
    with draft.transaction():
        row = Staged(Kind.ADD, entry_id, proposal(entry_id, plate, author))
        return draft.stage([row], author, NOW).number


def approve(draft: Draft, number: int, approver: SigningKey = NH.bob) -> None:
    """Approve a change."""
    with draft.transaction():
        draft.approve(number, approver, NOW)


def cancel(draft: Draft, entry_id: str = "e1", author: SigningKey = NH.ann) -> None:
    """Take an entry away."""
    with draft.transaction():
        base, current = draft.current(entry_id)
        draft.stage([Staged(Kind.CANCEL, entry_id, current, base)], author, NOW)


def test_two_people_make_an_entry(draft: Draft) -> None:
    """What is proposed takes effect with the approver's id in it, and not before."""
    number = add(draft)
    assert list(draft.entries(NOW)) == []
    approve(draft, number)
    (entry,) = draft.entries(NOW)
    assert (entry.author, entry.approver) == (NH.ann.public.id, NH.bob.public.id)
    assert draft.entry("e1") == entry
    assert draft.change(number).approver == "bob"
    assert check(draft) == 1


def test_a_persons_second_key_is_not_a_second_person(tmp_path: Path) -> None:
    """Another key of the author's approves nothing."""
    second = SigningKey.generate()
    keys = KeySet(1, (*NH.keys.people, Person("ann", second.public)))
    with Draft.create(tmp_path / "other", NH.name, keys) as other:
        number = add(other)
        with pytest.raises(DraftError, match="own"):
            approve(other, number, second)
        approve(other, number)


def test_strangers_write_and_approve_nothing(draft: Draft) -> None:
    """Only keys of the key set count."""
    stranger = SigningKey.generate()
    with pytest.raises(DraftError, match="nobody"):
        add(draft, author=stranger)
    number = add(draft)
    with pytest.raises(DraftError, match="nobody"):
        approve(draft, number, stranger)
    assert [change.state for change in draft.changes(State.PENDING)] == [State.PENDING]


def test_a_plate_is_once_in_a_case(draft: Draft) -> None:
    """Two entries for one plate, region and case cannot both take effect."""
    first, second = add(draft), add(draft, "e2")
    approve(draft, first)
    with pytest.raises(DraftError, match="has one already"):
        approve(draft, second)
    assert draft.change(second).state is State.PENDING
    with draft.transaction():
        draft.withdraw(second, NH.ann)
    assert draft.change(second).state is State.WITHDRAWN
    with pytest.raises(DraftError, match="withdrawn"):
        approve(draft, second)


def test_an_edit_of_something_that_changed_meanwhile_is_refused(draft: Draft) -> None:
    """An approver approves a change of what the author saw, not of something else."""
    approve(draft, add(draft))
    base, _ = draft.current("e1")
    with draft.transaction():
        stale = draft.stage([Staged(Kind.EDIT, "e1", proposal("e1", note="old"), base)], NH.ann, NOW).number
        other = draft.stage([Staged(Kind.EDIT, "e1", proposal("e1", note="new"), base)], NH.ann, NOW).number
    approve(draft, other)
    with pytest.raises(DraftError, match="changed or cancelled since"):
        approve(draft, stale)
    assert draft.entry("e1").note == "new"
    assert check(draft) == 2


def test_a_cancellation_takes_effect_at_once_and_is_signed(draft: Draft) -> None:
    """Taking away needs one person (R7), and the history still verifies."""
    approve(draft, add(draft))
    cancel(draft, author=NH.bob)
    assert draft.count_all() == 0
    assert check(draft) == 2
    approve(draft, add(draft, "e2"))
    assert check(draft) == 3


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE rows SET body = CAST(replace(body, 'AB123', 'ZZ999') AS BLOB)",
        "UPDATE rows SET kind = 'cancel'",
        "UPDATE entries SET approver = 'ffffffffffffffff'",
        "DELETE FROM entries",
        "DELETE FROM changes",
        "UPDATE changes SET approver = author",
        "UPDATE changes SET approver = '', approval = x''",
        "UPDATE changes SET state = 'pending'",
        "UPDATE changes SET approved_at = '2020-01-01T00:00:00Z'",
        "UPDATE people SET name = 'ann'",
        "UPDATE people SET key_id = key_id || 'x'",
        "INSERT INTO entries SELECT 'e9', row, 'ZZ9', '', case_number, source, expires, approver FROM entries",
    ],
)
def test_a_change_by_other_hands_is_found(draft: Draft, tmp_path: Path, tampering: str) -> None:
    """Everything in force follows from signatures; a list is never made of anything else."""
    approve(draft, add(draft))
    assert check(draft) == 1
    with sqlite3.connect(tmp_path / "book") as intruder:
        assert intruder.execute(tampering).rowcount > 0
    intruder.close()
    with pytest.raises(DraftError):
        check(draft)
    with pytest.raises(DraftError):
        sign_new(draft, NH.ann, NOW)
    assert draft.next_version() == 1


def test_what_fails_leaves_nothing(draft: Draft) -> None:
    """A change is whole or absent."""
    rows = [Staged(Kind.ADD, f"e{n}", proposal(f"e{n}")) for n in range(2)]
    with pytest.raises(DraftError, match="two rows"), draft.transaction():
        draft.stage(rows, NH.ann, NOW)
    assert draft.changes(State.PENDING) == ()
    assert draft.database.execute("SELECT count(*) FROM rows").fetchone() == (0,)


def test_a_second_program_waits_or_is_told(draft: Draft, tmp_path: Path) -> None:
    """Two programs never write at once; the second gets one clear error."""
    with Draft.open(tmp_path / "book") as second:
        second.database.execute("PRAGMA busy_timeout = 1")
        with draft.transaction(), pytest.raises(StoreError, match="another program"), second.transaction():
            pass
        assert add(second) == 1
    assert draft.change(1).author == "ann"


def test_the_workbook_is_its_owners(tmp_path: Path, draft: Draft) -> None:
    """The file holds plates in the clear: nobody else may read it."""
    add(draft)
    assert stat.S_IMODE((tmp_path / "book").stat().st_mode) == 0o600
    with pytest.raises(DraftError):
        Draft.create(tmp_path / "book", NH.name, NH.keys)


def test_every_list_has_the_next_number_and_only_living_entries(draft: Draft) -> None:
    """A version is given once; expired entries are left out; the list is the one that a box accepts."""
    approve(draft, add(draft))
    first = sign_new(draft, NH.ann, NOW)
    later = NOW + timedelta(days=11)
    second = sign_new(draft, NH.ann, later)
    opened = [
        accept(
            seal_for(draft, signed, [NH.device.public], now),
            device_key=NH.device,
            trusted=NH.trusted,
            now=now,
        )
        for signed, now in ((first, NOW), (second, later))
    ]
    assert [(each.list.version, len(each.list.entries)) for each in opened] == [(1, 1), (2, 0)]
    both = sign_again(draft, first.to_bytes(), NH.bob, NOW)
    assert [signature.key for signature in both.signatures] == [NH.ann.public.id, NH.bob.public.id]


def test_a_next_key_set_takes_effect_when_its_list_is_sealed(draft: Draft) -> None:
    """After the list with the new keys is published, only they write, and the old history still verifies."""
    approve(draft, add(draft))
    new = Department()
    signed = sign_new(draft, NH.ann, NOW, next_keys=new.keys)
    seal_for(draft, signed, [NH.device.public], NOW)
    assert draft.keys == new.keys
    with pytest.raises(DraftError, match="nobody"):
        add(draft, "e2", author=NH.ann)
    cancel(draft, author=new.ann)
    assert check(draft) == 2


def test_a_cancelled_entry_leaves_a_running_box_at_its_next_look(draft: Draft, tmp_path: Path) -> None:
    """Cancel, sign over the file: the box's next look at it, seconds later, ends the alerts (R7)."""
    file = tmp_path / "hot.list"
    store = HotListStore(tmp_path / "state", NH.device, source=file)
    store.begin(NH.name, NH.keys)
    approve(draft, add(draft))
    write_durably(file, seal_for(draft, sign_new(draft, NH.ann, NOW), [NH.device.public], NOW))
    assert list(store.load(NOW).entries.plates()) == ["AB123"]
    assert not store.changed()
    cancel(draft)
    write_durably(file, seal_for(draft, sign_new(draft, NH.ann, NOW), [NH.device.public], NOW))
    assert store.changed()
    assert list(store.load(NOW).entries.plates()) == []
