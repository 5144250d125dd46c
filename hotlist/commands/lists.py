"""Lists: sign, verify, compare, and what they will cost."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from hitonly_core.errors import KeyFileError
from hitonly_core.keys import SealKey, SigningKey
from hitonly_core.policy import FALSE_HITS_PER_DAY, LIST_VALID, PASSES_PER_DAY
from hotlist.authoring.draft import Draft
from hotlist.authoring.draft_check import check
from hotlist.authoring.publishing import AUTHORING, seal_for, sign_again, sign_new, verify_signed
from hotlist.authoring.workbook_cost import list_cost
from hotlist.commands.common import (
    BOOK,
    AsJson,
    Book,
    Key,
    entry_row,
    grid,
    now,
    read_devices,
    read_keys,
    read_list,
    save,
    say,
)
from hotlist.signed_list.differences import WORDS, by_id, differences
from hotlist.signed_list.trust import Accepted, TrustedState, accept, accept_signed

_HOURS = timedelta(hours=1)


def sign(
    *,
    key: Key,
    to: Annotated[Path, typer.Option("--to", help="The file to write; replaced in one step.")],
    signed: Annotated[
        Path | None,
        typer.Option("--list", help="Add your signature to this list; else make the next version."),
    ] = None,
    device: Annotated[
        list[Path] | None,
        typer.Option(help="Seal to this box's .pub, or a folder of them; then it is complete."),
    ] = None,
    hours: Annotated[float, typer.Option(min=1, help="How long the list is valid.")] = LIST_VALID / _HOURS,
    next_keys: Annotated[Path | None, typer.Option(help="Let this key set replace the current one.")] = None,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Sign a list. With --device, and enough signatures, write the sealed file that boxes take."""
    signing, devices = SigningKey.load(key), read_devices(device) if device else []
    with Draft.open(book) as draft:
        if signed is not None:
            done = sign_again(draft, read_list(signed), signing, now())
        else:
            keys = read_keys(next_keys) if next_keys else None
            done = sign_new(draft, signing, now(), lasts=timedelta(hours=hours), next_keys=keys)
        save(to, seal_for(draft, done, devices, now()) if devices else done.to_bytes())
        header, needed = done.header(AUTHORING), draft.keys.threshold
    body = {
        "count": header.count,
        "devices": len(devices),
        "digest": done.digest.hex(),
        "file": str(to),
        "signatures": len(done.signatures),
        "version": header.version,
    }
    what = (
        f"sealed to {len(devices)} devices" if devices else f"{len(done.signatures)} of {needed} signatures"
    )
    say(f"version {header.version} with {header.count} entries, {what}: {to}", body, as_json=as_json)


def verify(
    file: Annotated[
        Path | None, typer.Argument(help="A signed or sealed list; none: the workbook itself.")
    ] = None,
    *,
    keys: Annotated[Path | None, typer.Option(help="Key set to trust; else the workbook's.")] = None,
    department: Annotated[str, typer.Option(help="With --keys: whose list it must be.")] = "",
    device: Annotated[Path | None, typer.Option("--device-key", help="Opens a sealed list.")] = None,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Take a list through every step that a box takes, or check every signature in the workbook."""
    if file is None:
        _verify_book(book, as_json=as_json)
        return
    if keys is not None:
        trusted = TrustedState(department, read_keys(keys))
    else:
        with Draft.open(book) as draft:
            trusted = TrustedState(draft.department, draft.keys)
    found = _accepted(file, trusted, device).list
    body = {
        "count": len(found.entries),
        "department": found.department,
        "digest": found.digest,
        "expires": found.expires.isoformat(),
        "issued": found.issued.isoformat(),
        "signers": list(found.signers),
        "version": found.version,
    }
    sentence = (
        f"version {found.version} of {found.department}: {len(found.entries)} entries, signed by"
        f" {' and '.join(found.signers)}, issued {found.issued:%Y-%m-%d %H:%M} UTC"
    )
    if found.timestamp is not None:
        body["stated"] = found.timestamp.issued.isoformat()
        sentence += f", stated to be current {found.timestamp.issued:%Y-%m-%d %H:%M} UTC"
    say(sentence, body, as_json=as_json)


def diff(
    old: Annotated[Path, typer.Argument(help="A signed list.")],
    new: Annotated[Path | None, typer.Argument(help="Another; none: the workbook as it is now.")] = None,
    *,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two signed lists, or since a signed list."""
    with Draft.open(book) as draft:
        before = by_id(verify_signed(draft, read_list(old), now()).list)
        after = (
            by_id(verify_signed(draft, read_list(new), now()).list)
            if new
            else {entry.id: entry for entry in draft.entries(now())}
        )
    rows = list(differences(before, after))
    if as_json:
        body = {word: [entry.id for each, entry in rows if each == word] for word in WORDS}
        say("", body, as_json=True)
    else:
        grid(
            ("", "id", "plate", "region", "purpose", "case"), [(word, *entry_row(e)[:5]) for word, e in rows]
        )
        say(f"{len(rows)} differences", {}, as_json=False)


def cost(
    *,
    passes_per_day: Annotated[
        float, typer.Option(min=1, help="Vehicles a day at one camera.")
    ] = PASSES_PER_DAY,
    budget: Annotated[
        float, typer.Option(min=0.001, help="False hits a day that you can bear.")
    ] = FALSE_HITS_PER_DAY,
    worst: Annotated[int, typer.Option(min=0, help="How many of the costliest entries to show.")] = 10,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Predict the false hits a day, name the costliest entries, and the misreads that each would accept."""
    with Draft.open(book) as draft:
        predicted = list_cost(draft, now(), passes_per_day=passes_per_day, budget=budget, worst=worst)
    if as_json:
        say("", predicted.to_json(), as_json=True)
        return
    rows = [
        (" ".join(each.ids), each.plate, f"{each.false_hits_per_day:.4f}", " ".join(each.misreads))
        for each in predicted.worst
    ]
    grid(("id", "plate", "false hits a day", "misreads that it accepts"), rows)
    say(predicted.sentence(), {}, as_json=False)


def _verify_book(book: Path, *, as_json: bool) -> None:
    with Draft.open(book) as draft:
        applied = check(draft)
    say(
        f"{applied} changes, each signed and approved; nothing else is in {book}",
        {"changes": applied},
        as_json=as_json,
    )


def _accepted(file: Path, trusted: TrustedState, device: Path | None) -> Accepted:
    content = read_list(file)
    if device is not None:
        return accept(content, device_key=SealKey.load(device), trusted=trusted, now=now(), limits=AUTHORING)
    if content.startswith(b'{"devices"'):
        raise KeyFileError("a sealed list opens only with a box's key", hint="Name it with --device-key.")
    return accept_signed(content, trusted=trusted, now=now(), limits=AUTHORING)
