import base64
import dataclasses
import hashlib
import zlib
from datetime import datetime, timedelta

import pytest

from hitonly_core.canonical import canonical
from hitonly_core.keys import SealKey, SigningKey
from hotlist import errors
from hotlist.signed_list import bundle
from hotlist.signed_list.bundle import Signature, SignedList
from hotlist.signed_list.keyset import KeySet, Person
from hotlist.signed_list.list_format import Limits
from hotlist.signed_list.packed_entries import Entries
from hotlist.signed_list.trust import Accepted, accept, accept_signed, is_stale
from tests.hotlist_maker import NOW, Department, entry


@pytest.fixture(scope="module")
def nh() -> Department:
    """Return a department; two of its three people must sign."""
    return Department(threshold=2)


def sealed(department: Department, signed: SignedList) -> bytes:
    """Return the list signed by two and sealed."""
    return department.seal(signed.signed_by(department.ann).signed_by(department.bob))


def taken(department: Department, content: bytes, now: datetime = NOW) -> Accepted:
    """Take a file as the department's box does."""
    return accept(content, device_key=department.device, trusted=department.trusted, now=now)


def rewritten(department: Department, body: bytes) -> bytes:
    """Return a file whose body is these bytes, signed by two: signers can be fooled by their own tools."""
    unsigned = department.unsigned()

    forged = dataclasses.replace(unsigned, packed=zlib.compress(body), digest=hashlib.sha256(body).digest())
    return sealed(department, forged)


def body_of(department: Department, *entries: object) -> bytes:
    """Return a sound list's body."""
    return zlib.decompress(department.unsigned(list(entries) or None).packed)  # type: ignore[arg-type]


def test_a_sound_list_is_accepted_whole(nh: Department) -> None:
    """What was made is what is accepted, and the state that comes with it names it."""
    entries = [entry(number, plate=f"AB{number:03d}") for number in range(200)]
    result = taken(nh, sealed(nh, nh.unsigned(entries)))
    assert tuple(result.list.entries) == tuple(entries)
    assert result.list.entries[77] == entries[77]
    assert list(result.list.entries.plates()) == [each.plate for each in entries]
    assert result.list.signers == ("ann", "bob")
    assert (result.state.version, result.state.digest) == (1, result.list.digest)


def test_the_same_list_has_the_same_bytes(nh: Department) -> None:
    """Two signers who make the same list sign the same bytes, whatever order the entries come in."""
    entries = [entry(number) for number in range(70)]
    assert nh.unsigned(entries) == nh.unsigned(entries[::-1])


def test_step_1_a_file_over_its_ceiling_is_not_read(nh: Department) -> None:
    """A size ceiling is checked before the file is parsed."""
    content = sealed(nh, nh.unsigned())
    with pytest.raises(errors.TooLargeError) as caught:
        accept(
            content, device_key=nh.device, trusted=nh.trusted, now=NOW, limits=Limits(file=len(content) - 1)
        )
    assert caught.value.step == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"[" * 100_000, b"[" * 100_000 + b"\n", b"\xff\n"])
def test_step_2_what_is_no_list_is_malformed(nh: Department, content: bytes) -> None:
    """Bytes that are no sealed list get one exact error."""
    with pytest.raises(errors.MalformedError) as caught:
        taken(nh, content)
    assert caught.value.step == 2


def test_step_3_another_devices_key_opens_nothing(nh: Department) -> None:
    """A list on a stolen disk opens only with a key it was sealed to (promise 6)."""
    content = sealed(nh, nh.unsigned())
    with pytest.raises(errors.NotForDeviceError) as caught:
        accept(content, device_key=SealKey.generate(), trusted=nh.trusted, now=NOW)
    assert caught.value.step == 3
    assert b"AB123" not in content
    assert b"AB123" in body_of(nh)


def test_step_3_an_altered_byte_is_seen(nh: Department) -> None:
    """The content and the first line are authenticated together."""
    content = bytearray(sealed(nh, nh.unsigned()))
    content[-1] ^= 1
    with pytest.raises(errors.MalformedError) as caught:
        taken(nh, bytes(content))
    assert caught.value.step == 3


def test_one_file_serves_many_devices(nh: Department) -> None:
    """Every device that a list is sealed to opens the same file."""
    other = SealKey.generate()
    signed = nh.unsigned().signed_by(nh.ann).signed_by(nh.cyd)
    content = bundle.seal(signed, [other.public, nh.device.public, other.public])
    for device in (nh.device, other):
        assert accept(content, device_key=device, trusted=nh.trusted, now=NOW).list.version == 1


def test_step_5_a_body_that_inflates_over_its_ceiling_is_refused(nh: Department) -> None:
    """A small file that unpacks into a huge one stops at the ceiling."""
    content = rewritten(nh, b"\n" * 5_000_000)
    with pytest.raises(errors.TooLargeError) as caught:
        accept(content, device_key=nh.device, trusted=nh.trusted, now=NOW, limits=Limits(body=1_000_000))
    assert caught.value.step == 5


@pytest.mark.parametrize("spoil", [lambda packed: packed[:-3], lambda packed: packed + b"x", lambda _: b"x"])
def test_step_5_a_body_cut_short_or_followed_by_something_is_malformed(nh: Department, spoil: object) -> None:
    """The body is one whole zlib stream and nothing else."""
    unsigned = nh.unsigned()
    packed = spoil(unsigned.packed)  # type: ignore[operator]
    with pytest.raises(errors.MalformedError) as caught:
        taken(nh, sealed(nh, dataclasses.replace(unsigned, packed=packed)))
    assert caught.value.step == 5


def test_step_6_too_few_signatures(nh: Department) -> None:
    """The threshold counts people."""
    with pytest.raises(errors.ThresholdError):
        taken(nh, nh.seal(nh.unsigned().signed_by(nh.ann)))


def test_step_6_two_keys_of_one_person_count_once(nh: Department) -> None:
    """Somebody with an old and a new key is still one person."""
    second = SigningKey.generate()
    keys = KeySet(2, (*nh.keys.people, Person("ann", second.public)))
    content = nh.seal(nh.unsigned().signed_by(nh.ann).signed_by(second))
    with pytest.raises(errors.ThresholdError):
        accept(content, device_key=nh.device, trusted=dataclasses.replace(nh.trusted, keys=keys), now=NOW)


def test_step_6_an_unknown_key_does_not_count(nh: Department) -> None:
    """A signature by somebody who is not trusted counts for nothing, and is named when too few are left."""
    stranger = SigningKey.generate()
    signed = nh.unsigned().signed_by(nh.ann).signed_by(stranger)
    with pytest.raises(errors.UnknownKeyError, match=stranger.public.id):
        taken(nh, nh.seal(signed))
    assert taken(nh, nh.seal(signed.signed_by(nh.bob))).list.signers == ("ann", "bob")


def test_step_6_a_false_signature_is_refused_though_enough_are_true(nh: Department) -> None:
    """A trusted key's false signature means that something was altered."""
    signed = nh.unsigned().signed_by(nh.ann).signed_by(nh.bob)
    false = Signature(nh.cyd.public.id, bytes(64))
    with pytest.raises(errors.BadSignatureError):
        taken(nh, nh.seal(dataclasses.replace(signed, signatures=(*signed.signatures, false))))


def test_step_6_a_signature_does_not_fit_another_body(nh: Department) -> None:
    """Signatures are over the body that is read."""
    first, second = nh.unsigned().signed_by(nh.ann).signed_by(nh.bob), nh.unsigned([entry(2)])
    with pytest.raises(errors.BadSignatureError):
        taken(nh, nh.seal(dataclasses.replace(second, signatures=first.signatures)))


def test_step_7_another_departments_list_is_refused(nh: Department) -> None:
    """A device takes its own department's lists only."""
    with pytest.raises(errors.WrongDepartmentError):
        taken(nh, sealed(nh, nh.unsigned(department="elsewhere")))


def test_step_8_an_older_version_is_refused(nh: Department) -> None:
    """A version never goes back, and one number is one list."""
    state = taken(nh, sealed(nh, nh.unsigned(version=5))).state
    for signed in (nh.unsigned(version=4), nh.unsigned([entry(2)], version=5)):
        with pytest.raises(errors.RollbackError):
            accept(sealed(nh, signed), device_key=nh.device, trusted=state, now=NOW)
    again = accept(sealed(nh, nh.unsigned(version=5)), device_key=nh.device, trusted=state, now=NOW)
    assert again.state == state


def test_steps_9_and_11_times(nh: Department) -> None:
    """Not yet issued, expired and stale (R7) are three errors, each at its exact second."""
    content = sealed(nh, nh.unsigned(expires=NOW + timedelta(hours=30)))
    second = timedelta(seconds=1)
    for now, error, step in (
        (NOW - timedelta(minutes=5) - second, errors.NotYetIssuedError, 9),
        (NOW + timedelta(hours=24) + second, errors.StaleError, 11),
        (NOW + timedelta(hours=30), errors.ExpiredError, 9),
    ):
        with pytest.raises(error) as caught:
            taken(nh, content, now)
        assert caught.value.step == step
    for now in (NOW - timedelta(minutes=5), NOW + timedelta(hours=24)):
        assert taken(nh, content, now).list.version == 1


def test_the_age_limit_goes_down_but_not_up(nh: Department) -> None:
    """A device can be stricter than 24 hours, never laxer (R7)."""
    hot_list = taken(nh, sealed(nh, nh.unsigned())).list
    assert is_stale(hot_list, NOW + timedelta(hours=3), timedelta(hours=2))
    assert not is_stale(hot_list, NOW + timedelta(hours=24), timedelta(hours=48))
    late = NOW + timedelta(hours=24, seconds=1)
    assert is_stale(hot_list, late, timedelta(hours=48))
    content = sealed(nh, nh.unsigned())
    for now, max_age in ((NOW + timedelta(hours=3), timedelta(hours=2)), (late, timedelta(hours=48))):
        with pytest.raises(errors.StaleError):
            accept(content, device_key=nh.device, trusted=nh.trusted, now=now, max_age=max_age)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda body: body.replace(b'"note":""', b'"note": ""'), id="a space"),
        pytest.param(lambda body: body.replace(b'"note":""', b'"note":"","note":""'), id="a member twice"),
        pytest.param(lambda body: body.replace(b":00Z", b":00.0Z"), id="a time written otherwise"),
        pytest.param(lambda body: body.replace(b"FORD", b"\\u0046ORD"), id="a needless escape"),
        pytest.param(
            lambda body: body.replace(b'"stolen-vehicle"', b'"immigration"'), id="no purpose of ours"
        ),
        pytest.param(lambda body: body.replace(b'"AB123"', b'"ab123"'), id="a plate in small letters"),
        pytest.param(lambda body: body.replace(b"bbbbbbbbbbbbbbbb", b"aaaaaaaaaaaaaaaa"), id="self-approval"),
        pytest.param(lambda body: body + body.split(b"\n")[1] + b"\n", id="one entry too many"),
        pytest.param(lambda body: body.split(b"\n")[0] + b"\n", id="one entry too few"),
        pytest.param(lambda body: body[:-1], id="no last end of line"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_steps_7_and_12_one_list_has_one_text(nh: Department, spoil: object) -> None:
    """Even when it is rightly signed, a body is refused that is not canonical or breaks R6 or R16."""
    sound = body_of(nh)
    assert taken(nh, rewritten(nh, sound)).list.version == 1
    with pytest.raises(errors.MalformedError) as caught:
        taken(nh, rewritten(nh, spoil(sound)))  # type: ignore[operator]
    assert caught.value.step in (7, 12)
    assert "AB123" not in str(caught.value)


def test_step_12_entries_are_in_order_and_each_once(nh: Department) -> None:
    """Entries are sorted by id, so that none is there twice."""
    header, first, second, _ = body_of(nh, entry(1), entry(2)).split(b"\n")
    for lines in ((header, second, first), (header, first, first)):
        with pytest.raises(errors.MalformedError, match="order"):
            taken(nh, rewritten(nh, b"\n".join(lines) + b"\n"))


def test_step_12_more_entries_than_the_ceiling(nh: Department) -> None:
    """The number of entries has a ceiling, checked on the header."""
    content = sealed(nh, nh.unsigned([entry(1), entry(2)]))
    with pytest.raises(errors.TooLargeError) as caught:
        accept(content, device_key=nh.device, trusted=nh.trusted, now=NOW, limits=Limits(entries=1))
    assert caught.value.step == 12


def test_step_12_nothing_was_verified_in_the_future(nh: Department) -> None:
    """An entry's life is counted from when it was last verified, so that cannot lie after the list."""
    late = entry(verified=NOW + timedelta(seconds=1))
    with pytest.raises(errors.MalformedError, match="after the list"):
        taken(nh, sealed(nh, nh.unsigned([late])))


def test_step_13_keys_change_by_a_signed_list_only(nh: Department) -> None:
    """A list signed by the current threshold can carry the next key set; then only that one counts."""
    new = Department(name=nh.name, device=nh.device, threshold=2)
    carrying = sealed(nh, nh.unsigned(version=2, next_keys=new.keys))
    state = taken(nh, carrying).state
    assert state.keys == new.keys
    old_again = sealed(nh, nh.unsigned(version=3))
    with pytest.raises(errors.UnknownKeyError):
        accept(old_again, device_key=nh.device, trusted=state, now=NOW)
    theirs = sealed(new, new.unsigned(version=3))
    assert accept(theirs, device_key=nh.device, trusted=state, now=NOW).list.version == 3
    with pytest.raises(errors.UnknownKeyError):
        taken(nh, theirs)
    assert accept(carrying, device_key=nh.device, trusted=state, now=NOW).state == state


def test_the_departments_own_tools_take_the_same_steps(nh: Department) -> None:
    """A signed list in the clear is checked by steps 4 to 13 as a box would."""
    signed = nh.unsigned().signed_by(nh.ann).signed_by(nh.bob)
    assert accept_signed(signed.to_bytes(), trusted=nh.trusted, now=NOW).list.version == 1
    with pytest.raises(errors.ThresholdError):
        accept_signed(nh.unsigned().to_bytes(), trusted=nh.trusted, now=NOW)


def test_no_secret_and_no_plate_in_any_repr(nh: Department) -> None:
    """What a traceback or a log may show holds neither plate nor key."""
    result = taken(nh, sealed(nh, nh.unsigned()))
    shown = repr((result, nh.unsigned(), nh.unsigned().signed_by(nh.ann), result.list.entries, entry()))
    assert "AB123" not in shown
    assert "26-00001" not in shown
    assert repr(nh.ann.raw)[2:-1] not in shown
    assert "e000001" in shown


def test_a_key_set_that_cannot_reach_its_threshold_is_refused(nh: Department) -> None:
    """A list could never be signed again; so such a set is not made, nor read."""
    with pytest.raises(errors.MalformedError):
        KeySet(4, nh.keys.people)
    with pytest.raises(errors.MalformedError):
        KeySet(1, (nh.keys.people[0], nh.keys.people[0]))
    spoiled = nh.keys.to_json() | {"threshold": 4}
    with pytest.raises(errors.MalformedError):
        KeySet.from_bytes(canonical(spoiled))
    short = {"people": [{"key": base64.b64encode(b"x").decode(), "name": "x"}], "threshold": 1}
    with pytest.raises(errors.MalformedError):
        KeySet.from_bytes(canonical(short))
    assert KeySet.from_bytes(nh.keys.to_bytes()).to_bytes() == nh.keys.to_bytes()


def test_plates_are_found_whatever_stands_before_them() -> None:
    """The quick way to an entry's plate is not misled by a text that looks like one."""
    tricky = entry(note='"plate":"WRONG1"', case_number='x","plate":"WRONG2', plate="RIGHT1")
    assert list(Entries.of([tricky]).plates()) == ["RIGHT1"]
    assert Entries.of([tricky])[0] == tricky
    assert Entries.of([tricky])[-1:] == (tricky,)
    with pytest.raises(IndexError):
        Entries.of([tricky])[1]
