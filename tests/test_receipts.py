import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.department import ledger as ledger_module
from edge.department.ledger import NAME, Ledger, read_lines
from edge.errors import StorageError
from edge.runtime.software import boot_id, software_digest
from hitonly_core.clock import NS
from hitonly_core.keys import SigningKey
from protocol.counts import Counts
from protocol.receipt_chain import verify
from protocol.receipts import (
    AT_LEAST,
    DAY_NS,
    FIRST,
    STEP_NS,
    Anchor,
    Kind,
    Reason,
    Receipt,
    Run,
    digest,
    from_line,
    to_line,
)
from tests.hand_clock import HandClock

KEY = SigningKey(bytes(range(32)))
RUN = Run(
    "box-1",
    "r1",
    "b1",
    180 * NS,
    NS,
    STEP_NS,
    AT_LEAST,
    "hitonly 0",
    "d" * 64,
    ("m1", "m2"),
    ("memory-locked",),
)
START = datetime(2026, 6, 1, tzinfo=UTC)


def _counts(reads: int) -> Counts:
    return Counts(reads, reads // 10, reads - reads // 10, 0)


def _write(folder: Path, hours: int, run: Run = RUN) -> HandClock:
    clock = HandClock()
    ledger = Ledger(folder, KEY, run, clock)
    ledger.write(Reason.START, _counts(0), kept=True, list_version=4)
    for hour in range(1, hours + 1):
        clock.step(timedelta(hours=1))
        ledger.write(Reason.STEP, _counts(30 * hour), kept=True, list_version=4)
    ledger.write(Reason.STOP, _counts(30 * hours), kept=True, list_version=4)
    return clock


@pytest.fixture
def chain(tmp_path: Path) -> list[bytes]:
    """Return a whole run's lines: start, five hours, stop."""
    _write(tmp_path, 5)
    return list(read_lines(tmp_path))


def test_a_whole_chain_holds(chain: list[bytes]) -> None:
    """What the edge wrote is verified without a finding, and the totals are the last counts (promise 5)."""
    verdict = verify(chain, KEY.public)
    assert verdict.holds
    assert not verdict.findings
    assert verdict.receipts == 7
    assert verdict.anchor == Anchor(6, digest(chain[-1]))
    assert verdict.totals == {"reads": 150, "hits": 15, "destroyed": 135}
    assert verdict.runs == 1


def _edit(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[3].replace(b'"reads":90', b'"reads":91'), *lines[4:]]


def _without(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], *lines[4:]]


def _swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[3], lines[2], *lines[4:]]


def _twice(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[2], *lines[3:]]


def _half(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[3][:100] + b"\n", *lines[4:]]


def _spaced(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[3].replace(b'"kept":true', b'"kept": true'), *lines[4:]]


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (_edit, Kind.SIGNATURE),
        (_without, Kind.GAP),
        (_swapped, Kind.GAP),
        (_twice, Kind.GAP),
        (_half, Kind.MALFORMED),
        (_spaced, Kind.MALFORMED),
    ],
)
def test_tampering_is_found(
    chain: list[bytes], harm: Callable[[list[bytes]], list[bytes]], kind: Kind
) -> None:
    """A line edited, removed, moved, repeated, cut or re-spaced is found, and named for what it is."""
    harmed = harm(chain)
    assert harmed != chain
    verdict = verify(harmed, KEY.public)
    assert kind in {finding.kind for finding in verdict.findings}
    assert not verdict.holds


def test_a_cut_end_is_found_by_who_remembers(chain: list[bytes]) -> None:
    """A chain that ends early is whole in itself; whoever kept the last anchor sees that it is cut off."""
    known = verify(chain, KEY.public).anchor
    shorter = chain[:-2]
    assert verify(shorter, KEY.public).holds
    assert [finding.kind for finding in verify(shorter, KEY.public, known=known).findings] == [Kind.CUT_OFF]
    assert verify(chain, KEY.public, known=known).holds
    assert verify(chain, KEY.public, known=Anchor(4, digest(chain[4]))).holds


def test_a_chain_told_anew_is_found_by_who_remembers(chain: list[bytes], tmp_path: Path) -> None:
    """The device's own key signs another story: the number is there, the line is not the one seen before."""
    other = tmp_path / "other"
    _write(other, 5, dataclasses.replace(RUN, run="r2"))
    retold = list(read_lines(other))
    assert verify(retold, KEY.public).holds
    verdict = verify(retold, KEY.public, known=Anchor(4, digest(chain[4])))
    assert [finding.kind for finding in verdict.findings] == [Kind.BREAK]


def test_another_devices_chain_is_refused(chain: list[bytes]) -> None:
    """With another key no line counts."""
    verdict = verify(chain, SigningKey.generate().public)
    assert verdict.receipts == 0
    assert {finding.kind for finding in verdict.findings} == {Kind.SIGNATURE}


def _signed(*bodies: Receipt) -> list[bytes]:
    """Chain and sign any claims, as a dishonest edge could."""
    lines: list[bytes] = []
    for sequence, body in enumerate(bodies):
        previous = digest(lines[-1]) if lines else FIRST
        lines.append(to_line(dataclasses.replace(body, sequence=sequence, previous=previous), KEY))
    return lines


def _receipt(hour: int = 0, **changes: Any) -> Receipt:  # noqa: ANN401 - fields of two classes
    given_counts = Counts(100 + 25 * hour, 10, 90 + 25 * hour, 0)
    known = {field.name for field in dataclasses.fields(Counts)}
    counts = dataclasses.replace(given_counts, **{k: v for k, v in changes.items() if k in known})
    moment = START + timedelta(hours=hour)
    base = Receipt(
        RUN, 0, FIRST, Reason.STEP, moment, hour * STEP_NS, counts, kept=True, clock_kept=True, list_version=1
    )
    return dataclasses.replace(base, **{k: v for k, v in changes.items() if k not in known})


def _later(run: str, **changes: Any) -> Receipt:  # noqa: ANN401 - as above
    other = dataclasses.replace(RUN, run=run, **changes)
    return _receipt(1, run=other, reason=Reason.START, reads=0, hits=0, destroyed=0)


@pytest.mark.parametrize(
    ("second", "kind", "is_fault"),
    [
        (_receipt(1, reads=126), Kind.SUM, True),
        (_receipt(1, destroyed=-1, live=116), Kind.SUM, True),
        (_receipt(1, destroyed=114, live=1), Kind.RETENTION, True),
        (_receipt(1, kept=False), Kind.RETENTION, True),
        (_receipt(1, reason=Reason.RETENTION, reads=100, destroyed=90), Kind.RETENTION, True),
        (_receipt(1, reads=99, destroyed=89), Kind.BACKWARDS, True),
        (_receipt(1, run=dataclasses.replace(RUN, window_ns=NS * 90)), Kind.BACKWARDS, True),
        (_receipt(1, reason=Reason.START, reads=0, hits=0, destroyed=0), Kind.BACKWARDS, True),
        (_receipt(1, run=dataclasses.replace(RUN, run="r2")), Kind.BACKWARDS, True),
        (_receipt(1, reads=119, destroyed=109), Kind.FINE, True),
        (_receipt(1, reads=129, hits=20, destroyed=109), Kind.FINE, True),
        (_receipt(1, boot_ns=STEP_NS - NS), Kind.FINE, True),
        (_receipt(1, reason=Reason.STOP), Kind.FINE, True),
        (_later("r2", step_ns=60 * NS), Kind.FINE, True),
        (_later("r2", at_least=19), Kind.FINE, True),
        (_receipt(1, run=dataclasses.replace(RUN, run="r2"), reason=Reason.START), Kind.FINE, True),
        (_later("r2"), Kind.UNFINISHED, False),
        (_receipt(27), Kind.SILENCE, False),
        (_receipt(1, utc=START + timedelta(days=1)), Kind.CLOCK, False),
        (_receipt(1, utc=START + timedelta(hours=1, seconds=2)), Kind.CLOCK, False),
        (_receipt(1, clock_kept=False), Kind.CLOCK, False),
        (_receipt(1, lost=3), Kind.LOST, False),
    ],
)
def test_a_signed_claim_that_cannot_be_is_found(second: Receipt, kind: Kind, *, is_fault: bool) -> None:
    """Sum, bounds and order are checked although the signature holds; clocks are noticed (R19)."""
    assert verify(_signed(_receipt(0), _receipt(1)), KEY.public).findings == ()
    a_day = _receipt(24, reads=101, destroyed=91)
    assert verify(_signed(_receipt(0), a_day), KEY.public).findings == (), "one read, but a day"
    verdict = verify(_signed(_receipt(0), second), KEY.public)
    assert kind in {finding.kind for finding in verdict.findings}
    assert verdict.holds is not is_fault


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.binary(max_size=300), max_size=5), st.integers(0, 6), st.integers(0, 400), st.integers(1, 255)
)
def test_no_bytes_make_verification_fail(rubbish: list[bytes], which: int, place: int, flip: int) -> None:
    """Whatever the lines hold, there is a verdict; one flipped bit anywhere in a line is a fault."""
    assert verify(rubbish, KEY.public).receipts == 0
    lines = _signed(*(_receipt(hour) for hour in range(7)))
    line = bytearray(lines[which])
    place %= len(line) - 1
    line[place] ^= flip
    lines[which] = bytes(line)
    assert not verify(lines, KEY.public).holds


def test_the_chain_goes_on_after_a_restart_and_a_torn_line(tmp_path: Path) -> None:
    """Sequence and chain continue across runs; what a power cut tore was never a receipt."""
    _write(tmp_path, 1)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"body":{"boot_ns":1')
    _write(tmp_path, 1, dataclasses.replace(RUN, run="r2", boot="b2"))
    verdict = verify(read_lines(tmp_path), KEY.public)
    assert not verdict.findings
    assert verdict.receipts == 6
    assert verdict.totals["reads"] == 60
    assert verdict.runs == 2


def test_rotation_keeps_the_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full files are set aside, the oldest dropped, and the chain is whole across those that are kept."""
    monkeypatch.setattr(ledger_module, "MAX_BYTES", 3000)
    monkeypatch.setattr(ledger_module, "KEPT", 3)
    _write(tmp_path, 30)
    assert len(list(tmp_path.glob("receipts-*.jsonl"))) == 3
    verdict = verify(read_lines(tmp_path), KEY.public)
    assert not verdict.findings
    assert verdict.first > 0
    assert verdict.anchor is not None
    assert verdict.anchor.sequence == 31
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_files_of_old_receipts_are_not_read_for_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every 20 s the box looks for its newest receipts: in a year's worth, only in the last files."""
    monkeypatch.setattr(ledger_module, "MAX_BYTES", 3000)
    _write(tmp_path, 30)
    whole = [from_line(line, KEY.public).sequence for line in read_lines(tmp_path)]
    assert whole == list(range(32))
    for since in whole:
        found = [from_line(line, KEY.public).sequence for line in read_lines(tmp_path, since=since)]
        assert found == list(range(found[0], 32))
        assert since - 4 <= found[0] <= since
    oldest = min(tmp_path.glob("receipts-*.jsonl"))
    oldest.unlink()
    oldest.mkdir()
    assert list(read_lines(tmp_path, since=31))
    with pytest.raises(StorageError):
        list(read_lines(tmp_path))


def test_more_than_a_year_of_receipts_is_kept() -> None:
    """R12: the files kept hold a year of receipts, even of a box that starts anew every two minutes."""
    names = ("files-limited", "kernel-zeroes-freed-pages", "memory-locked", "no-swap", "tcp-limited")
    run = Run("camera-name-of-some-length", "r" * 16, boot_id(), 180 * NS, NS, DAY_NS, 10**5, "hitonly 0.1.0",
              "d" * 64, ("a" * 64, "b" * 64), names)  # fmt: skip
    many = Counts(10**9, 10**6, 10**9, 512)
    receipt = Receipt(run, 10**7, "0" * 64, Reason.RETENTION, START, 10**17, many, kept=False,
                      clock_kept=False, list_version=10**6)  # fmt: skip
    a_file = ledger_module.MAX_BYTES // len(to_line(receipt, KEY))
    assert ledger_module.KEPT * a_file > 366 * 24 * 30 * 2


def test_another_keys_chain_is_not_continued(tmp_path: Path) -> None:
    """A ledger whose end is not this device's is not written on."""
    _write(tmp_path, 1)
    with pytest.raises(StorageError, match="another key"):
        Ledger(tmp_path, SigningKey.generate(), RUN, HandClock())


@pytest.mark.system("/dev/full")
def test_a_full_disk_is_an_error_and_the_chain_is_as_it_was(tmp_path: Path) -> None:
    """When the disk refuses, the error says so; the next receipt continues the chain."""
    clock = HandClock()
    ledger = Ledger(tmp_path, KEY, RUN, clock)
    ledger.write(Reason.START, _counts(0), kept=True, list_version=0)
    kept = tmp_path / "kept"
    (tmp_path / NAME).rename(kept)
    (tmp_path / NAME).symlink_to("/dev/full")
    with pytest.raises(StorageError, match="No space left"):
        ledger.write(Reason.STOP, _counts(0), kept=True, list_version=0)
    kept.rename(tmp_path / NAME)
    ledger.write(Reason.STOP, _counts(0), kept=True, list_version=0)
    assert verify(read_lines(tmp_path), KEY.public).holds


def test_a_receipt_is_timed_in_whole_seconds_and_notes_a_wall_clock_that_steps(tmp_path: Path) -> None:
    """R19: a step of more than a second is seen exactly, although only whole seconds are written."""
    clock = HandClock()
    clock.now, clock.wall = 500 * NS + 123_456_789, START + timedelta(milliseconds=123)
    ledger = Ledger(tmp_path, KEY, RUN, clock)
    begun = ledger.write(Reason.START, _counts(0), kept=True, list_version=0)
    assert begun.boot_ns == 500 * NS
    assert begun.utc == START
    kept = []
    for offset in (0, 900, 1100, -1100):
        clock.step(timedelta(hours=1))
        clock.wall += timedelta(milliseconds=offset)
        kept.append(ledger.write(Reason.STEP, _counts(0), kept=True, list_version=0).clock_kept)
    assert kept == [True, True, False, False]


def test_a_receipt_holds_counts_only(chain: list[bytes]) -> None:
    """The members are these and no others: nothing of a receipt could be about one vehicle (R3)."""
    body = json.loads(chain[3])["body"]
    assert set(body) == {
        "format", "run", "sequence", "previous", "reason", "utc", "boot_ns", "counts", "kept", "clock_kept",
        "list_version", "lost",
    }  # fmt: skip
    assert set(body["counts"]) == {"reads", "hits", "destroyed", "live"}
    assert all(type(value) is int for value in body["counts"].values())
    assert body["boot_ns"] % NS == 0
    assert "." not in body["utc"]


def test_the_software_is_named_by_its_digest() -> None:
    """The digest is a SHA-256 that stays the same; the boot id is the kernel's."""
    assert re.fullmatch(r"[0-9a-f]{64}", software_digest())
    assert software_digest() == software_digest()
    assert re.fullmatch(r"[0-9a-f-]{36}", boot_id())


def test_the_department_can_verify_without_a_vision_package() -> None:
    """Neither the chain nor the ledger loads NumPy or OpenCV: the department's service uses the chain."""
    modules = "protocol.receipt_chain, edge.department.ledger"
    code = f"import sys, {modules}; sys.exit(bool({{'numpy', 'cv2'}} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
