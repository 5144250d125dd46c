r"""A change of the workbook, and the bytes that its author and its approver sign.

digest   = SHA-256 of the head line, then of each row: "KIND ID BASE\n" and the body with "\n"
author   signs "hitonly/change/v1" 00 digest
approver signs "hitonly/approval/v1" 00 digest, and the time of approval
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hitonly_core.canonical import canonical
from hotlist.importers.proposal import Proposal

_CHANGE: Final = "hitonly/change/v1"
_APPROVAL: Final = "hitonly/approval/v1"


class Kind(StrEnum):
    """What a row does."""

    ADD = "add"
    EDIT = "edit"
    CANCEL = "cancel"


class State(StrEnum):
    """Where a change stands."""

    PENDING = "pending"
    APPLIED = "applied"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Staged:
    """One row of a change.

    Attributes:
        kind: what it does.
        entry_id: which entry.
        proposal: what the entry shall be; what it was, for a cancellation.
        base: number of the row that made the entry what it is; 0 for a new one.
    """

    kind: Kind
    entry_id: str
    proposal: Proposal = field(repr=False)
    base: int = 0

    @property
    def body(self) -> bytes:
        """The body that is signed; none for a cancellation."""
        return b"" if self.kind is Kind.CANCEL else self.proposal.body


@dataclass(frozen=True, slots=True)
class Change:
    """A change as a person sees it."""

    number: int
    author: str
    at: str
    adds: int
    edits: int
    cancels: int
    state: State
    approver: str


class ChangeDigest:
    """Takes a change's rows one by one; the same rows in the same order give the same digest."""

    def __init__(self, department: str, number: int, author: str, at: str) -> None:
        head = {"at": at, "author": author, "department": department, "format": _CHANGE, "number": number}
        self._hash = hashlib.sha256(canonical(head) + b"\n")

    def add(self, kind: str, entry_id: str, base: int, body: bytes) -> None:
        """Take one row."""
        self._hash.update(f"{kind} {entry_id} {base}\n".encode() + body + b"\n")

    def value(self) -> bytes:
        """Return the digest of all rows so far."""
        return self._hash.digest()


def change_message(digest: bytes) -> bytes:
    """Return what the author signs."""
    return _CHANGE.encode() + b"\0" + digest


def approval_message(digest: bytes, at: str) -> bytes:
    """Return what the approver signs."""
    return _APPROVAL.encode() + b"\0" + digest + at.encode()
