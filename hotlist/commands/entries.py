"""Entries: propose, approve, take away, look."""

import json
import secrets
from typing import Annotated

import typer

from hitonly_core.keys import SigningKey
from hotlist.authoring.changes import Change, Kind, Staged, State
from hotlist.authoring.draft import Draft
from hotlist.commands.common import (
    BOOK,
    ENTRY_COLUMNS,
    AsJson,
    Book,
    Key,
    entry_body,
    entry_row,
    grid,
    now,
    say,
)
from hotlist.entry import Purpose, Severity
from hotlist.errors import DraftError
from hotlist.importers.proposal import Given, created_of, propose, values_of
from hotlist.importers.row import FIELDS

Days = Annotated[int | None, typer.Option("--days", min=1, help="It ends after so many days.")]
Fields = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=TEXT", help=f"Once for each of: {', '.join(sorted(FIELDS))}."),
]


def add(
    plate: Annotated[str, typer.Argument(help="The plate, however it is written.")],
    *,
    purpose: Annotated[Purpose, typer.Option(help="Why; the list is closed.")],
    case_number: Annotated[str, typer.Option("--case", help="The case that it belongs to.")],
    source: Annotated[str, typer.Option(help="Who said so: a report, a system.")],
    key: Key,
    expires: Annotated[str, typer.Option(help="2026-12-31, or a time.")] = "",
    days: Days = None,
    region: Annotated[str, typer.Option(help="GB, US-NH; without one a match is never urgent.")] = "",
    severity: Annotated[Severity, typer.Option(help="How urgent a sure match is.")] = Severity.ROUTINE,
    fields: Fields = None,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Propose an entry; it takes effect when another person approves."""
    signing = SigningKey.load(key)
    values = {
        "plate": plate,
        "purpose": purpose.value,
        "case_number": case_number,
        "source": source,
        "region": region,
        "severity": severity.value,
        **({"expires": expires} if expires else {}),
        **_said(fields),
    }
    given = Given(signing.public.id, now(), days=days)
    with Draft.open(book) as draft, draft.transaction():
        proposal = propose(values, given, entry_id=(entry_id := secrets.token_hex(8)))
        if draft.find(proposal.key):
            hint = "Change it with `alpr-hotlist edit`."
            raise DraftError("this plate, region and case has an entry in force", hint=hint)
        change = draft.stage([Staged(Kind.ADD, entry_id, proposal)], signing, given.now)
    _report(change, entry_id, as_json=as_json)


def edit(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="The entry's id.")],
    *,
    key: Key,
    fields: Fields = None,
    days: Days = None,
    verified: Annotated[bool, typer.Option("--verified", help="It was checked with its source now.")] = False,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Propose to change an entry, or to let it stand longer; another person approves."""
    signing = SigningKey.load(key)
    given = Given(signing.public.id, now(), days=days)
    with Draft.open(book) as draft, draft.transaction():
        base, current = draft.current(entry_id)
        values = values_of(current.body)
        if verified:
            del values["verified"]
        if days is not None:
            del values["expires"]
        values |= _said(fields)
        proposal = propose(values, given, entry_id=entry_id, created=created_of(current.body))
        change = draft.stage([Staged(Kind.EDIT, entry_id, proposal, base)], signing, given.now)
    _report(change, entry_id, as_json=as_json)


def cancel(
    entry_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="Entries to take away.")
    ] = None,
    *,
    key: Key,
    change: Annotated[int | None, typer.Option(help="Withdraw this pending change instead.")] = None,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Take entries away, up to ten at once; more wait for a second person. Then sign and publish a new list."""
    signing = SigningKey.load(key)
    if bool(entry_ids) == (change is not None):
        raise typer.BadParameter("name either entries or a pending --change")
    with Draft.open(book) as draft, draft.transaction():
        if change is not None:
            done = draft.withdraw(change, signing)
        else:
            done = draft.stage([_gone(draft, each) for each in entry_ids or []], signing, now())
    _report(done, "", as_json=as_json)


def approve(
    numbers: Annotated[list[int], typer.Argument(metavar="CHANGE...", help="Pending changes, from `show`.")],
    *,
    key: Key,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Let another person's pending changes take effect. Look at them first: `show --change N`."""
    signing = SigningKey.load(key)
    with Draft.open(book) as draft, draft.transaction():
        done = [draft.approve(number, signing, now()) for number in numbers]
    for change in done:
        _report(change, "", as_json=as_json)


def show(
    entry_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One entry, whole.")] = None,
    *,
    change: Annotated[int | None, typer.Option(help="The rows of one change.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows shown; --json shows all.")] = 50,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Show the entries in force and the changes that wait for approval."""
    with Draft.open(book) as draft:
        if entry_id is not None:
            _show_entry(draft, entry_id)
        elif change is not None:
            _show_change(draft, change, limit, as_json=as_json)
        else:
            _show_all(draft, limit, as_json=as_json)


def _show_entry(draft: Draft, entry_id: str) -> None:
    typer.echo(json.dumps(entry_body(draft.entry(entry_id)), indent=2, ensure_ascii=False))


def _show_change(draft: Draft, number: int, limit: int, *, as_json: bool) -> None:
    change = draft.change(number)
    rows: list[tuple[str, ...]] = []
    for kind, entry_id, entry in draft.proposals(number):
        if as_json:
            body = {"kind": kind.value, "id": entry_id, "entry": entry_body(entry) if entry else None}
            typer.echo(json.dumps(body, sort_keys=True, ensure_ascii=False))
        elif len(rows) < limit:
            cells = entry_row(entry) if entry else (entry_id,) + ("",) * (len(ENTRY_COLUMNS) - 1)
            rows.append((kind.value, *cells))
    if not as_json:
        grid(("", *ENTRY_COLUMNS), rows, title=_sentence(change))


def _show_all(draft: Draft, limit: int, *, as_json: bool) -> None:
    if as_json:
        for entry in draft.entries(now()):
            typer.echo(json.dumps(entry_body(entry), sort_keys=True, ensure_ascii=False))
        return
    total, rows = draft.count(now()), []
    for entry in draft.entries(now()):
        rows.append(entry_row(entry))
        if len(rows) == limit:
            break
    shown = f", {limit} shown" if total > limit else ""
    grid(ENTRY_COLUMNS, rows, title=f"{draft.department}: {total} entries in force{shown}")
    pending = draft.changes(State.PENDING)
    if pending:
        cells = [(str(c.number), c.author, c.at, str(c.adds), str(c.edits), str(c.cancels)) for c in pending]
        grid(
            ("change", "author", "at (UTC)", "adds", "edits", "cancels"),
            cells,
            title="Waiting for approval",
        )


def _gone(draft: Draft, entry_id: str) -> Staged:
    base, proposal = draft.current(entry_id)
    return Staged(Kind.CANCEL, entry_id, proposal, base)


def _said(fields: list[str] | None) -> dict[str, str]:
    """Return the texts of ``--set``; an empty one takes a value away."""
    values = {}
    for each in fields or []:
        name, equals, text = each.partition("=")
        if not equals or name not in FIELDS:
            raise typer.BadParameter(f"--set is FIELD=TEXT, with one of: {', '.join(sorted(FIELDS))}")
        values[name] = text
    return values


def _sentence(change: Change) -> str:
    does = f"{change.adds} added, {change.edits} changed, {change.cancels} cancelled"
    approver = f", approved by {change.approver}" if change.approver else ""
    return f"change {change.number} by {change.author}: {does}; {change.state}{approver}"


def _report(change: Change, entry_id: str, *, as_json: bool) -> None:
    body = {
        "change": change.number,
        "author": change.author,
        "approver": change.approver,
        "id": entry_id,
        "adds": change.adds,
        "edits": change.edits,
        "cancels": change.cancels,
        "state": change.state.value,
    }
    named = f"entry {entry_id}, " if entry_id else ""
    say(f"{named}{_sentence(change)}", body, as_json=as_json)
