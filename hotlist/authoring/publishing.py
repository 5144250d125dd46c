"""From the workbook to the file for the boxes: a version, signatures, a seal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from hitonly_core.keys import SealPublic, SigningKey
from hitonly_core.policy import LIST_VALID
from hotlist.authoring.draft import Draft
from hotlist.authoring.draft_check import check
from hotlist.signed_list.bundle import SignedList, pack, seal
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.list_format import Limits
from hotlist.signed_list.trust import Accepted, TrustedState, accept_signed

AUTHORING: Final = Limits(file=512 * 1024**2, body=4 * 1024**3, entries=5_000_000)
"""Ceilings at the department's desk; a box's are lower unless they are raised there."""


def sign_new(
    draft: Draft,
    key: SigningKey,
    now: datetime,
    *,
    lasts: timedelta = LIST_VALID,
    next_keys: KeySet | None = None,
) -> SignedList:
    """Make the next version of the list of every entry in force, under one signature.

    Raises:
        DraftError: the key is nobody's, or the workbook is not what its people signed.
    """
    draft.person(key.public)
    check(draft)
    with draft.transaction():
        version = draft.next_version()
        unsigned = pack(
            draft.lines(now),
            count=draft.count(now),
            department=draft.department,
            version=version,
            issued=now,
            expires=now + lasts,
            next_keys=next_keys,
        )
        draft.record_list(version, unsigned.digest, now)
    return unsigned.signed_by(key)


def sign_again(draft: Draft, content: bytes, key: SigningKey, now: datetime) -> SignedList:
    """Put another person's signature on a list that was made and looked at.

    Raises:
        DraftError: the key is nobody's.
        ListError: the list is another department's, expired, malformed or too old to be of use.
    """
    person = draft.person(key.public)
    signed = SignedList.from_bytes(content, AUTHORING).signed_by(key)
    only_this = TrustedState(draft.department, KeySet(1, (person,)))
    accept_signed(signed.to_bytes(), trusted=only_this, now=now, limits=AUTHORING)
    return signed


def verify_signed(draft: Draft, content: bytes, now: datetime) -> Accepted:
    """Take a signed list through the steps that a box takes it through, with the workbook's key set.

    Raises:
        ListError: one of the exact errors of `hotlist.signed_list.trust`.
    """
    trusted = TrustedState(draft.department, draft.keys)
    return accept_signed(content, trusted=trusted, now=now, limits=AUTHORING)


def seal_for(draft: Draft, signed: SignedList, devices: Sequence[SealPublic], now: datetime) -> bytes:
    """Seal a list that enough people signed; the key set it carries takes effect here too.

    Raises:
        ListError: it is not one that a box would accept.
    """
    accepted = verify_signed(draft, signed.to_bytes(), now)
    sealed = seal(signed, devices)
    if accepted.list.next_keys is not None:
        with draft.transaction():
            draft.take_keys(accepted.list.next_keys)
    return sealed
