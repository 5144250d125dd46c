"""Each rule of the differential trial covers what it says and no more: a plate hidden in its field is a fault."""

import base64
import hashlib
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from benchmarks.differential.differential_compare import compare, faults, told
from benchmarks.differential.outflow import Call, FileLeft, Outflow
from benchmarks.differential.outflow_rules import Keys, Rules
from hitonly_core.canonical import canonical
from hitonly_core.keys import SealKey, SigningKey
from protocol.hit import Envelope
from protocol.signed_requests import Request, sign_request

KEYS = Keys(SigningKey.generate(), SealKey.generate())
NOW = time.time()
BOOT_NS = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
RANDOM = bytes(range(100, 116))
HIT = str(UUID(bytes=RANDOM, version=4))
SECRET = hashlib.sha256(b"salt" + b"ZK15SXA").digest()


def run(
    *calls: Call,
    drawn: tuple[bytes, ...] = (RANDOM, RANDOM[:8]),
    left: dict[str, FileLeft] | None = None,
    received: bytes = b"",
) -> Outflow:
    """Return a run of a few seconds around now."""
    return Outflow(
        list(calls), set(), list(drawn), bytearray(received), left or {}, started=NOW - 5, ended=NOW + 5
    )


def receipt(key: SigningKey = KEYS.device, previous: str = "0" * 64, **body: object) -> bytes:
    """Return a receipt's line of the members that rules know of, and some counts."""
    inside = {
        "run": {"run": RANDOM[:8].hex(), "device": "box"},
        "counts": {"reads": 3},
        "previous": previous,
        "utc": datetime.fromtimestamp(NOW, UTC).isoformat(timespec="milliseconds"),
        "boot_ns": BOOT_NS,
        **body,
    }
    signature = base64.b64encode(key.sign(canonical(inside))).decode()
    return canonical({"body": inside, "signature": signature})


def faults_of(line: bytes) -> list[str]:
    """Return what the rules find wrong with one receipt."""
    rules = Rules(KEYS, run())
    rules.receipts(line)
    return rules.faults


def test_a_true_receipt_has_no_fault_and_its_counts_are_compared() -> None:
    """Run id, clocks, chain and signature are replaced; a count stays."""
    rules = Rules(KEYS, run())
    first = receipt()
    text = rules.receipts(first + b"\n" + receipt(previous=hashlib.sha256(first).hexdigest()))
    assert rules.faults == []
    assert '"reads": 3' in text
    assert str(BOOT_NS) not in text


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (receipt(run={"run": SECRET[:8].hex(), "device": "box"}), "run id"),
        (receipt(utc=datetime.fromtimestamp(NOW - 60, UTC).isoformat(timespec="milliseconds")), "wall clock"),
        (receipt(utc=datetime.fromtimestamp(NOW, UTC).isoformat(timespec="microseconds")), "wall clock"),
        (receipt(boot_ns=BOOT_NS + 60 * 10**9), "boot clock"),
        (receipt(key=SigningKey.generate()), "signature"),
        (receipt() + b"\n" + receipt(previous=SECRET.hex()), "chain"),
    ],
)
def test_a_plate_in_a_receipts_field_is_a_fault_of_its_rule(line: bytes, rule: str) -> None:
    """A hash for a run id, another time, another signature, another digest of the line before."""
    assert any(fault.startswith(rule) for fault in faults_of(line)), faults_of(line)


def test_what_no_rule_covers_stays_as_it_is() -> None:
    """Another member, a space, a byte behind a receipt or an event are compared as they stand."""
    rules = Rules(KEYS, run())
    for line in (receipt() + b" ", b"ZK15", b'{"body": {}}', b"\xff\x00"):
        assert repr(line) in rules.receipts(line)
    assert "ZK15" in rules.receipts(receipt(extra="ZK15"))
    out = Call("edge 0", "write", "/box/out.txt")
    for text in (
        "ZK15",
        '{"event": "hit"}  ',
        '{"event":"note","text":"ZK15"}',
        '{"event": "note", "text": "ZK15"}',
    ):
        assert rules.content(replace(out, data=text.encode())) == text


def event(**members: object) -> bytes:
    """Return a hit's event line."""
    body = {
        "event": "hit",
        "hit": HIT,
        "captured": datetime.fromtimestamp(NOW, UTC).isoformat(timespec="seconds"),
    }
    return json.dumps({**body, **members}, sort_keys=True).encode()


def test_an_id_must_be_the_kernels_random_bytes_and_never_come_twice() -> None:
    """A hash in the form of a random UUID is a fault in one run already, and comes twice with the same plates."""
    hidden = str(UUID(bytes=SECRET[:16], version=4))
    true, false = (Call("edge 0", "write", "/box/out.txt", "", event(hit=text)) for text in (HIT, hidden))
    assert told(run(true), KEYS).rules.faults == []
    assert "hit id: not the kernel's random bytes" in told(run(false), KEYS).rules.faults
    twice = [told(run(true), KEYS), told(run(true), KEYS)]
    assert [str(each) for each in faults(twice)] == ["rule: hit id: came twice"]


def test_an_id_of_another_version_is_no_id() -> None:
    """Only version 4 is replaced: a time-based UUID, or one of a hash (version 5), stays as it stands."""
    rules = Rules(KEYS, run())
    for version in (1, 3, 5):
        text = str(UUID(bytes=SECRET[:16], version=version))
        assert text in rules.path(f"/box/spool/{text}.hit")


def test_a_hash_in_a_temporary_name_is_a_fault() -> None:
    """Sixteen hexadecimal digits that the kernel did not draw; other digits are not replaced at all."""
    rules = Rules(KEYS, run())
    assert rules.path(f"/box/state/.x.{RANDOM[:8].hex()}.part") == "/box/state/.x.<temporary>.part"
    assert rules.faults == []
    rules.path(f"/box/state/.x.{SECRET[:8].hex()}.part")
    assert rules.faults == ["temporary name: not the kernel's random bytes"]
    for name in (f"/box/state/{SECRET[:8].hex()}", f"/box/state/.x.{SECRET[:7].hex()}.part"):
        assert rules.path(name) == name


def test_a_hits_time_outside_the_run_is_a_fault() -> None:
    """A time can carry no more than where in the run the hit was."""
    late = datetime.fromtimestamp(NOW + 600, UTC).isoformat(timespec="seconds")
    call = Call("edge 0", "write", "/box/out.txt", "", event(captured=late))
    assert told(run(call), KEYS).rules.faults == ["wall clock: a time outside the run"]


def test_a_file_changed_outside_the_run_is_a_fault() -> None:
    """A time that was set on a file, to say something, is none of the run's."""
    for changed, wrong in ((NOW, False), (NOW - 1000, True), (NOW + 1000, True)):
        left = {"state/lock": FileLeft(0, 0o100600, changed, b"")}
        assert bool(told(run(left=left), KEYS).rules.faults) is wrong


def sent(
    body: bytes, *, nonce: bytes = RANDOM[:24] * 2, created: float = NOW, signer: SigningKey = KEYS.device
) -> Outflow:
    """Return a run that sent one signed request."""
    nonce = nonce[:24]
    headers = sign_request(
        Request("POST", "127.0.0.1", "/v1/heartbeat", "", body),
        key=signer, key_id="box", created=int(created), nonce=base64.urlsafe_b64encode(nonce).decode(),
    )  # fmt: skip
    head = "POST /v1/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "\r\n".join(
        f"{name}: {value}" for name, value in headers.items()
    )
    data = head.encode() + b"\r\n\r\n" + body
    return run(
        Call("edge 5", "sendto", "TCP 127.0.0.1:80", "", data), drawn=((RANDOM[:24] * 2)[:24], RANDOM[:8])
    )


BEAT = json.dumps({"cameras": {}, "receipts": []}).encode()


def test_two_true_requests_are_equal_and_a_member_more_is_not() -> None:
    """Nonce, time, digest and signature are replaced; the body and the other headers are compared."""
    one, other = (told(sent(BEAT, created=at), KEYS) for at in (NOW, NOW + 1))
    assert (one.rules.faults, other.rules.faults) == ([], [])
    assert compare(one, other) == []
    assert compare(one, told(sent(json.dumps({"cameras": {"ZK15": 1}, "receipts": []}).encode()), KEYS))


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (sent(BEAT, nonce=SECRET), "nonce"),
        (sent(BEAT, created=NOW - 600), "wall clock"),
        (sent(BEAT, signer=SigningKey.generate()), "signature"),
    ],
    ids=["nonce", "time", "signature"],
)
def test_a_plate_in_a_requests_random_fields_is_a_fault(request_: Outflow, rule: str) -> None:
    """A nonce that is a hash, a time outside the run, a signature that is not the device's only one."""
    assert any(fault.startswith(rule) for fault in told(request_, KEYS).rules.faults)


def test_a_sealed_hit_must_open_and_hold_nothing_beside() -> None:
    """An envelope sealed to somebody else is a fault; so what cannot be read cannot be passed over."""
    sealed = SealKey.generate().public.seal(b"ZK15", info=b"x")
    unsigned = Envelope(UUID(HIT), "box", sealed, b"")
    envelope = Envelope(UUID(HIT), "box", sealed, KEYS.device.sign(unsigned.signed_bytes()))
    rules = Rules(KEYS, run())
    rules.envelope(envelope.to_bytes())
    assert rules.faults == ["ciphertext: an envelope does not open"]


def test_a_kept_list_must_be_what_the_department_sent() -> None:
    """A byte in a stored list or checkpoint that did not come in is a fault."""
    mark = json.dumps({"digest": "ab" * 32, "seq": 7}, sort_keys=True).encode() + b"\n"
    call = Call("edge 5", "write", f"/box/state/.checkpoint.json.{RANDOM[:8].hex()}.part", "", mark)
    for came, wrong in ((b'{"seq":7,"digest":"' + b"ab" * 32 + b'"}', False), (b'{"seq":8}', True)):
        assert bool(told(run(call, received=came), KEYS).rules.faults) is wrong


def test_counts_are_replaced_in_a_clips_own_summary_only() -> None:
    """Without the word that it is a clip's, or under another name, every count stays."""

    def summary(**members: object) -> str:
        body = {
            "event": "summary",
            "counts": {"worst_late_ns": 5, "reads": 3},
            "cameras": {"n": {"readings": 9}},
        }
        call = Call(
            "edge 0", "write", "/box/out.txt", "", json.dumps({**body, **members}, sort_keys=True).encode()
        )
        return Rules(KEYS, run()).content(call)

    assert '"readings": 9' not in summary(live=False)
    assert '"reads": 3' in summary(live=False)
    for members in ({}, {"live": True}):
        assert '"readings": 9' in summary(**members)
    assert '"spied": 9' in summary(live=False, cameras={"n": {"spied": 9}})
