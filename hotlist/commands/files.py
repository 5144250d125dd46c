"""Import and export."""

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from hitonly_core.files import write_durably
from hitonly_core.keys import SigningKey
from hitonly_core.policy import PASSES_PER_DAY
from hotlist.authoring.changes import Change, Kind, Staged, State
from hotlist.authoring.draft import Draft
from hotlist.authoring.exporting import write_csv, write_json_lines
from hotlist.authoring.import_plan import Replace, Report, stage_file
from hotlist.authoring.workbook_cost import check_budget
from hotlist.commands.common import BOOK, AsJson, Book, Key, err, grid, now, out, say
from hotlist.errors import Exit, ImportFileError, StoreError
from hotlist.importers import READERS, Format
from hotlist.importers.dates import DateOrder
from hotlist.importers.proposal import Given
from hotlist.region_codes import country_code

_SHOWN: Final = 20
_SUFFIX: Final = {".csv": Format.CSV, ".jsonl": Format.JSONL, ".txt": Format.NCIC}


class _PlanOnly(Exception):  # noqa: N818 - not a fault: leaves the transaction so that it is rolled back
    """Nothing was asked to be written."""


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines (.jsonl) or an NCIC extract (.txt).")],
    *,
    key: Key,
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Propose it; without this, only show what it would do.")
    ] = False,
    kind: Annotated[Format | None, typer.Option("--format", help="If the name does not say it.")] = None,
    country: Annotated[str, typer.Option(help="Country of bare states: with US, NH is US-NH.")] = "",
    source: Annotated[str, typer.Option(help="For rows that name none.")] = "",
    purpose: Annotated[str, typer.Option(help="For rows that name none.")] = "",
    case_number: Annotated[str, typer.Option("--case", help="For rows that name none.")] = "",
    days: Annotated[int | None, typer.Option(min=1, help="For rows that name no expiry.")] = None,
    replace_source: Annotated[
        str | None, typer.Option(help="Also cancel this source's entries that the file no longer holds.")
    ] = None,
    allow_refused: Annotated[
        bool, typer.Option("--allow-refused", help="Replace the source although rows are refused.")
    ] = False,
    allow_removals: Annotated[
        int | None, typer.Option(min=0, help="Replace the source although so many entries go.")
    ] = None,
    dates: Annotated[
        DateOrder, typer.Option(help="How dates with slashes are written: 12/31/2026 is mdy.")
    ] = DateOrder.ISO,
    fold_marks: Annotated[
        bool, typer.Option("--fold-marks", help="Read plates' letters without marks: \u00c4 as A.")
    ] = False,
    passes_per_day: Annotated[
        float, typer.Option(min=1, help="Vehicles a day at one camera.")
    ] = PASSES_PER_DAY,
    accept_false_hits: Annotated[
        float | None, typer.Option(help="Accept so many predicted false hits a day.")
    ] = None,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Show what a file would change; with --apply, propose it as one change. Exit 3 when a row was refused."""
    chosen = kind or _SUFFIX.get(file.suffix.lower())
    if chosen is None:
        raise typer.BadParameter("say --format csv, jsonl or ncic: the file's name does not")
    signing = SigningKey.load(key)
    defaults = {"source": source, "purpose": purpose, "case_number": case_number}
    given = Given(
        signing.public.id,
        now(),
        country=country_code(country),
        days=days,
        dates=dates,
        fold=fold_marks,
        values={name: text for name, text in defaults.items() if text},
    )
    replace = _replacement(replace_source, allow_refused=allow_refused, allow_removals=allow_removals)
    change, report, heavy = None, Report(), 0
    with Draft.open(book) as draft, contextlib.suppress(_PlanOnly), draft.transaction():
        with _opened(file) as (content, progress):
            report, change = stage_file(
                draft,
                READERS[chosen](content),
                given,
                signing,
                replace=replace,
                progress=progress,
            )
        heavy = check_budget(
            draft, change, given.now, passes_per_day=passes_per_day, accepted=accept_false_hits
        )
        if not report.rows + report.removed:
            raise ImportFileError("the file has no rows", hint="Is it whole? Look at it, or get it again.")
        if not apply:
            raise _PlanOnly
    _show(report, change if apply else None, heavy, as_json=as_json)
    if report.reasons:
        raise typer.Exit(Exit.REFUSED)


def _replacement(source: str | None, *, allow_refused: bool, allow_removals: int | None) -> Replace | None:
    """Return which source the file replaces, if one was said.

    Raises:
        BadParameter: it is empty, as an unset variable is; or something is allowed that is not asked for.
    """
    if source is None:
        if allow_refused or allow_removals is not None:
            raise typer.BadParameter("--allow-refused and --allow-removals go with --replace-source")
        return None
    if not source.strip():
        raise typer.BadParameter("--replace-source names no source")
    return Replace(source.strip(), allow_refused, allow_removals)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, Callable[[int], None]]]:
    """Open a file with a progress bar over its bytes; the bar shows on a terminal only."""
    try:
        file = path.open("rb")
        size = path.stat().st_size
    except OSError as problem:
        raise ImportFileError(f"{path} cannot be read: {problem.strerror}") from None
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with file, Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("reading rows", total=size)
        yield file, lambda _: bar.update(task, completed=file.tell())


def _show(report: Report, change: Change | None, heavy: int, *, as_json: bool) -> None:
    counts = {
        "rows": report.rows,
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "refused": report.reasons.total(),
        "immigration": report.immigration,
    }
    if as_json:
        refused = [{"line": line, "reason": reason} for line, reason in report.refused]
        state = change.state.value if change else None
        body = {
            **counts,
            "change": change.number if change else None,
            "state": state,
            "refused_rows": refused,
            "doubtful_rows": [{"line": line, "reason": reason} for line, reason in report.doubtful],
            "heavy": heavy,
            "unread_columns": list(report.unread),
        }
        say("", body, as_json=True)
        return
    grid(("", "plate", "region", "case", "expires (UTC)"), [_row(staged) for staged in report.examples])
    refused_rows = [(str(line), reason) for line, reason in report.refused[:_SHOWN]]
    if refused_rows:
        grid(("line", "refused because"), refused_rows, title="Refused rows")
    if report.reasons.total() > _SHOWN:
        grid(("rows", "refused because"), [(str(n), why) for why, n in report.reasons.most_common()])
    doubtful = [(str(line), why) for line, why in report.doubtful[:_SHOWN]]
    if doubtful:
        grid(("line", "look at it because the plate is"), doubtful, title="Rows to look at; they are read")
    if report.doubts.total() > _SHOWN:
        grid(
            ("rows", "look at them because the plate is"),
            [(str(n), w) for w, n in report.doubts.most_common()],
        )
    for note in _notes(report, heavy):
        out.print(note, markup=False)
    out.print("\n" + ", ".join(f"{count} {name}" for name, count in counts.items()), markup=False)
    if change and change.state is State.PENDING:
        out.print(f"change {change.number} waits for another person's approval", markup=False)
    elif change:
        out.print(f"change {change.number} has taken effect: sign and publish a new list", markup=False)
    elif report.added + report.changed + report.removed:
        out.print("nothing was written; say --apply to propose it", markup=False)


def _notes(report: Report, heavy: int) -> Iterator[str]:
    """Yield what a person should know of the whole file."""
    if report.unread:
        yield f"not read: column {', '.join(report.unread)}; no field has such a name (see docs/hotlist.md)"
    if heavy:
        many = f"{heavy} plates of the list take" if heavy > 1 else "one plate of the list takes"
        yield (
            f"{many} more than a tenth of the false hits you can bear, alone: `alpr-hotlist cost` shows which"
        )


def _row(staged: Staged) -> tuple[str, ...]:
    word = {Kind.ADD: "add", Kind.EDIT: "change", Kind.CANCEL: "remove"}[staged.kind]
    proposal = staged.proposal
    return word, proposal.plate, proposal.region or "any", proposal.case_number, proposal.expires


def export_file(
    file: Annotated[Path, typer.Argument(help="Where to; .csv or .jsonl. Never over a file.")],
    *,
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Write the entries in force to a file of your own. Texts that a spreadsheet would calculate are defused."""
    writers = {".csv": write_csv, ".jsonl": write_json_lines}
    if file.suffix.lower() not in writers:
        raise typer.BadParameter("the file's name ends in .csv or .jsonl")
    text = io.StringIO(newline="")
    with Draft.open(book) as draft:
        count = writers[file.suffix.lower()](draft.entries(now()), text)
    try:
        write_durably(file, text.getvalue().encode(), replace=False)
    except FileExistsError:
        raise StoreError(f"{file} is already there", hint="Choose another name.") from None
    except OSError as problem:
        raise StoreError(f"{file} cannot be written: {problem.strerror}") from None
    say(
        f"{count} entries in {file}: plates in the clear",
        {"entries": count, "file": str(file)},
        as_json=as_json,
    )
