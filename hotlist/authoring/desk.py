"""A signer's desk: what a list that waits would change, against what this person signed last.

The comparison is with the signer's own copy, never with what a service says was published before: a service
that was taken over could tell a comfortable story. So an entry that this person has not signed before is
always shown as added, and a key set that this person has not signed before must be accepted by its
fingerprint, which the signers read to each other.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from hitonly_core.keys import SigningKey
from hitonly_core.policy import LIST_STANDS
from hotlist.entry import Entry
from hotlist.errors import DraftError
from hotlist.signed_list.bundle import HotList, SignedList
from hotlist.signed_list.detached import Detached
from hotlist.signed_list.differences import by_id, differences
from hotlist.signed_list.keyset import KeySet, Person
from hotlist.signed_list.list_format import Limits
from hotlist.signed_list.trust import TrustedState, accept_signed

DESK: Final = Limits(file=512 * 1024**2, body=4 * 1024**3, entries=5_000_000)


@dataclass(frozen=True, slots=True)
class Review:
    """What a person decides on.

    Attributes:
        hot_list: the list that waits.
        changes: every entry that differs from the last list that this person signed.
        keys: the key set that the list brings, where this person has not signed that set before.
        signed: the list with this person's signature; not to be used before they said yes.
        detached: the same signature alone.
    """

    hot_list: HotList
    changes: tuple[tuple[str, Entry], ...] = field(repr=False)
    keys: KeySet | None
    signed: SignedList
    detached: Detached


def review(
    content: bytes, key: SigningKey, seen: bytes | None, now: datetime, *, longest: timedelta = LIST_STANDS
) -> Review:
    """Take a list that waits for signatures through every check that one person alone can make.

    Args:
        content: the waiting list.
        key: this person's key.
        seen: the last list that this person signed, as `Review.signed` gave it; None before the first.
        now: aware UTC.
        longest: how long the list may stand.

    Raises:
        ListError: the list, or this person's copy of the last one, breaks the format, is another department's,
            is not newer than the last one, or was made over 24 hours ago.
        DraftError: it would stand for too long.
    """
    me = KeySet(1, (Person("me", key.public),))
    last = _seen(seen, me) if seen is not None else None
    signed = SignedList.from_bytes(content, DESK).signed_by(key)
    header = signed.header(DESK)
    department = last.department if last else header.department
    trusted = TrustedState(department, me, last.version if last else 0, last.digest if last else "")
    found = accept_signed(signed.to_bytes(), trusted=trusted, now=now, limits=DESK, in_use=False).list
    if found.expires - found.issued > longest:
        days, most = (found.expires - found.issued) / timedelta(days=1), longest / timedelta(days=1)
        hint = "A stolen service could keep it for so long. Ask who set it; `--longest-days` allows more."
        raise DraftError(f"the list would stand for {days:g} days; {most:g} are allowed here", hint=hint)
    return Review(
        hot_list=found,
        changes=tuple(differences(by_id(last) if last else {}, by_id(found))),
        keys=found.next_keys if found.next_keys != (last.next_keys if last else None) else None,
        signed=signed,
        detached=Detached.make(key, found.version, signed.digest),
    )


def _seen(content: bytes, me: KeySet) -> HotList:
    """Read this person's own copy of the last list, as of the time when it was made.

    Raises:
        ListError: it is not what this person signed.
    """
    header = SignedList.from_bytes(content, DESK).header(DESK)
    trusted = TrustedState(header.department, me)
    return accept_signed(content, trusted=trusted, now=header.issued, limits=DESK, in_use=False).list
