"""Signing on one's own computer a list that waits in the department's service."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from hitonly_core.keys import SigningKey
from hitonly_core.policy import LIST_STANDS
from hotlist.authoring.desk import Review, review
from hotlist.commands.common import AsJson, Key, entry_row, grid, now, read_list, save, say
from hotlist.errors import DraftError
from hotlist.signed_list.differences import WORDS
from hotlist.signed_list.keyset import KeySet

SHOWN = 200


def countersign(
    waiting: Annotated[Path, typer.Argument(help="The list that waits, downloaded from the service.")],
    *,
    key: Key,
    to: Annotated[Path, typer.Option("--to", help="The signature to write, for the service.")],
    seen: Annotated[
        Path | None,
        typer.Option(help="Your own copy of the list that you signed last; beside your key if not named."),
    ] = None,
    accept_keys: Annotated[
        str, typer.Option(help="Fingerprint of a new key set, as the other signers read it to you.")
    ] = "",
    longest_days: Annotated[float, typer.Option(min=1, help="How long the list may stand.")] = LIST_STANDS
    / timedelta(days=1),
    everything: Annotated[
        bool, typer.Option("--all", help=f"Show every change, not only the first {SHOWN}.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without being asked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at what a waiting list changes since you last signed, and sign it. Your key stays here."""
    signing, last = SigningKey.load(key), seen or key.with_suffix(".seen")
    found = review(
        read_list(waiting),
        signing,
        read_list(last) if last.exists() else None,
        now(),
        longest=timedelta(days=longest_days),
    )
    if not as_json:
        _show(found, everything=everything)
    if found.keys is not None:
        _demand(found.keys, accept_keys)
    if not yes:
        typer.confirm("Sign it?", abort=True, err=True)
    save(last, found.signed.to_bytes())
    save(to, found.detached.to_bytes())
    body = {**_counts(found), "file": str(to), "key": signing.public.id, "version": found.hot_list.version}
    say(
        f"version {found.hot_list.version} is signed with the key {signing.public.id}: {to}",
        body,
        as_json=as_json,
    )


def _counts(found: Review) -> dict[str, int]:
    return {word: sum(each == word for each, _ in found.changes) for word in WORDS}


def _show(found: Review, *, everything: bool) -> None:
    """Show what the list changes."""
    hot_list = found.hot_list
    rows = found.changes if everything else found.changes[:SHOWN]
    if rows:
        columns = ("", "id", "plate", "region", "purpose", "case")
        grid(columns, [(word, *entry_row(entry)[:5]) for word, entry in rows])
    if len(rows) < len(found.changes):
        say(f"... and {len(found.changes) - len(rows)} more; --all shows them", {}, as_json=False)
    counts = ", ".join(f"{number} {word}" for word, number in _counts(found).items())
    sentence = (
        f"version {hot_list.version} of {hot_list.department}: {len(hot_list.entries)} entries; since you last"
        f" signed {counts}; issued {hot_list.issued:%Y-%m-%d %H:%M}, ends {hot_list.expires:%Y-%m-%d %H:%M} UTC"
    )
    say(sentence, {}, as_json=False)


def _demand(keys: KeySet, accepted: str) -> None:
    """Refuse a key set that this person has not signed before, unless they name its fingerprint.

    Raises:
        DraftError: they do not, or name another.
    """
    if accepted == keys.fingerprint:
        return
    people = ", ".join(f"{person.name} ({person.key.id})" for person in keys.people)
    online = f"; kept fresh by {keys.timestamp.id}" if keys.timestamp else ""
    hint = (
        f"Compare it with the other signers, by voice: {keys.fingerprint}. If it is the same for all,"
        f" sign again with `--accept-keys {keys.fingerprint}`."
    )
    message = f"it changes whose signatures count: {keys.threshold} of {people}{online}"
    raise DraftError(message, hint=hint)
