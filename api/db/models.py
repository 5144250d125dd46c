"""The tables. No column holds a plate that was seen: a hit's contents are one sealed blob (api/core/vault.py).

The hot list's own entries do hold listed plates; they are what the department decided to look for.
"""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from api.db.types import Moment

Short = String(80)
Long = String(400)


def new_version() -> str:
    """Return what tells one wording of an entry from every other: 32 hexadecimal digits, drawn at random."""
    return secrets.token_hex(16)


class Base(DeclarativeBase):
    """What the tables share: how a Python type is stored."""

    type_annotation_map = {datetime: Moment, bytes: LargeBinary, dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012


class PersonRow(Base):
    """Somebody who can sign in. `secret` and `signing_key` are sealed by api/core/secrets.py.

    `sponsors` are the actors who invited them, gave them roles or new credentials; `sponsored`: when last (R23).
    """

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(Short, unique=True)
    full_name: Mapped[str] = mapped_column(Short)
    roles: Mapped[list[str]]
    password: Mapped[str] = mapped_column(String(200))
    secret: Mapped[bytes]
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
    signing_key: Mapped[bytes]
    key_id: Mapped[str] = mapped_column(String(16), unique=True)
    created: Mapped[datetime]
    last_seen: Mapped[datetime]
    sponsors: Mapped[list[str]]
    sponsored: Mapped[datetime]
    locked: Mapped[datetime | None]
    disabled: Mapped[datetime | None]


class RecoveryRow(Base):
    """One unused recovery code of a person, as a hash; a used one is deleted."""

    __tablename__ = "recovery_codes"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)


class FailureRow(Base):
    """One failed sign-in under a name, counted for fifteen minutes (R13)."""

    __tablename__ = "failures"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Short, index=True)
    at: Mapped[datetime]


class RateRow(Base):
    """How often an address, as a keyed hash, did something in a minute; kept for two (api/core/rate_limits.py)."""

    __tablename__ = "rates"

    key: Mapped[str] = mapped_column(Short, primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    n: Mapped[int]


class InvitationRow(Base):
    """A one-time link, as a hash: for a new person, or for one who lost password or telephone.

    `secret` is there once a browser has begun; `browser` is the hash of that browser's token
    (api/accounts/links.py).
    """

    __tablename__ = "invitations"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    roles: Mapped[list[str]]
    secret: Mapped[bytes | None]
    browser: Mapped[str | None] = mapped_column(String(64))
    sponsors: Mapped[list[str]]
    created_by: Mapped[str] = mapped_column(Short)
    expires: Mapped[datetime]


class StaffRequestRow(Base):
    """An invitation or other roles that one administrator asked for and another must agree to (R23)."""

    __tablename__ = "staff_requests"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    roles: Mapped[list[str]]
    asked_by: Mapped[str] = mapped_column(Short)
    expires: Mapped[datetime]


class SessionRow(Base):
    """A signed-in browser: the token's hash, and the purpose and case number last given (R11, R13).

    `review_case` is the case number that this session's reviews are opened with; empty until it is given.
    """

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    began: Mapped[datetime]
    seen: Mapped[datetime]
    watched: Mapped[datetime | None]
    purpose: Mapped[str] = mapped_column(Short, default="")
    case_number: Mapped[str] = mapped_column(Short, default="")
    review_case: Mapped[str] = mapped_column(Short, default="")


class OpeningRow(Base):
    """That a session opened a hit or an entry, and the purpose and case number given for it (R11)."""

    __tablename__ = "openings"

    session: Mapped[str] = mapped_column(String(64), primary_key=True)
    object: Mapped[str] = mapped_column(Short, primary_key=True)
    purpose: Mapped[str] = mapped_column(Short)
    case_number: Mapped[str] = mapped_column(Short)
    at: Mapped[datetime]


class DeviceCodeRow(Base):
    """A one-time enrolment code, as a hash, with the registration it is for (R18)."""

    __tablename__ = "device_codes"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    registration: Mapped[dict[str, Any]]
    created_by: Mapped[str] = mapped_column(Short)
    expires: Mapped[datetime]


class DeviceRow(Base):
    """An enrolled camera box: its public keys, its registration (R18), and what it last said."""

    __tablename__ = "devices"

    id: Mapped[str] = mapped_column(Short, primary_key=True)
    registration: Mapped[dict[str, Any]]
    verify_key: Mapped[bytes]
    seal_key: Mapped[bytes]
    enrolled: Mapped[datetime]
    revoked: Mapped[datetime | None]
    heard: Mapped[datetime | None]
    heartbeat: Mapped[dict[str, Any] | None]
    receipt_seq: Mapped[int | None] = mapped_column(BigInteger)
    receipt_digest: Mapped[str | None] = mapped_column(String(64))
    chain_broken: Mapped[str | None] = mapped_column(Long)
    chain_noted: Mapped[str | None] = mapped_column(Long)
    log_contradicted: Mapped[str | None] = mapped_column(Long)


class NonceRow(Base):
    """A signed request that was accepted, until it is too old; the same one again is a replay.

    One row has no device: up to when others were dropped (api/devices/registry.py).
    """

    __tablename__ = "nonces"

    device: Mapped[str] = mapped_column(Short, primary_key=True)
    nonce: Mapped[str] = mapped_column(Short, primary_key=True)
    until: Mapped[datetime] = mapped_column(index=True)


class HitRow(Base):
    """A hit under review. What identifies a plate is in `sealed` and `doubt` only; the row goes when the hit does.

    `alike` is a keyed hash that hits of one entry at one camera share; it tells nothing else.
    `doubt` is the reading of the first reviewer, `doubted_by`, where it nearly agreed (docs/adr/0006).
    """

    __tablename__ = "hits"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("devices.id"))
    camera: Mapped[str] = mapped_column(Short)
    captured: Mapped[datetime]
    basis: Mapped[str] = mapped_column(String(16))
    received: Mapped[datetime]
    severity: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(Short)
    place: Mapped[str] = mapped_column(String(200))
    purpose: Mapped[str] = mapped_column(Short)
    alike: Mapped[str] = mapped_column(String(64))
    list_version: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), index=True)
    deadline: Mapped[datetime] = mapped_column(index=True)
    compared: Mapped[bool] = mapped_column(default=False)
    chosen: Mapped[int | None]
    outcomes: Mapped[list[str]]
    hold: Mapped[dict[str, Any] | None]
    doubted_by: Mapped[str | None] = mapped_column(String(32))
    doubt: Mapped[bytes | None]
    hold_asked: Mapped[dict[str, Any] | None]
    sealed: Mapped[bytes]


class SeenRow(Base):
    """A hit's id that was accepted once, so that delivery is idempotent even after the hit is gone."""

    __tablename__ = "seen"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    device: Mapped[str] = mapped_column(Short)
    digest: Mapped[str] = mapped_column(String(64))
    received: Mapped[datetime]


class CountRow(Base):
    """What stays of hits: how many, by month, device, camera, kind of match, list and what became of them."""

    __tablename__ = "counts"
    __table_args__ = (UniqueConstraint("month", "device", "camera", "kind", "source", "what"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(String(7))
    device: Mapped[str] = mapped_column(Short)
    camera: Mapped[str] = mapped_column(Short)
    kind: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(Short)
    what: Mapped[str] = mapped_column(Short)
    n: Mapped[int] = mapped_column(BigInteger, default=0)


class ConfusionRow(Base):
    """How often one character was read as another, over all refuted hits: no plate can be told from it."""

    __tablename__ = "confusions"

    read: Mapped[str] = mapped_column(String(1), primary_key=True)
    typed: Mapped[str] = mapped_column(String(1), primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger, default=0)


class EntryRow(Base):
    """One entry of the hot list that is in force; a cancelled one is deleted (R6).

    `key` is plate, region and case number: what can be there once. `version` tells this wording from every other;
    it is drawn at random, because a digest of the wording would tell a cancelled plate to whoever guesses it.
    """

    __tablename__ = "entries"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(160), unique=True)
    body: Mapped[dict[str, Any]]
    author: Mapped[str] = mapped_column(Short)
    approver: Mapped[str] = mapped_column(Short)
    expires: Mapped[datetime] = mapped_column(index=True)
    version: Mapped[str] = mapped_column(String(32), default=new_version)


class BatchRow(Base):
    """Proposed changes of one author: a single entry, or a whole import; a draft until it is put forward."""

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    author: Mapped[str] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str] = mapped_column(Short)
    what: Mapped[str] = mapped_column(Short)
    draft: Mapped[bool]
    at: Mapped[datetime]
    report: Mapped[dict[str, Any]]


class ProposalRow(Base):
    """One proposed entry of a batch; `entry` is that of the entry it changes, or a new id.

    `base` tells the wording that a change is made from (`EntryRow.version`); empty for a new entry.
    """

    __tablename__ = "proposals"

    id: Mapped[int] = mapped_column(primary_key=True)
    batch: Mapped[str] = mapped_column(ForeignKey("batches.id"), index=True)
    entry: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(160))
    body: Mapped[dict[str, Any]]
    base: Mapped[str] = mapped_column(String(32), default="")


class RepeatRow(Base):
    """An act that was asked for under an idempotency key, and its sealed answer; kept for a day.

    `asked` is a hash of the request, keyed with `salt` and a key outside the database.
    """

    __tablename__ = "repeats"

    person: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    salt: Mapped[bytes]
    asked: Mapped[str] = mapped_column(String(64))
    answer: Mapped[bytes | None]
    at: Mapped[datetime] = mapped_column(index=True)


class ListRow(Base):
    """One published version of the hot list; only the newest keeps its signed bytes, and their digest.

    `holds` tells which entries, in which wording, the service put into it; empty where people signed it, or where
    that is not known.
    The bytes are megabytes on a long list, so they are read only where they are asked for.
    """

    __tablename__ = "lists"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    published: Mapped[datetime]
    published_by: Mapped[str] = mapped_column(Short)
    entries: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    signed: Mapped[bytes | None] = mapped_column(deferred=True)
    holds: Mapped[str] = mapped_column(String(64), default="")


class SignerRow(Base):
    """A person's own signing key, of which the service has the public half only."""

    __tablename__ = "list_signers"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(Short)
    key: Mapped[bytes]
    added: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(Short)
    confirmed: Mapped[datetime | None]
    confirmed_by: Mapped[str] = mapped_column(Short, default="")
    revoked: Mapped[datetime | None]


class KeySetRow(Base):
    """A key set that devices were told to trust, at enrolment or by a signed list; the newest is in force."""

    __tablename__ = "list_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    keys: Mapped[str] = mapped_column(Text)


class GapRow(Base):
    """Versions that may have been published and are lost: an older database was put back (api/lists/list_gaps.py).

    `since` is the last that the older database knows of; `until` is when it was put back.
    """

    __tablename__ = "list_gaps"

    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
    since: Mapped[datetime]
    until: Mapped[datetime]


class CandidateRow(Base):
    """A version that people are to sign; `signed` is there while it waits. A number is never given twice."""

    __tablename__ = "list_candidates"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(Short)
    entries: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    keys: Mapped[str] = mapped_column(Text)
    ends: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16), index=True)
    signed: Mapped[bytes | None]


class StatementRow(Base):
    """The service's newest word that the published version is current; one row, or none."""

    __tablename__ = "list_statements"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ends: Mapped[datetime]
    issued: Mapped[datetime]
    body: Mapped[dict[str, Any]]


class CancelledRow(Base):
    """An entry that was cancelled and may still stand in a list that people signed."""

    __tablename__ = "list_cancelled"

    entry: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]


class AuditRow(Base):
    """One record of the audit log; never altered, never removed (R12)."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_actor_object", "actor", "object"),)

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(24), index=True)
    actor: Mapped[str] = mapped_column(Short)
    act: Mapped[str] = mapped_column(Short)
    object: Mapped[str] = mapped_column(Short)
    purpose: Mapped[str] = mapped_column(Short)
    case_number: Mapped[str] = mapped_column(Short)
    result: Mapped[str] = mapped_column(Short)
    detail: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))


class AuditNodeRow(Base):
    """A whole inner node of the log's Merkle tree; never altered, never removed (protocol/merkle.py)."""

    __tablename__ = "audit_nodes"

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes]


class CheckpointRow(Base):
    """A signed statement of how long the log was and how it ended (protocol/audit_end.py)."""

    __tablename__ = "checkpoints"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[str] = mapped_column(String(24))
    signature: Mapped[bytes]


class LookupRow(Base):
    """That a person looked at something, as a keyed hash of its id, for the alert on repetition (R21)."""

    __tablename__ = "lookups"
    __table_args__ = (Index("lookups_person_subject", "person", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(index=True)


class SignOffRow(Base):
    """An auditor's weekly review of the log."""

    __tablename__ = "sign_offs"

    week: Mapped[str] = mapped_column(String(8), primary_key=True)
    person: Mapped[str] = mapped_column(Short)
    at: Mapped[datetime]
    seq: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(Long)


class AlertRow(Base):
    """An alert about a hit on its way to one target; kept until it is delivered, withdrawn or given up."""

    __tablename__ = "alerts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    target: Mapped[str] = mapped_column(String(40), primary_key=True)
    body: Mapped[bytes]
    attempts: Mapped[int] = mapped_column(default=0)
    due: Mapped[datetime] = mapped_column(index=True)
