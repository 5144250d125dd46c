"""Whether a list may be used: bytes in, a list out, or one exact error. No I/O, and no clock of its own.

The steps, with the same numbers in docs/hotlist-format.md and in every error:

1. the file is not over its ceiling;
2. its first line is that of a sealed list;
3. one box opens with this device's key, and the content key in it opens the rest;
4. inside lies a signed list;
5. the body inflates under its ceiling; its SHA-256 is what was signed;
6. no trusted key's signature is false, and enough different trusted people signed (or this very list was
   accepted before: a list that changed the keys is no longer signed by the current ones);
7. the header is canonical, and names this department;
8. the version is above the last accepted one, or is that very list;
9. it is issued, and not expired;
10. where the key set that is in force after this list names a timestamp key: the statement that the list is
    current is that key's, about this very list, issued, and not older than the last one seen;
11. it is not stale (R7): stated to be current lately enough where there is a timestamp key, else issued so;
12. every entry is canonical, in order, within the ceilings, and obeys R6; their number is the header's. What
    the statement cancels is left out;
13. the next key set, if there is one, takes effect.

Until step 6 is passed, nothing but the two first lines has been parsed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import ValidationError

from hitonly_core.errors import SealError
from hitonly_core.keys import SealKey, VerifyKey
from hitonly_core.policy import CLOCK_TOLERANCE, LIST_AGE_CEILING
from hotlist.entry import MAX_LINE, EntryForm, first_problem
from hotlist.errors import (
    BadSignatureError,
    ExpiredError,
    MalformedError,
    NotForDeviceError,
    NotYetIssuedError,
    OtherListError,
    RollbackError,
    StaleError,
    ThresholdError,
    TooLargeError,
    UnknownKeyError,
    WrongDepartmentError,
)
from hotlist.signed_list.bundle import CONTENT_KEY_BYTES, NONCE_BYTES, HotList, SignedList
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.list_format import (
    HeaderForm,
    Limits,
    SealedForm,
    body_lines,
    box_info,
    parse_line,
    signed_message,
    split_first_line,
    unbase64,
)
from hotlist.signed_list.packed_entries import Entries, EntriesBuilder
from hotlist.signed_list.timestamp import Timestamp


@dataclass(frozen=True, slots=True)
class TrustedState:
    """What a device remembers between lists.

    Attributes:
        department: whose lists it takes.
        keys: whose signatures count.
        version: the last accepted list's number; 0 before the first.
        digest: that list's digest, or empty.
        stated: when the newest statement was made that a list is current; None before the first.
    """

    department: str
    keys: KeySet
    version: int = 0
    digest: str = ""
    stated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A list that may be used, and what to remember before it is."""

    list: HotList
    state: TrustedState


def is_stale(hot_list: HotList, now: datetime, max_age: timedelta = LIST_AGE_CEILING) -> bool:
    """Whether a list in use must stop alerting: too old, or past its own end (R7)."""
    return now >= hot_list.expires or not _is_fresh(hot_list.issued, hot_list.timestamp, now, max_age)


def _is_fresh(issued: datetime, stated: Timestamp | None, now: datetime, max_age: timedelta) -> bool:
    """Whether the timestamp key's word, or where there is none the list itself, is recent enough."""
    since = stated.issued if stated else issued
    return now - since <= min(max_age, LIST_AGE_CEILING) and (stated is None or now < stated.expires)


def accept(
    envelope: bytes,
    *,
    device_key: SealKey,
    trusted: TrustedState,
    now: datetime,
    limits: Limits | None = None,
    max_age: timedelta = LIST_AGE_CEILING,
) -> Accepted:
    """Take a sealed list through steps 1 to 13.

    Args:
        envelope: the whole file.
        device_key: this device's private sealing key.
        trusted: what the device remembers.
        now: aware UTC.
        limits: ceilings; the default ones if none are given.
        max_age: R7's limit; values over 24 hours count as 24 hours.

    Raises:
        ListError: one of its exact kinds, with the step.
    """
    limits = limits or Limits()
    return accept_signed(
        unseal(envelope, device_key, limits), trusted=trusted, now=now, limits=limits, max_age=max_age
    )


def unseal(envelope: bytes, device_key: SealKey, limits: Limits) -> bytes:
    """Steps 1 to 3: return the signed file inside.

    Raises:
        TooLargeError: step 1.
        MalformedError: step 2, or the content is altered.
        NotForDeviceError: step 3: no box is sealed to this device.
    """
    _check_size(envelope, limits)  # (1)
    first, rest = split_first_line(envelope, step=2)  # (2)
    form = parse_line(first, SealedForm, step=2)
    device = device_key.public.id
    box = next((box for box in form.devices if box.device == device), None)
    if box is None:  # (3)
        raise NotForDeviceError(f"no box among {len(form.devices)} is for the key {device}", step=3)
    try:
        content_key = device_key.open(unbase64(box.key, step=3), info=box_info(device))
        if len(content_key) != CONTENT_KEY_BYTES or len(rest) < NONCE_BYTES:
            raise MalformedError("the content is cut short", step=3)
        return AESGCM(content_key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], first)
    except SealError:
        raise NotForDeviceError(f"the box for the key {device} does not open with it", step=3) from None
    except InvalidTag:
        raise MalformedError("the content was altered after it was sealed", step=3) from None


def accept_signed(
    content: bytes,
    *,
    trusted: TrustedState,
    now: datetime,
    limits: Limits | None = None,
    max_age: timedelta = LIST_AGE_CEILING,
    in_use: bool = True,
) -> Accepted:
    """Take a signed list in the clear through steps 4 to 13, as the department's own tools do.

    Args:
        content: the signed file.
        trusted: whose lists, whose signatures, and what was accepted before.
        now: aware UTC.
        limits: ceilings; the default ones if none are given.
        max_age: R7's limit.
        in_use: False at a signer's desk, for a list that is still to be published: nobody can say yet that it
            is current, and it is stale by when it was made.

    Raises:
        ListError: one of its exact kinds, with the step.
    """
    limits = limits or Limits()
    _check_size(content, limits)
    signed = SignedList.from_bytes(content, limits)  # (4), (5)
    signers = _check_signatures(signed, trusted)  # (6)
    lines = body_lines(memoryview(signed.packed), limits, step=12)
    header = parse_line(next(lines, b""), HeaderForm, step=7)  # (7)
    if header.department != trusted.department:
        message = f"a list of {header.department} where {trusted.department} is expected"
        raise WrongDepartmentError(message, step=7)
    digest, stated = signed.digest.hex(), signed.timestamp
    _check_version(header.version, digest, trusted)  # (8)
    _check_times(header, now)  # (9)
    next_keys = KeySet.from_form(header.next_keys) if header.next_keys else None
    keys = next_keys or trusted.keys
    if stated is not None:
        about = (header.department, header.version, digest)
        _check_timestamp(stated, about, keys.timestamp, trusted.stated, now)  # (10)
    elif in_use and keys.timestamp is not None:
        raise StaleError("nobody states that it is current, and the key set says who must", step=10)
    _check_fresh(header.issued, stated, now, max_age)  # (11)
    if header.count > limits.entries:
        raise TooLargeError(f"{header.count} entries; the ceiling is {limits.entries}", step=12)
    entries = _read_entries(lines, header, frozenset(stated.cancelled if stated else ()))  # (12)
    hot_list = HotList(
        department=header.department,
        version=header.version,
        issued=header.issued.astimezone(UTC),
        expires=header.expires.astimezone(UTC),
        entries=entries,
        digest=digest,
        signers=signers,
        next_keys=next_keys,
        timestamp=stated,
    )
    newest = stated.issued if stated else trusted.stated
    return Accepted(hot_list, TrustedState(trusted.department, keys, header.version, digest, newest))  # (13)


def _check_size(content: bytes, limits: Limits) -> None:
    if len(content) > limits.file:
        raise TooLargeError(f"a file of {len(content)} bytes; the ceiling is {limits.file}", step=1)


def _check_signatures(signed: SignedList, trusted: TrustedState) -> tuple[str, ...]:
    """Return the names of the trusted people who signed."""
    message, names, unknown = signed_message(signed.digest), set(), []
    for signature in signed.signatures:
        person = trusted.keys.find(signature.key)
        if person is None:
            unknown.append(signature.key)
        elif person.key.verifies(signature.value, message):
            names.add(person.name)
        else:
            raise BadSignatureError(f"the signature by {person.name} ({signature.key}) is false", step=6)
    if len(names) < trusted.keys.threshold and signed.digest.hex() != trusted.digest:
        found = f"signed by {len(names)} trusted people; {trusted.keys.threshold} are needed"
        if unknown:
            raise UnknownKeyError(f"{found}; not trusted: {', '.join(unknown)}", step=6)
        raise ThresholdError(found, step=6)
    return tuple(sorted(names))


def _check_version(version: int, digest: str, trusted: TrustedState) -> None:
    if version < trusted.version:
        raise RollbackError(f"version {version} after version {trusted.version}", step=8)
    if version == trusted.version and digest != trusted.digest:
        raise RollbackError(f"another list with the accepted number {version}", step=8)


def _check_times(header: HeaderForm, now: datetime) -> None:
    if header.expires <= header.issued:
        raise MalformedError("it expires before it is issued", step=9)
    if header.issued > now + CLOCK_TOLERANCE:
        raise NotYetIssuedError(f"issued {header.issued:%Y-%m-%d %H:%M} UTC, which is yet to come", step=9)
    if now >= header.expires:
        raise ExpiredError(f"expired {header.expires:%Y-%m-%d %H:%M} UTC", step=9)


def _check_timestamp(
    stated: Timestamp,
    about: tuple[str, int, str],
    key: VerifyKey | None,
    last: datetime | None,
    now: datetime,
) -> None:
    """Take a statement through step 10: it must be about that department, version and digest."""
    if key is None:
        raise UnknownKeyError("it is stated to be current, and the key set names no key for that", step=10)
    if not stated.is_by(key):
        message = f"the statement that it is current is not signed by the key {key.id}"
        raise BadSignatureError(message, step=10)
    if (stated.department, stated.version, stated.digest) != about:
        message = f"version {about[1]} came with a statement about another list, version {stated.version}"
        raise OtherListError(message, step=10)
    if stated.expires <= stated.issued:
        raise MalformedError("a statement that ends before it was made", step=10)
    if stated.issued > now + CLOCK_TOLERANCE:
        message = f"stated to be current at {stated.issued:%Y-%m-%d %H:%M} UTC, which is yet to come"
        raise NotYetIssuedError(message, step=10)
    if last is not None and stated.issued < last:
        raise RollbackError("the statement that it is current is older than one seen before", step=10)


def _check_fresh(issued: datetime, stated: Timestamp | None, now: datetime, max_age: timedelta) -> None:
    if not _is_fresh(issued, stated, now, max_age):
        what = (
            f"stated to be current {stated.issued:%Y-%m-%d %H:%M}"
            if stated
            else f"issued {issued:%Y-%m-%d %H:%M}"
        )
        hours = min(max_age, LIST_AGE_CEILING) / timedelta(hours=1)
        raise StaleError(f"{what} UTC, over {hours:g} hours ago or no longer", step=11)


def _read_entries(lines: Iterator[bytes], header: HeaderForm, cancelled: frozenset[str]) -> Entries:
    """Check every entry and keep its line, unless it is cancelled; none becomes an `Entry` yet."""
    builder, count, last = EntriesBuilder(), 0, ""
    read, write = EntryForm.__pydantic_validator__.validate_json, EntryForm.__pydantic_serializer__.to_json
    for count, line in enumerate(lines, start=1):
        if count > header.count:
            break
        if len(line) > MAX_LINE:
            raise TooLargeError(f"entry {count} has {len(line)} bytes; the ceiling is {MAX_LINE}", step=12)
        try:
            entry = read(line)
        except ValidationError as problem:
            raise MalformedError(f"entry {count} {first_problem(problem)}", step=12) from None
        if write(entry) != line:
            raise MalformedError(f"entry {count} is not canonical JSON", step=12)
        if entry.id <= last:
            raise MalformedError(f"entry {count} is out of order, or its id is there twice", step=12)
        if entry.verified > header.issued or entry.created > header.issued:
            raise MalformedError(f"entry {count} was created or verified after the list", step=12)
        last = entry.id
        if entry.id not in cancelled:
            builder.add(line)
    if count != header.count:
        raise MalformedError(f"the header counts {header.count} entries; the body differs", step=12)
    return builder.finish()
