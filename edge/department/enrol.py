"""Enrolment: a one-time code makes this box known to its department, and the department to this box.

1. The box makes its keys where it has none; the private halves never leave it.
2. It sends the code and the public halves, signed by the key that it sends.
3. It gets its id and the department's public keys, and writes them beside its own.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from edge.department.link import Link
from edge.errors import LinkError
from hitonly_core.errors import HitonlyError, KeyFileError
from hitonly_core.files import write_durably
from hitonly_core.keys import SealKey, SealPublic, SigningKey, VerifyKey
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.store import HotListStore
from protocol.messages import ENROL_PATH, ENROLLING, Enrolment, EnrolmentRequest

KEYS: Final = "keys"
TRUST: Final = "trust"
SIGNING: Final = "signing.key"
SEALING: Final = "sealing.key"
DEPARTMENT: Final = "department.pub"
SERVICE: Final = "service.pub"
AUTHORITY: Final = "ca.pem"
RECORD: Final = "enrolment.json"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the department calls this box, what it registered it under, and the address of its service."""

    device: str
    agency: str
    registration: Mapping[str, str]
    url: str


def enrol(url: str, code: str, folder: Path, authority: Path | None) -> Enrolled:
    """Enrol this box; its keys and the department's stand in `folder`/keys afterwards, trust in `folder`/trust.

    Args:
        url: the service's address.
        code: the one-time code that an administrator made for this box.
        folder: the box's folder; made where it is absent.
        authority: file of the department's certificate authority; None for plain loopback.

    Raises:
        LinkError: unreachable, or the code is not accepted.
        KeyFileError: a key cannot be read or written; a department's key is there already.
        StoreError: the trust folder trusts somebody already.
    """
    keys = folder / KEYS
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (keys / DEPARTMENT).exists():
        hint = "Move the folder away to enrol with another department."
        raise KeyFileError(f"{keys / DEPARTMENT} is already there: this box is enrolled", hint=hint)
    signing, sealing = make_keys(keys)
    link = Link(url, ENROLLING, signing, authority)
    try:
        asked = _request(code, signing, sealing)
        given = link.json("POST", ENROL_PATH, asked.model_dump_json().encode())
    finally:
        link.close()
    return _take(given, link.url, folder, sealing, authority)


def _request(code: str, signing: SigningKey, sealing: SealKey) -> EnrolmentRequest:
    """Return the message that asks to be enrolled.

    Raises:
        LinkError: a code of such a length was made by no department.
    """
    try:
        return EnrolmentRequest(
            code=code, verify_key=signing.public.to_text(), seal_key=sealing.public.to_text()
        )
    except ValidationError:
        hint = "Copy it whole from the page that made it, or ask for a new one."
        raise LinkError("this is not an enrolment code: it has the wrong length", hint=hint) from None


def make_keys(keys: Path) -> tuple[SigningKey, SealKey]:
    """Return the box's keys, made where they are absent.

    Raises:
        KeyFileError: one of them cannot be used.
    """
    if not (keys / SIGNING).exists():
        signing = SigningKey.generate()
        signing.save(keys / SIGNING)
        signing.public.save(keys / "signing.pub")
    if not (keys / SEALING).exists():
        sealing = SealKey.generate()
        sealing.save(keys / SEALING)
        sealing.public.save(keys / "sealing.pub")
    return SigningKey.load(keys / SIGNING), SealKey.load(keys / SEALING)


def enrolled_before(folder: Path) -> Enrolled | None:
    """Return what this box is enrolled as; None where it is not.

    Raises:
        KeyFileError: what was kept of the enrolment is damaged.
    """
    if not (folder / KEYS / DEPARTMENT).exists():
        return None
    path = folder / RECORD
    try:
        kept = json.loads(path.read_bytes())
        return Enrolled(kept["device"], kept["agency"], kept["registration"], kept["url"])
    except (OSError, ValueError, KeyError, TypeError):
        hint = "Move the folder away to enrol anew."
        raise KeyFileError(f"{path}, what this box is enrolled as, cannot be read", hint=hint) from None


def _take(
    given: Any,  # noqa: ANN401 - any JSON
    url: str,
    folder: Path,
    sealing: SealKey,
    used: Path | None,
) -> Enrolled:
    """Check the department's answer, then write its keys; the last file written is the one that marks it done."""
    try:
        answer = Enrolment.model_validate(given)
        department = SealPublic.from_text(answer.department_seal_key)
        service = VerifyKey.from_text(answer.service_verify_key)
        people = KeySet.from_bytes(answer.hot_list_keys.encode())
    except (ValidationError, HitonlyError):
        raise LinkError("the department's answer is not an enrolment") from None
    authority = used.read_text() if used else answer.certificate_authority
    enrolled = Enrolled(answer.device, answer.agency, answer.registration, url)
    keys = folder / KEYS
    HotListStore(folder / TRUST, sealing).begin(answer.department, people)
    write_durably(keys / SERVICE, service.to_text().encode(), mode=0o644)
    if authority:
        write_durably(keys / AUTHORITY, authority.encode(), mode=0o644)
    write_durably(folder / RECORD, json.dumps(asdict(enrolled)).encode())
    department.save(keys / DEPARTMENT)
    return enrolled
