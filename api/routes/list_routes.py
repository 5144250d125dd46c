"""The hot list's pages: what is in force, what is proposed, adding, importing, approving, publishing."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import APIRouter, Form, UploadFile
from starlette.responses import RedirectResponse, Response

from api import access, list_import, list_signing, lists, publishing
from api.access import AccessPurpose
from api.db.models import ListRow
from api.deps import Approver, Editor, ListWorker, ServiceDep
from api.errors import ApiError, InvalidError, ReasonError
from api.list_import import Upload
from api.list_signing import Waiting
from api.lists import Batch, Line
from api.pages import Page, render
from api.routes.reason_page import ask_reason
from api.sessions import SignedIn
from hotlist.entry import Entry, Purpose, Severity
from hotlist.importers import Format

router = APIRouter(prefix="/list", include_in_schema=False)
FIELDS = ("plate", "region", "purpose", "severity", "case_number", "source", "expires", "note")
VEHICLE = ("make", "model", "colour", "year")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage(Page):
    """What is in force, what waits, what was published."""

    template: ClassVar[str] = "list.html"
    title: str = "Hot list"
    lines: list[Line]
    count: int
    batches: list[Batch]
    versions: list[ListRow]
    by_people: bool
    waiting: Waiting | None
    renew_hours: int = int(publishing.RENEW.total_seconds() // 3600)
    devices: list[tuple[str, int]]
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFormPage(Page):
    """A new entry, or a change to one."""

    template: ClassVar[str] = "entry_form.html"
    entry: str
    values: dict[str, str] = field(repr=False)
    purposes: list[str]
    severities: list[str]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPage(Page):
    """A file to import."""

    template: ClassVar[str] = "import.html"
    title: str = "Import entries"
    formats: list[str]
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage(Page):
    """What is proposed, to be approved by another person."""

    template: ClassVar[str] = "batch.html"
    title: str
    batch: Batch
    entries: list[Entry] = field(repr=False)
    mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage(Page):
    """One entry in force."""

    template: ClassVar[str] = "entry.html"
    title: str = "Entry"
    entry: Entry = field(repr=False)


@router.get("")
def overview(service: ServiceDep, who: ListWorker, start: str = "") -> Response:
    """Show what is in force, without plates, and what waits."""
    lines = lists.in_force(service, start)
    page = ListPage(
        person=who.person,
        lines=lines,
        count=lists.count(service),
        batches=lists.batches(service),
        versions=publishing.history(service, 5),
        by_people=publishing.by_people(service),
        waiting=list_signing.waiting(service),
        devices=publishing.held(service),
        more=lines[-1].id if len(lines) == lists.PAGE else "",
    )
    return render(page)


@router.get("/add")
def add_page(who: Editor) -> Response:
    """Show an empty form."""
    return _form(who, "", {})


@router.post("/add")
def add(
    *,
    service: ServiceDep,
    who: Editor,
    entry: Annotated[str, Form(max_length=64)] = "",
    plate: Annotated[str, Form(max_length=40)] = "",
    region: Annotated[str, Form(max_length=8)] = "",
    purpose: Annotated[str, Form(max_length=40)] = "",
    severity: Annotated[str, Form(max_length=10)] = "",
    case_number: Annotated[str, Form(max_length=64)] = "",
    source: Annotated[str, Form(max_length=64)] = "",
    expires: Annotated[str, Form(max_length=30)] = "",
    note: Annotated[str, Form(max_length=500)] = "",
    make: Annotated[str, Form(max_length=64)] = "",
    model: Annotated[str, Form(max_length=64)] = "",
    colour: Annotated[str, Form(max_length=64)] = "",
    year: Annotated[str, Form(max_length=4)] = "",
) -> Response:
    """Propose an entry, or show the form again with what is wrong."""
    given = (plate, region, purpose, severity, case_number, source, expires, note, make, model, colour, year)
    values = dict(zip((*FIELDS, *VEHICLE), given, strict=True))
    try:
        lists.add(service, who, values, entry)
    except ApiError as problem:
        return _form(who, entry, values, problem)
    return _to("/list")


@router.get("/import")
def import_page(who: Editor) -> Response:
    """Show the form for a file."""
    return render(ImportPage(person=who.person, formats=list(Format)))


@router.post("/import")
def import_file(
    *,
    service: ServiceDep,
    who: Editor,
    file: UploadFile,
    format: Annotated[Format, Form()],  # noqa: A002 - the form's own word
    source: Annotated[str, Form(max_length=64)] = "",
    country: Annotated[str, Form(pattern="^([A-Z]{2})?$")] = "",
    days: Annotated[str, Form(pattern="^[0-9]{0,3}$")] = "",
) -> Response:
    """Make a dry run and show what it would do."""
    name = (file.filename or "a file")[:60]
    upload = Upload(name, file.file.read(), format, source, country, int(days) if days else None)
    try:
        batch = list_import.dry_run(service, who, upload)
    except InvalidError as problem:
        page = ImportPage(person=who.person, formats=list(Format), problem=str(problem), hint=problem.hint)
        return render(page, status=problem.status)
    return _to(f"/list/proposed/{batch}")


@router.get("/proposed/{batch}")
def proposed(service: ServiceDep, who: ListWorker, batch: str) -> Response:
    """Show what is proposed; its plates only with a reason (R11)."""
    try:
        access.check_opened(service, who, f"batch:{batch}")
    except ReasonError:
        return ask_reason(who, f"/list/proposed/{batch}/open", AccessPurpose.LIST)
    shown, entries = lists.batch_entries(service, batch)
    mine = shown.author == who.person.name
    title = shown.what[:1].upper() + shown.what[1:]
    return render(BatchPage(person=who.person, title=title, batch=shown, entries=entries, mine=mine))


@router.post("/proposed/{batch}/open")
def open_proposed(
    service: ServiceDep,
    who: ListWorker,
    batch: str,
    purpose: Annotated[str, Form()] = "",
    case_number: Annotated[str, Form()] = "",
) -> Response:
    """Open a proposal with a purpose and a case number."""
    try:
        lists.batch_entries(service, batch, 0)
        access.open_object(service, who, f"batch:{batch}", purpose, case_number)
    except ReasonError as problem:
        return ask_reason(who, f"/list/proposed/{batch}/open", AccessPurpose.LIST, str(problem))
    return _to(f"/list/proposed/{batch}")


@router.post("/proposed/{batch}/approve")
def approve(service: ServiceDep, who: Approver, batch: str) -> Response:
    """Let a proposal take effect; it reaches the devices with the next publication."""
    access.check_opened(service, who, f"batch:{batch}")
    lists.approve(service, who, batch)
    return _to("/list")


@router.post("/proposed/{batch}/put-forward")
def put_forward(service: ServiceDep, who: Editor, batch: str) -> Response:
    """Make a dry run a proposal."""
    lists.put_forward(service, who, batch)
    return _to("/list")


@router.post("/proposed/{batch}/withdraw")
def withdraw(service: ServiceDep, who: ListWorker, batch: str) -> Response:
    """Drop a proposal."""
    lists.withdraw(service, who, batch)
    return _to("/list")


@router.post("/find")
def find(
    service: ServiceDep,
    who: ListWorker,
    plate: Annotated[str, Form(max_length=40)] = "",
    purpose: Annotated[str, Form()] = "",
    case_number: Annotated[str, Form()] = "",
) -> Response:
    """Open the entry of a listed plate, with a reason; it looks at the department's own list only."""
    found = lists.find(service, plate)
    access.record_look(service, who, purpose, case_number, len(found))
    if not found:
        raise InvalidError("no entry in force is for this plate")
    lists.open_entry(service, who, found[0], purpose, case_number)
    return _to(f"/list/entries/{found[0]}")


@router.get("/entries/{entry}")
def entry_page(service: ServiceDep, who: ListWorker, entry: str) -> Response:
    """Show one entry, with a reason."""
    try:
        shown = lists.entry_in_force(service, who, entry)
    except ReasonError:
        return ask_reason(who, f"/list/entries/{entry}/open", AccessPurpose.LIST)
    return render(EntryPage(person=who.person, entry=shown))


@router.post("/entries/{entry}/open")
def open_entry(
    service: ServiceDep,
    who: ListWorker,
    entry: str,
    purpose: Annotated[str, Form()] = "",
    case_number: Annotated[str, Form()] = "",
) -> Response:
    """Open an entry with a purpose and a case number."""
    try:
        lists.open_entry(service, who, entry, purpose, case_number)
    except ReasonError as problem:
        return ask_reason(who, f"/list/entries/{entry}/open", AccessPurpose.LIST, str(problem))
    return _to(f"/list/entries/{entry}")


@router.get("/entries/{entry}/change")
def change_page(service: ServiceDep, who: Editor, entry: str) -> Response:
    """Show the form with an entry's present values."""
    shown = lists.entry_in_force(service, who, entry)
    values = {name: str(getattr(shown, name)) for name in FIELDS if name != "expires"}
    values |= {name: str(getattr(shown.vehicle, name) or "") for name in VEHICLE}
    return _form(who, entry, {**values, "expires": f"{shown.expires:%Y-%m-%d}"})


@router.post("/entries/{entry}/cancel")
def cancel(
    service: ServiceDep, who: ListWorker, entry: str, reason: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Take an entry off the list and publish at once (R7)."""
    lists.cancel(service, who, entry, reason)
    publishing.after_cancel(service, who.person.actor)
    return _to("/list")


@router.post("/publish")
def publish(service: ServiceDep, who: Approver) -> Response:
    """Publish the next version, or make it for people to sign."""
    publishing.publish(service, who.person.actor)
    return _to("/list")


def _form(who: SignedIn, entry: str, values: dict[str, str], problem: ApiError | None = None) -> Response:
    """Show the form of an entry."""
    page = EntryFormPage(
        person=who.person,
        title="Change an entry" if entry else "New entry",
        entry=entry,
        values={name: values.get(name, "") for name in (*FIELDS, *VEHICLE)},
        purposes=list(Purpose),
        severities=list(Severity),
        problem=str(problem or ""),
    )
    return render(page, status=problem.status if problem else HTTPStatus.OK)


def _to(path: str) -> Response:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)
