"""The JSON messages between a camera unit and its department: each is one model, which both ends use.

The sender builds the model and the receiver validates it, so a limit stands once. What a unit sends is closed
(an unknown field is refused); what the department answers is open, so that a newer department may say more to an
older unit. docs/protocol.md describes the whole exchange.
"""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from protocol.hit import MAX_ENVELOPE
from protocol.receipts import MAX_LINE

ENROL_PATH: Final = "/v1/devices/enrol"
HITS_PATH: Final = "/v1/hits"
HEARTBEAT_PATH: Final = "/v1/heartbeat"
HOT_LIST_PATH: Final = "/v1/hotlist"
ENROLLING: Final = "enrolling"
"""The key id of the one request that a unit signs before it has an id."""

MAX_WORD: Final = 80
MAX_RECEIPTS: Final = 256
"""Most receipts of one heartbeat: ten days of them, or more."""
MAX_DEGRADED: Final = 32

Word = Annotated[str, StringConstraints(min_length=1, max_length=MAX_WORD, pattern=r"^[^\x00-\x1f]*$")]
"""A few words on one line."""


def word(text: str) -> str:
    """Return a text as a `Word`: control characters become spaces, and what is too long is cut."""
    printable = "".join(max(letter, " ") for letter in text)
    return printable[:MAX_WORD] or "-"


class EnrolmentRequest(BaseModel):
    """A unit's public keys, as their files' text, and the code that a person made for it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: Annotated[str, Field(min_length=10, max_length=60, examples=["ABCDEF-GHIJKL-MNOPQR-STUVWX"])]
    verify_key: Annotated[str, Field(max_length=4096)]
    seal_key: Annotated[str, Field(max_length=4096)]


class Enrolment(BaseModel):
    """What a unit gets: its id, and what it trusts from now on, as the text of the files it keeps.

    `hot_list_keys` is the key set whose signatures a hot list of `department` needs.
    """

    device: Annotated[str, Field(examples=["camera-1"])]
    agency: str
    registration: dict[str, str]
    department_seal_key: str
    service_verify_key: str
    certificate_authority: str
    department: str
    hot_list_keys: str


class HitBatch(BaseModel):
    """Sealed envelopes, each as the text that lies on the unit's spool."""

    model_config = ConfigDict(extra="forbid", strict=True)

    envelopes: Annotated[list[Annotated[str, Field(max_length=MAX_ENVELOPE)]], Field(min_length=1)]


class HitResult(BaseModel):
    """What became of one envelope: an acknowledgement to verify, or a problem document."""

    status: Annotated[str, Field(examples=["stored", "known", "refused"])]
    ack: dict[str, str] | None = None
    problem: dict[str, str | int] | None = None


class HitResults(BaseModel):
    """One result for each envelope, in their order."""

    results: list[HitResult]


class Heartbeat(BaseModel):
    """What a unit says of itself; no count of reads is among it (R22).

    `receipts` begins with the one that the last answer named, if it named one; `audit_end` is the newest end of
    the department's audit log that the unit holds. `boot` is the kernel's random name of this boot and `boot_ms`
    the time since it, in milliseconds: from both the department learns the true time of hits that were made before
    the clock was set.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    software: Word
    models: Annotated[list[Word], Field(max_length=8)] = []
    list_version: Annotated[int, Field(ge=0)] = 0
    cameras: Annotated[dict[Word, Word], Field(max_length=64)] = {}
    degraded: Annotated[list[Word], Field(max_length=MAX_DEGRADED)] = []
    boot: Annotated[str, StringConstraints(pattern=r"^([0-9a-f-]{36})?$")] = ""
    boot_ms: Annotated[int, Field(ge=0, lt=2**40)] = 0
    receipts: Annotated[
        list[Annotated[str, StringConstraints(max_length=MAX_LINE)]], Field(max_length=MAX_RECEIPTS)
    ] = []
    audit_end: dict[str, Any] | None = None


class HeldReceipt(BaseModel):
    """The newest receipt that the department holds of a unit."""

    sequence: Annotated[int, Field(ge=0)]
    digest: str


class HeartbeatAnswer(BaseModel):
    """The last receipt that the department holds now, the newest list's ETag, and the audit log's end.

    `consistency` proves that the end continues the one that the unit holds (RFC 9162), hexadecimal.
    """

    receipt: HeldReceipt | None
    hot_list: str | None
    checkpoint: dict[str, int | str] | None
    consistency: list[str] = []
