"""Receipts: what became of the reads, in coarse steps, signed by the device and chained (promise 5, R22).

A receipt is one line of canonical JSON: a body and the device's signature over it. Each names the SHA-256 of
the line before; `protocol.receipt_chain` checks a whole chain.

Pure functions, and no vision package: the department's service imports this module too.
"""

import base64
import hashlib
import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from hitonly_core.canonical import canonical
from hitonly_core.clock import NS
from hitonly_core.keys import SigningKey, VerifyKey
from protocol.counts import Counts

FORMAT: Final = "hitonly/receipt/v2"
STEP_NS: Final = 3600 * NS
"""The shortest step: receipts end at whole steps of a run."""
DAY_NS: Final = 24 * 3600 * NS
"""After this long a receipt is written however few reads it covers."""
AT_LEAST: Final = 20
"""The fewest reads without a hit that a receipt covers before a day has passed."""
MAX_LINE: Final = 8192
FIRST: Final = "0" * 64
"""What the first receipt of all names as the line before."""
_MOST: Final = 2**32
"""No run has more reads."""
_LARGEST: Final = 2**63 - 1
"""Of any number: what databases keep as a whole one."""

_RUN_OTHER: Final = frozenset({"window_ns", "late_ns", "step_ns", "at_least", "models", "refused"})
"""Members of a run that are no text."""


class Reason(StrEnum):
    """Why a receipt was written."""

    START = "start"
    STEP = "step"
    """A step has ended, and the receipt covers enough reads or a day. Only this kind tells new counts."""
    STOP = "stop"
    RETENTION = "retention"
    """The window was closed: a purge was late, or the watchdog was gone."""


@dataclass(frozen=True, slots=True)
class Run:
    """What does not change from start to stop.

    Attributes:
        device: the device's id in the department's register.
        run: random, one a start.
        boot: the kernel's id of this boot.
        window_ns: the retention window.
        late_ns: the bound on a purge's lateness.
        step_ns: length of a step.
        at_least: how many reads without a hit a receipt covers, unless a day has passed.
        software: name and version.
        software_digest: SHA-256 over the installed modules.
        models: SHA-256 of the detector and the reader, and of the region model where one is.
        refused: names of the protective measures that the platform did not grant.
    """

    device: str
    run: str
    boot: str
    window_ns: int
    late_ns: int
    step_ns: int
    at_least: int
    software: str
    software_digest: str
    models: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt.

    Attributes:
        run: what holds for the whole run.
        sequence: counts from 0 on the device, across runs.
        previous: SHA-256 of the line before, hexadecimal.
        reason: why it was written.
        utc: when, by the wall clock, in whole seconds.
        boot_ns: when, by the boot-time clock, in whole seconds. Of a step: when it ended.
        counts: what became of the reads of the steps published so far; at the end of a run, as before.
        kept: whether no read has outlived the window in this run.
        clock_kept: whether the wall clock has gone with boot time, within a second, since the last receipt of
            this run.
        list_version: of the hot list in use; 0 for none.
        lost: hits of this run that no disk took until the box ended; 0 while it runs.
    """

    run: Run
    sequence: int
    previous: str
    reason: Reason
    utc: datetime
    boot_ns: int
    counts: Counts
    kept: bool
    clock_kept: bool
    list_version: int
    lost: int = 0


class Kind(StrEnum):
    """What a finding is about; the comments name the step."""

    MALFORMED = "malformed"  # 1
    SIGNATURE = "signature"  # 2
    GAP = "gap"  # 3
    BREAK = "break"  # 4
    SUM = "sum"  # 5
    RETENTION = "retention"  # 6
    BACKWARDS = "backwards"  # 7
    FINE = "too fine"  # 8
    UNFINISHED = "unfinished"  # 9
    SILENCE = "silence"  # 9
    CLOCK = "clock"  # 9
    LOST = "lost hits"  # 9
    CUT_OFF = "cut off"  # 10

    @property
    def is_fault(self) -> bool:
        """Whether the chain or the promise is broken, rather than something to be noticed."""
        return self not in {Kind.UNFINISHED, Kind.SILENCE, Kind.CLOCK, Kind.LOST}


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last receipt that somebody else knows of: its number and the SHA-256 of its line."""

    sequence: int
    digest: str


def digest(line: bytes) -> str:
    """Return what the next receipt calls this line."""
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


def to_line(receipt: Receipt, key: SigningKey) -> bytes:
    """Return a receipt's signed line, newline included."""
    body = _body(receipt)
    signature = base64.b64encode(key.sign(canonical(body))).decode()
    return canonical({"body": body, "signature": signature}) + b"\n"


def from_line(line: bytes, key: VerifyKey) -> Receipt:
    """Read one line; steps 1 and 2.

    Raises:
        ReceiptError: it is no receipt, or not this device's.
    """
    try:
        receipt, body, signature = _parse(line.rstrip(b"\n"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ReceiptError(Kind.MALFORMED, "no receipt in its canonical form") from None
    if not key.verifies(signature, body):
        raise ReceiptError(Kind.SIGNATURE, "altered, or signed by another key")
    return receipt


class ReceiptError(Exception):
    """A line is no receipt of this device; `kind` says how."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _parse(text: bytes) -> tuple[Receipt, bytes, bytes]:
    """Return the receipt, the bytes that were signed, and the signature.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, RecursionError: it is no canonical receipt.
    """
    if len(text) > MAX_LINE:
        raise ValueError
    outer = json.loads(text)
    receipt = _receipt(outer["body"])
    body = _body(receipt)
    if canonical({"body": body, "signature": outer["signature"]}) != text:
        raise ValueError
    return receipt, canonical(body), base64.b64decode(outer["signature"], validate=True)


def _body(receipt: Receipt) -> dict[str, Any]:
    run = asdict(receipt.run)
    run["models"], run["refused"] = list(receipt.run.models), list(receipt.run.refused)
    return {
        "format": FORMAT,
        "run": run,
        "sequence": receipt.sequence,
        "previous": receipt.previous,
        "reason": receipt.reason.value,
        "utc": receipt.utc.astimezone(UTC).isoformat(timespec="seconds"),
        "boot_ns": receipt.boot_ns,
        "counts": asdict(receipt.counts),
        "kept": receipt.kept,
        "clock_kept": receipt.clock_kept,
        "list_version": receipt.list_version,
        "lost": receipt.lost,
    }


def _receipt(body: dict[str, Any]) -> Receipt:
    """Read a body; the caller compares what comes of it with the text, so unknown members are found."""
    run, counts = body["run"], body["counts"]
    names = [field.name for field in fields(Counts)]
    return Receipt(
        run=Run(
            **{field.name: run[field.name] for field in fields(Run) if field.name not in _RUN_OTHER},
            window_ns=_number(run["window_ns"]),
            late_ns=_number(run["late_ns"]),
            step_ns=_number(run["step_ns"]),
            at_least=_number(run["at_least"]),
            models=tuple(str(model) for model in run["models"]),
            refused=tuple(str(name) for name in run["refused"]),
        ),
        sequence=_number(body["sequence"]),
        previous=str(body["previous"]),
        reason=Reason(body["reason"]),
        utc=datetime.fromisoformat(body["utc"]),
        boot_ns=_number(body["boot_ns"]),
        counts=Counts(*(_number(counts[name], _MOST) for name in names)),
        kept=_yes_or_no(body["kept"]),
        clock_kept=_yes_or_no(body["clock_kept"]),
        list_version=_number(body["list_version"]),
        lost=_number(body["lost"]),
    )


def _number(value: object, most: int = _LARGEST) -> int:
    if type(value) is not int or value > most:
        raise TypeError
    return value


def _yes_or_no(value: object) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value
