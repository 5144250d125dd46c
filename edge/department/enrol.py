"""Enrolment: a one-time code makes this box known to its department, and the department to this box.

1. The box makes its keys where it has none; the private halves never leave it.
2. It sends the code and the public halves, signed by the key that it sends.
3. It gets its id and the department's public keys, and writes them beside its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.department.link import ENROLLING, Link
from edge.errors import LinkError
from hitonly_core.errors import HitonlyError, KeyFileError
from hitonly_core.files import write_durably
from hitonly_core.keys import SealKey, SealPublic, SigningKey, VerifyKey
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.store import HotListStore

KEYS: Final = "keys"
TRUST: Final = "trust"
SIGNING: Final = "signing.key"
SEALING: Final = "sealing.key"
DEPARTMENT: Final = "department.pub"
SERVICE: Final = "service.pub"
AUTHORITY: Final = "ca.pem"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the department calls this box, and what it registered it under."""

    device: str
    agency: str
    registration: Mapping[str, str]


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
        asked = {"code": code, "verify_key": signing.public.to_text(), "seal_key": sealing.public.to_text()}
        given = link.json("POST", "/v1/devices/enrol", json.dumps(asked).encode())
    finally:
        link.close()
    return _take(given, folder, sealing)


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


def _take(given: Any, folder: Path, sealing: SealKey) -> Enrolled:  # noqa: ANN401 - any JSON
    """Check the department's answer, then write its keys; the last file written is the one that marks it done."""
    try:
        enrolled = Enrolled(str(given["device"]), str(given["agency"]), dict(given["registration"]))
        department = SealPublic.from_text(given["department_seal_key"])
        service = VerifyKey.from_text(given["service_verify_key"])
        authority = str(given["certificate_authority"])
        people = KeySet.from_bytes(given["hot_list_keys"].encode())
        name = str(given["department"])
    except (KeyError, TypeError, ValueError, AttributeError, HitonlyError):
        raise LinkError("the department's answer is no enrolment") from None
    keys = folder / KEYS
    HotListStore(folder / TRUST, sealing).begin(name, people)
    write_durably(keys / SERVICE, service.to_text().encode(), mode=0o644)
    if authority:
        write_durably(keys / AUTHORITY, authority.encode(), mode=0o644)
    department.save(keys / DEPARTMENT)
    return enrolled
