import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from api.core.errors import InvalidError
from api.db.models import DeviceRow, HitRow, SeenRow
from api.devices import registry
from api.hits.jpeg_validation import check_crop
from hitonly_core.keys import SigningKey
from protocol.hit import Hit
from tests.api_kit import PLATE, Box, Desk, crop_jpeg, make_entry, make_hit, registration


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department."""
    desk = Desk(tmp_path / "state")
    yield desk
    desk.service.close()


@pytest.fixture
def box(desk: Desk) -> Box:
    """Return an enrolled camera box."""
    return desk.box()


def big_jpeg(width: int, height: int) -> bytes:
    """Return a JPEG of one colour, which is small however large the picture is."""
    out = io.BytesIO()
    Image.new("L", (width, height)).save(out, "JPEG", quality=1)
    return out.getvalue()


def with_metadata() -> bytes:
    """Return a crop that carries EXIF."""
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "a whole scene could hide here"
    Image.new("RGB", (200, 64)).save(out, "JPEG", exif=exif)
    return out.getvalue()


BAD_CROPS = {
    "too wide": big_jpeg(257, 64),
    "a bomb": big_jpeg(16_000, 16_000)[:60_000],
    "cut off": crop_jpeg()[:-400],
    "something behind": crop_jpeg() + b"PK\x03\x04 more",
    "metadata": with_metadata(),
    "only a start": b"\xff\xd8\xff" + b"x" * 100,
}


@pytest.mark.parametrize("crop", BAD_CROPS.values(), ids=BAD_CROPS.keys())
def test_a_crop_that_is_no_plate_sized_jpeg_is_refused_alone(desk: Desk, box: Box, crop: bytes) -> None:
    """A good hit in the same batch is stored; the bad one leaves an audit line and nothing else."""
    bad, good = box.sealed(replace(make_hit(), crop_jpeg=crop)), box.sealed(make_hit())
    results = box.deliver(bad, good).json()["results"]
    assert [result["status"] for result in results] == ["refused", "stored"]
    assert results[0]["problem"]["type"] == "urn:hitonly:problem:invalid"
    assert (desk.count(HitRow), desk.count(SeenRow)) == (1, 1)
    assert desk.acts().count("hit.refuse") == 1


def test_a_real_crop_is_taken_up_to_its_largest_size() -> None:
    """The control: what the edge sends passes."""
    check_crop(crop_jpeg())
    check_crop(crop_jpeg(size=(256, 96)))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(crop_jpeg()) - 1), st.integers(0, 255))
def test_a_crop_altered_anywhere_is_taken_or_refused_but_never_fails(place: int, value: int) -> None:
    """The decoder's own errors never come through."""
    content = bytearray(crop_jpeg())
    content[place] = value
    try:
        check_crop(bytes(content))
    except InvalidError:
        assert bytes(content) != crop_jpeg()


def alter_match(hit: Hit, **changes: Any) -> Hit:  # noqa: ANN401 - any field
    """Return the hit with its entry changed."""
    match = hit.matches[0]
    return replace(hit, matches=(replace(match, entry=replace(match.entry, **changes)),))


BAD_HITS: dict[str, Callable[[Hit], Hit]] = {
    "a plate in Cyrillic": lambda hit: alter_match(hit, plate="ZQ57\u041a\u0420\u0425"),
    "a reading not in its one spelling": lambda hit: replace(hit, plate_read="zq57 kpx"),
    "captured tomorrow": lambda hit: replace(hit, captured=hit.captured + timedelta(days=1)),
    "another device's": lambda hit: replace(hit, device="camera-2"),
    "a camera's name with a line break": lambda hit: replace(hit, camera="north\ngate"),
    "a source of a thousand characters": lambda hit: alter_match(hit, source="x" * 1000),
}


@pytest.mark.parametrize("alter", BAD_HITS.values(), ids=BAD_HITS.keys())
def test_a_hit_that_says_what_it_must_not_is_refused_without_naming_the_plate(
    desk: Desk, box: Box, alter: Callable[[Hit], Hit]
) -> None:
    """Every field is checked after opening; the answer and the log never hold plate text."""
    answer = box.deliver(box.sealed(alter(make_hit())))
    assert answer.json()["results"][0]["status"] == "refused"
    assert PLATE not in answer.text
    assert desk.count(HitRow) == 0
    assert desk.acts()[-1] == "hit.refuse"


def test_a_request_for_one_host_is_none_for_another(desk: Desk, box: Box) -> None:
    """The host that a unit meant is signed: what was sent to it is of no use under a name it did not call."""
    for host, status in (("localhost", 401), ("testserver:8443", 401), ("TestServer", 200)):
        body = json.dumps({"envelopes": [box.sealed(make_hit()).decode()]}).encode()
        headers = {**box.headers("POST", "/v1/hits", body), "Host": host}
        assert box.client.post("/v1/hits", content=body, headers=headers).status_code == status, host
    assert "localhost" in desk.settings.hosts, "the control: the service goes by that name too"


def test_an_unknown_or_revoked_device_and_a_replay_are_refused(desk: Desk, box: Box) -> None:
    """Whoever is not an enrolled device, now and once, delivers nothing."""
    envelope = box.sealed(make_hit())
    body = json.dumps({"envelopes": [envelope.decode()]}).encode()
    headers = box.headers("POST", "/v1/hits", body)
    assert box.client.post("/v1/hits", content=body, headers=headers).status_code == 200
    replay = box.client.post("/v1/hits", content=body, headers=headers)
    assert (replay.status_code, replay.headers["content-type"]) == (401, "application/problem+json")
    stranger = Box(box.client, desk.clock)
    assert stranger.send("POST", "/v1/hits", body).status_code == 401
    headers = box.headers("POST", "/v1/hits", body)
    assert box.client.post("/v1/hits", content=body + b" ", headers=headers).status_code == 401
    assert box.client.post("/v1/hits", content=body).status_code == 401
    registry.revoke(desk.service, box.id, "person:admin", "stolen")
    revoked = box.deliver(envelope)
    assert revoked.status_code == 401
    assert revoked.json()["type"].endswith(":revoked"), "for good: the box need not try again"
    assert stranger.send("POST", "/v1/hits", body).json()["type"].endswith(":device")
    assert desk.count(HitRow) == 1
    assert desk.acts().count("device.refuse") == 6


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (61, 401), (-59, 200), (-61, 401)])
def test_a_request_is_good_for_a_minute(desk: Desk, box: Box, seconds: int, status: int) -> None:
    """Older or newer than that, the device's clock or the request is not right."""
    body = json.dumps({"envelopes": [box.sealed(make_hit()).decode()]}).encode()
    headers = box.headers("POST", "/v1/hits", body)
    desk.clock.move(seconds=seconds)
    assert box.client.post("/v1/hits", content=body, headers=headers).status_code == status


def test_a_code_enrols_one_device_once_within_a_day(desk: Desk) -> None:
    """A used, a wrong and an old code enrol nobody."""
    code = registry.register(desk.service, registration("gate-2"), "person:admin")
    late = registry.register(desk.service, registration("gate-3"), "person:admin")
    client = desk.client()
    assert Box(client, desk.clock).enrol("WRONGX-WRONGX-WRONGX-WRONGX").status_code == 401
    assert Box(client, desk.clock).enrol(code).status_code == 200
    assert Box(client, desk.clock).enrol(code).status_code == 401
    desk.clock.move(days=1)
    assert Box(client, desk.clock).enrol(late).status_code == 401
    assert desk.count(DeviceRow) == 1


def test_a_device_proves_that_it_has_the_key_it_sends(desk: Desk) -> None:
    """Nobody enrols another's public key."""
    code = registry.register(desk.service, registration("gate-2"), "person:admin")
    box = Box(desk.client(), desk.clock)
    others = SigningKey.generate()
    body = {"code": code, "verify_key": others.public.to_text(), "seal_key": box.seal.public.to_text()}
    answer = box.send("POST", "/v1/devices/enrol", json.dumps(body).encode(), key_id="enrolling")
    assert answer.status_code == 401
    assert desk.count(DeviceRow) == 0


def test_a_body_too_large_is_refused_before_it_is_read_and_recorded(desk: Desk) -> None:
    """Fifty megabytes: 413, an audit line, nothing else."""
    answer = desk.client().post("/v1/hits", content=b"x" * 50_000_000)
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:hitonly:problem:too-large"
    assert desk.acts() == ["request.refuse"]


def test_a_batch_holds_so_many_and_no_more(desk: Desk, box: Box) -> None:
    """Thirty-three envelopes are refused as a whole, before any is opened."""
    envelope = box.sealed(make_hit())
    assert box.deliver(*[envelope] * 33).status_code == 413
    assert desk.count(HitRow) == 0
    assert [one["status"] for one in box.deliver(*[envelope] * 32).json()["results"]] == [
        "stored",
        *["known"] * 31,
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(
        st.binary(max_size=300),
        st.recursive(st.none() | st.text(max_size=9), st.lists).map(
            lambda value: json.dumps({"envelopes": value}).encode()
        ),
    )
)
def test_whatever_a_device_sends_is_answered_with_a_problem(desk: Desk, box: Box, body: bytes) -> None:
    """No body makes the service fail: refused as a whole, or each envelope by itself."""
    answer = box.send("POST", "/v1/hits", body)
    assert answer.status_code in {200, 413, 422}
    if answer.status_code == 200:
        assert all(result["status"] == "refused" for result in answer.json()["results"])
    assert desk.count(HitRow) == 0


@pytest.mark.parametrize("plate", ["ZQ57\u041a\u0420\u0425", "Z", "<script>", "A" * 300, "ZQ57KPX\x00"])
def test_a_typed_reading_that_is_no_plate_changes_nothing(desk: Desk, box: Box, plate: str) -> None:
    """Told what is wrong with it, the reviewer types again; the blind reading is not used up."""
    hit = make_hit()
    desk.approve(make_entry())
    box.deliver(box.sealed(hit))
    browser = desk.sign_in("dora")
    browser.post(f"/hits/{hit.id}/open", data={"purpose": "review-alert", "case_number": "1"})
    answer = browser.post(f"/hits/{hit.id}/reading", data={"plate": plate, "sure": "yes"})
    assert answer.status_code == 422
    assert "<script>" not in answer.text
    assert browser.post(f"/hits/{hit.id}/reading", data={"plate": PLATE, "sure": "yes"}).status_code == 303
