"""People sign the list: the service collects signatures, keeps the list fresh, and can add nothing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.accounts.people import Role
from api.core.errors import ConflictError
from api.db.models import CancelledRow, CandidateRow, DeviceRow, ListRow, SignerRow, StatementRow
from api.devices import registry
from api.lists import list_keys, list_signing, list_versions, publishing
from hitonly_core.keys import SigningKey
from hotlist import errors
from hotlist.authoring.desk import review
from hotlist.signed_list.bundle import SignedList, make, seal
from hotlist.signed_list.detached import Detached
from hotlist.signed_list.keyset import KeySet, Person
from hotlist.signed_list.list_format import Limits
from hotlist.signed_list.timestamp import state_current
from hotlist.signed_list.trust import TrustedState
from tests.api_kit import Box, Desk, make_entry, registration
from tests.signing_kit import REASON, Camera, Signer, published, register, sign_in_again, signer, waits

OTHER = "QR31ABC"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department whose list two people must sign, with one approved entry."""
    desk = Desk(tmp_path / "state", list_signing="people")
    desk.approve(make_entry())
    yield desk
    desk.service.close()


@pytest.fixture
def admin(desk: Desk) -> TestClient:
    """Return an administrator's browser."""
    return desk.sign_in("ada", Role.ADMINISTRATOR)


@pytest.fixture
def ann(desk: Desk) -> Signer:
    """Return a signer."""
    return signer(desk, "ann")


@pytest.fixture
def bob(desk: Desk) -> Signer:
    """Return another."""
    return signer(desk, "bob")


def test_nothing_is_published_before_enough_people_signed(desk: Desk, ann: Signer, bob: Signer) -> None:
    """One signature of two publishes nothing; the second one does, and the device accepts it."""
    camera = Camera.of(desk)
    ann.browser.post("/list/publish")
    version = waits(desk)
    assert desk.count(ListRow) == 0
    assert ann.hand_in(desk, version).status_code == 303
    assert ann.hand_in(desk, version).status_code == 303, "handing in twice is harmless"
    assert camera.box.send("GET", "/v1/hotlist").status_code == 404
    assert "ann signed so far" in bob.browser.get("/list").text
    assert bob.hand_in(desk, version).status_code == 303
    found = camera.poll(desk.clock.now)
    assert (found.version, found.signers) == (version, ("ann", "bob"))
    assert [entry.plate for entry in found.entries] == [make_entry().plate]
    assert list_signing.waiting(desk.service) is None
    assert {"list.prepare", "list.download", "list.sign", "list.publish"} <= set(desk.acts())


def test_a_service_with_its_keys_stolen_can_add_no_entry(desk: Desk, ann: Signer, bob: Signer) -> None:
    """Whoever holds every key of the service makes no list that a device takes (issue: trust in people)."""
    camera = Camera.of(desk)
    version = published(desk, ann, bob)
    honest = camera.poll(desk.clock.now)
    stolen, now = desk.service.secrets.service, desk.clock.now
    eve = SigningKey.generate()
    forged = make(
        [make_entry(), make_entry(OTHER)],
        department="department",
        version=version + 1,
        issued=now,
        expires=now + timedelta(days=2),
        next_keys=KeySet(1, (Person("eve", eve.public),), timestamp=stolen.public),
    ).signed_by(stolen)
    said = state_current(
        stolen,
        department="department",
        version=version + 1,
        digest=forged.digest.hex(),
        issued=now + timedelta(seconds=5),
        expires=now + timedelta(hours=1),
    )
    signed = _signed(desk)
    swapped = SignedList(forged.packed, forged.digest, signed.signatures, said)
    attempts = {
        errors.UnknownKeyError: [forged, forged.stated_by(said), forged.signed_by(eve).stated_by(said)],
        errors.BadSignatureError: [swapped],
        errors.OtherListError: [signed.stated_by(said)],
    }
    for error, files in attempts.items():
        for each in files:
            with pytest.raises(error):
                camera.offer(seal(each, [camera.box.seal.public]), now)
    assert camera.poll(now).digest == honest.digest


def _signed(desk: Desk) -> SignedList:
    """Return the published list with its signatures, as whoever took the service over has it."""
    with desk.service.database.read() as session:
        newest = list_versions.newest(session)
        assert newest is not None
        assert newest.signed is not None
        return SignedList.from_bytes(newest.signed, Limits())


def test_the_service_keeps_a_list_fresh_without_people(desk: Desk, ann: Signer, bob: Signer) -> None:
    """Every six hours a new statement; nobody signs; the same version (R7)."""
    camera = Camera.of(desk)
    version = published(desk, ann, bob)
    first = camera.poll(desk.clock.now)
    tag = publishing.current_etag(desk.service)
    for _ in range(12):
        assert not publishing.renew(desk.service)
        assert publishing.current_etag(desk.service) == tag, "unchanged, a device fetches nothing"
        desk.clock.move(hours=6)
        assert publishing.renew(desk.service)
        assert publishing.current_etag(desk.service) != tag
        tag = publishing.current_etag(desk.service)
        found = camera.poll(desk.clock.now)
        assert (found.version, found.digest) == (version, first.digest)
    assert desk.count(ListRow) == 1
    assert desk.count(StatementRow) == 1


def test_a_silent_service_lets_the_list_grow_stale_and_none_outlives_its_end(
    desk: Desk, ann: Signer, bob: Signer
) -> None:
    """Freezing ends at the list's own end, which people signed: 30 days, whatever the service states."""
    camera = Camera.of(desk)
    version = published(desk, ann, bob)
    frozen = camera.box.send("GET", "/v1/hotlist").content
    with pytest.raises(errors.StaleError):
        camera.offer(frozen, desk.clock.now + timedelta(hours=24, seconds=1))
    end = desk.clock.now.replace(microsecond=0) + timedelta(days=30)
    stolen, signed = desk.service.secrets.service, _signed(desk)
    for now, error in ((end - timedelta(seconds=1), None), (end, errors.ExpiredError)):
        said = state_current(
            stolen,
            department="department",
            version=version,
            digest=signed.digest.hex(),
            issued=now - timedelta(minutes=1),
            expires=now + timedelta(days=400),
        )
        file = seal(signed.stated_by(said), [camera.box.seal.public])
        if error is None:
            assert camera.offer(file, now).version == version
        else:
            with pytest.raises(error):
                camera.offer(file, now)
    desk.clock.now = end
    assert not publishing.renew(desk.service), "an honest service states nothing about an ended list"


def test_rollback_of_version_and_of_statement(desk: Desk, ann: Signer, bob: Signer) -> None:
    """Neither an older version nor an older statement is taken, though both were sound once."""
    camera = Camera.of(desk)
    published(desk, ann, bob)
    camera.poll(desk.clock.now)
    first = camera.box.send("GET", "/v1/hotlist").content
    desk.clock.move(hours=6)
    publishing.renew(desk.service)
    camera.poll(desk.clock.now)
    with pytest.raises(errors.RollbackError, match="statement"):
        camera.offer(first, desk.clock.now)
    second = camera.box.send("GET", "/v1/hotlist").content
    sign_in_again(desk, ann, bob)
    published(desk, ann, bob)
    camera.poll(desk.clock.now)
    with pytest.raises(errors.RollbackError, match="version"):
        camera.offer(second, desk.clock.now)


def test_a_cancellation_needs_one_person_and_no_key(desk: Desk, ann: Signer, bob: Signer) -> None:
    """A cancelled entry is gone at the device's next poll; the next signed version leaves it out (R7)."""
    desk.approve(make_entry(OTHER))
    camera = Camera.of(desk)
    published(desk, ann, bob)
    assert len(camera.poll(desk.clock.now).entries) == 2
    before = publishing.current_etag(desk.service)
    entry = make_entry(OTHER).id
    assert ann.browser.post(f"/list/entries/{entry}/cancel", data={"reason": "found"}).status_code == 303
    assert publishing.current_etag(desk.service) != before
    found = camera.poll(desk.clock.now)
    assert [each.plate for each in found.entries] == [make_entry().plate]
    desk.clock.move(hours=6)
    publishing.renew(desk.service)
    assert len(camera.poll(desk.clock.now).entries) == 1, "it stays cancelled"
    sign_in_again(desk, ann, bob)
    published(desk, ann, bob)
    assert desk.count(CancelledRow) == 0
    assert len(camera.poll(desk.clock.now).entries) == 1


def test_an_entry_cancelled_while_a_version_with_it_waits_stays_cancelled(
    desk: Desk, ann: Signer, bob: Signer
) -> None:
    """People signed a version that still holds the entry: it is published with the cancellation."""
    desk.approve(make_entry(OTHER))
    camera = Camera.of(desk)
    ann.browser.post("/list/publish")
    version = waits(desk)
    ann.browser.post(f"/list/entries/{make_entry(OTHER).id}/cancel", data={"reason": "found"})
    ann.hand_in(desk, version)
    bob.hand_in(desk, version)
    assert [each.plate for each in camera.poll(desk.clock.now).entries] == [make_entry().plate]
    assert desk.count(CancelledRow) == 1


def test_a_cancellation_that_was_cut_off_is_stated_by_the_next_round(
    desk: Desk, ann: Signer, bob: Signer
) -> None:
    """The cancellation and its memory are one transaction: a crash before the statement loses nothing."""
    camera = Camera.of(desk)
    published(desk, ann, bob)
    with desk.service.database.begin() as session:
        session.add(CancelledRow(entry=make_entry().id, at=desk.clock.now))
    assert publishing.renew(desk.service)
    assert not camera.poll(desk.clock.now).entries


def test_one_person_with_two_keys_counts_once(desk: Desk, ann: Signer, bob: Signer) -> None:
    """A second key does not make a second person (here, and on the device)."""
    second = Signer("ann", ann.browser)
    register(desk, second)
    camera = Camera.of(desk)
    ann.browser.post("/list/publish")
    version = waits(desk)
    ann.hand_in(desk, version)
    second.hand_in(desk, version)
    assert desk.count(ListRow) == 0
    twice = _waiting_list(desk)
    assert len(twice.signatures) == 3, "the service's own, and two of one person"
    with pytest.raises(errors.UnknownKeyError, match="1 trusted"):
        camera.offer(seal(twice, [camera.box.seal.public]), desk.clock.now)
    bob.hand_in(desk, version)
    assert camera.poll(desk.clock.now).signers == ("ann", "bob")


def _waiting_list(desk: Desk) -> SignedList:
    with desk.service.database.read() as session:
        row = session.get_one(CandidateRow, waits(desk))
        assert row.signed is not None
        return SignedList.from_bytes(row.signed, Limits())


def test_a_revoked_persons_key_counts_no_more(
    desk: Desk, admin: TestClient, ann: Signer, bob: Signer
) -> None:
    """Not here from the moment of revocation, and not on devices from the next signed version."""
    cyd = signer(desk, "cyd")
    camera = Camera.of(desk)
    published(desk, ann, bob)
    camera.poll(desk.clock.now)
    ann.browser.post("/list/publish")
    version = waits(desk)
    cyd.hand_in(desk, version)
    path = f"/signing/signers/{cyd.key.public.id}/revoke"
    assert admin.post(path, data={"reason": ""}).status_code == 422
    assert admin.post(path, data={"reason": "left"}).status_code == 303
    assert list_signing.waiting(desk.service) is None, "a version that names the key is dropped"
    ann.browser.post("/list/publish")
    version = waits(desk)
    found = Detached.make(cyd.key, version, _waiting_list(desk).digest)
    answer = cyd.upload(version, found.to_bytes())
    assert answer.status_code == 403
    assert "revoked" in answer.text
    ann.hand_in(desk, version)
    bob.hand_in(desk, version)
    assert camera.poll(desk.clock.now).version == version
    assert camera.state.keys.find(cyd.key.public.id) is None


def test_a_changed_key_set_is_signed_by_the_old_one_and_by_the_new(
    desk: Desk, ann: Signer, bob: Signer
) -> None:
    """A new signer joins with the old people's signatures; an administrator alone changes no device."""
    camera = Camera.of(desk)
    published(desk, ann, bob)
    camera.poll(desk.clock.now)
    cyd = signer(desk, "cyd")
    assert camera.state.keys.find(cyd.key.public.id) is None
    ann.browser.post("/list/publish")
    version = waits(desk)
    assert "changes whose signatures count" in ann.browser.get("/signing").text
    ann.hand_in(desk, version)
    assert cyd.hand_in(desk, version).status_code == 303
    assert desk.count(ListRow) == 1, "the old set asks for two of its own people"
    bob.hand_in(desk, version)
    assert camera.poll(desk.clock.now).version == version
    assert camera.state.keys.find(cyd.key.public.id) is not None
    published(desk, bob, cyd)
    assert camera.poll(desk.clock.now).signers == ("bob", "cyd")
    late = Camera.of(desk, "camera-2")
    assert late.poll(desk.clock.now).signers == ("bob", "cyd")


def test_a_threshold_changes_like_a_key_set(desk: Desk, ann: Signer, bob: Signer) -> None:
    """Lowered in the settings, it counts on devices only once the old number of people signed that."""
    camera = Camera.of(desk)
    published(desk, ann, bob)
    camera.poll(desk.clock.now)
    object.__setattr__(desk.service, "settings", desk.settings.model_copy(update={"list_threshold": 1}))
    ann.browser.post("/list/publish")
    version = waits(desk)
    ann.hand_in(desk, version)
    assert desk.count(ListRow) == 1, "one is enough for the new set, not for the old"
    bob.hand_in(desk, version)
    camera.poll(desk.clock.now)
    assert camera.state.keys.threshold == 1
    published(desk, bob)
    assert camera.poll(desk.clock.now).signers == ("bob",)


def test_from_the_services_signature_to_peoples_and_back(tmp_path: Path) -> None:
    """Devices follow by signed lists alone; back to the service's key only with people's signatures."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    camera = Camera.of(desk)
    publishing.publish(desk.service, "person:ann")
    assert camera.poll(desk.clock.now).signers == ("service",)
    ann, bob = signer(desk, "ann"), signer(desk, "bob")
    asleep = TrustedState(camera.state.department, camera.state.keys, 1, camera.state.digest)
    object.__setattr__(desk.service, "settings", desk.settings.model_copy(update={"list_signing": "people"}))
    desk.clock.move(hours=6)
    assert publishing.renew(desk.service), "until people have signed, the service keeps its own list fresh"
    camera.poll(desk.clock.now)
    sign_in_again(desk, ann, bob)
    published(desk, ann, bob)
    camera.poll(desk.clock.now)
    assert camera.state.keys.threshold == 2
    published(desk, bob, ann)
    late = Camera(camera.box, asleep)
    assert late.poll(desk.clock.now).version == 4, "a box that was off follows later"
    assert late.state.keys.threshold == 2
    camera.poll(desk.clock.now)
    object.__setattr__(desk.service, "settings", desk.settings)
    ann.browser.post("/list/publish")
    assert camera.poll(desk.clock.now).version == 4, "the settings alone bring nothing back"
    version = waits(desk)
    for each in (ann, bob):
        assert each.hand_in(desk, version).status_code == 303
    camera.poll(desk.clock.now)
    assert camera.state.keys == list_keys.service_set(desk.service)
    publishing.publish(desk.service, "person:ann")
    assert camera.poll(desk.clock.now).signers == ("service",)
    desk.service.close()


def test_a_waiting_version_is_withdrawn_superseded_or_too_old_and_its_number_never_comes_again(
    desk: Desk, ann: Signer, bob: Signer
) -> None:
    """People may have signed what was dropped: a number is one list for ever."""
    ann.browser.post("/list/publish")
    first = waits(desk)
    ann.hand_in(desk, first)
    assert bob.browser.post(f"/signing/{first}/withdraw").status_code == 303
    assert list_signing.waiting(desk.service) is None
    assert bob.upload(first, b"x").status_code == 422
    ann.browser.post("/list/publish")
    second = waits(desk)
    ann.browser.post("/list/publish")
    third = waits(desk)
    assert (first, second, third) == (1, 2, 3)
    kept = Detached.make(bob.key, second, b"\0" * 32).to_bytes()
    assert bob.upload(second, kept).status_code == 404
    desk.clock.move(hours=24)
    assert list_signing.waiting(desk.service) is None
    assert desk.sign_in("bob").get("/signing").status_code == 200
    assert Signer("bob", desk.sign_in("bob"), bob.key).upload(third, kept).status_code == 404
    assert desk.count(ListRow) == 0


@pytest.mark.parametrize("spoil", ["junk", "another list", "false", "stranger", "service", "long"])
def test_what_is_no_signature_of_this_list_is_refused_in_words(
    desk: Desk, ann: Signer, bob: Signer, spoil: str
) -> None:
    """Nothing of it is stored."""
    ann.browser.post("/list/publish")
    version, digest = waits(desk), _waiting_list(desk).digest
    sound = Detached.make(bob.key, version, digest)
    files = {
        "junk": b"junk",
        "long": sound.to_bytes() * 20,
        "another list": Detached.make(bob.key, version, b"\0" * 32).to_bytes(),
        "false": sound.to_bytes().replace(bob.key.public.id.encode(), ann.key.public.id.encode()),
        "stranger": Detached.make(SigningKey.generate(), version, digest).to_bytes(),
        "service": Detached.make(desk.service.secrets.service, version, digest).to_bytes(),
    }
    answer = bob.upload(version, files[spoil])
    assert answer.status_code == (403 if spoil in {"stranger", "service"} else 422)
    assert 'role="alert"' in answer.text
    assert len(_waiting_list(desk).signatures) == 1
    assert bob.upload(version, sound.to_bytes()).status_code == 303


def test_only_signers_get_the_waiting_list_and_only_with_a_reason(
    desk: Desk, admin: TestClient, ann: Signer, bob: Signer
) -> None:
    """It holds listed plates: a purpose and a case number first, and a key that counts (R11)."""
    ann.browser.post("/list/publish")
    path = f"/signing/{waits(desk)}"
    assert "Why do you open this?" in bob.browser.get(f"{path}/list").text
    assert bob.browser.post(f"{path}/open", data={**REASON, "case_number": ""}).status_code == 403
    other = desk.sign_in("otto", Role.EDITOR)
    other.post(f"{path}/open", data=REASON)
    assert other.get(f"{path}/list").status_code == 403
    assert admin.get(f"{path}/list").status_code == 403
    bob.browser.post(f"{path}/open", data=REASON)
    assert bob.browser.get(f"{path}/list").status_code == 200
    assert desk.acts().count("list.download") == 1


def test_a_key_is_registered_by_one_person_and_confirmed_by_another(desk: Desk, admin: TestClient) -> None:
    """By typing the id that its owner reads; the one who registered it cannot; both are in the log."""
    made = Signer("ann", desk.sign_in("ann", Role.APPROVER, Role.ADMINISTRATOR))
    form = {"name": "ann", "key": made.key.public.to_text()}
    for bad in ({**form, "name": "nobody"}, {**form, "name": "ada"}, {**form, "key": made.key.to_text()}):
        assert admin.post("/signing/signers", data=bad).status_code == 422
    assert admin.post("/signing/signers", data=form).status_code == 303
    assert admin.post("/signing/signers", data=form).status_code == 409
    key = made.key.public.id
    path = f"/signing/signers/{key}/confirm"
    assert admin.post(path, data={"typed": key}).status_code == 403
    assert made.browser.post(path, data={"typed": "0" * 16}).status_code == 422
    with pytest.raises(ConflictError):
        publishing.publish(desk.service, "person:ann")
    assert made.browser.post(path, data={"typed": f"{key[:8]} {key[8:]}"}).status_code == 303
    assert made.browser.post(path, data={"typed": key}).status_code == 404
    assert {"signer.register", "signer.confirm"} <= set(desk.acts())
    assert desk.count(SignerRow) == 1
    own = {"name": "ann", "key": desk.service.secrets.service.public.to_text()}
    assert admin.post("/signing/signers", data=own).status_code == 409


def test_no_device_is_enrolled_before_it_can_be_told_whom_to_trust(desk: Desk, ann: Signer) -> None:
    """With too few confirmed keys enrolment is refused, and the code is not used up."""
    code = registry.register(desk.service, registration(), ann.name)
    box = Box(desk.client(), desk.clock)
    refused = box.enrol(code)
    assert (refused.status_code, desk.count(DeviceRow)) == (409, 0)
    assert "2 people must sign; 1 have a confirmed key" in refused.text
    signer(desk, "bob")
    assert box.enrol(code).status_code == 200


def test_a_key_set_told_to_a_device_changes_only_by_signatures(desk: Desk, ann: Signer, bob: Signer) -> None:
    """Even before the first list: what the first device was told is what the first list must satisfy."""
    camera = Camera.of(desk)
    cyd = signer(desk, "cyd")
    ann.browser.post("/list/publish")
    version = waits(desk)
    for each in (ann, cyd):
        each.hand_in(desk, version)
    assert desk.count(ListRow) == 0
    bob.hand_in(desk, version)
    assert camera.poll(desk.clock.now).version == version


def test_at_the_desk_an_entry_not_signed_before_is_always_shown(desk: Desk, ann: Signer, bob: Signer) -> None:
    """The comparison is with the signer's own copy, whatever the service says was published."""
    published(desk, ann, bob)
    desk.approve(make_entry(OTHER))
    ann.browser.post("/list/publish")
    found = review(_waiting_list(desk).to_bytes(), ann.key, ann.seen, desk.clock.now)
    assert [(word, entry.plate) for word, entry in found.changes] == [("added", OTHER)]
    assert found.keys is None
    first = review(_waiting_list(desk).to_bytes(), ann.key, None, desk.clock.now)
    assert len(first.changes) == 2
    assert first.keys == found.hot_list.next_keys
