"""The hot list's pages: what is in force, what is proposed, adding, importing, approving, publishing."""

from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from starlette.responses import RedirectResponse, Response

from api.accounts.access import AccessPurpose
from api.accounts.routes.reason_page import ask_reason
from api.accounts.sessions import SignedIn
from api.core.errors import ApiError, ReasonError
from api.db.models import ListRow
from api.lists import approval, entries, list_search, list_signing, proposals, publishing
from api.lists.list_search import Found, Wanted
from api.lists.list_signing import Waiting
from api.lists.proposals import Batch, Proposed
from api.lists.publishing import Standing
from api.web.deps import Approver, Editor, ListWorker, ServiceDep
from api.web.pages import Page, render
from hotlist.entry import Entry, Purpose, Severity

router = APIRouter(prefix="/list", include_in_schema=False)
FIELDS = ("plate", "region", "purpose", "severity", "case_number", "source", "expires", "note")
VEHICLE = ("make", "model", "colour", "year")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage(Page):
    """What is in force, what waits, what was published."""

    template: ClassVar[str] = "list.html"
    title: str = "Hot list"
    found: Found
    wanted: Wanted
    query: str = field(repr=False)
    sorts: tuple[str, ...]
    severities: list[Severity]
    purposes: list[Purpose]
    sources: list[str]
    count: int
    batches: list[Batch]
    versions: list[ListRow]
    by_people: bool
    waiting: Waiting | None
    renew_hours: int = int(publishing.RENEW.total_seconds() // 3600)
    standing: Standing
    devices: list[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFormPage(Page):
    """A new entry, or a change to one."""

    template: ClassVar[str] = "entry_form.html"
    entry: str
    version: str
    values: dict[str, str] = field(repr=False)
    purposes: list[str]
    severities: list[str]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage(Page):
    """What is proposed, to be approved by another person."""

    template: ClassVar[str] = "batch.html"
    title: str
    batch: Batch
    entries: list[Proposed] = field(repr=False)
    mine: bool
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage(Page):
    """One entry in force."""

    template: ClassVar[str] = "entry.html"
    title: str = "Entry"
    entry: Entry = field(repr=False)


@router.get("")
def overview(
    *,
    service: ServiceDep,
    who: ListWorker,
    case_number: Annotated[str, Query(max_length=64)] = "",
    severity: Annotated[str, Query(max_length=16)] = "",
    purpose: Annotated[str, Query(max_length=40)] = "",
    source: Annotated[str, Query(max_length=80)] = "",
    soon: bool = False,
    sort: Annotated[str, Query(max_length=16)] = "end",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Response:
    """Show what is in force, without plates, as it is chosen, and what waits."""
    wanted = Wanted(case_number, severity, purpose, source, soon, sort, page)
    found = list_search.search(service, wanted)
    made = ListPage(
        person=who.person,
        found=found,
        wanted=wanted,
        query=urlencode({**asdict(wanted), "page": ""}),
        sorts=list_search.SORTS,
        severities=list(Severity),
        purposes=list(Purpose),
        sources=list_search.sources(service),
        count=entries.count(service),
        batches=proposals.waiting(service, limit=1000),
        versions=publishing.history(service, 5),
        by_people=publishing.by_people(service),
        waiting=list_signing.waiting(service),
        standing=publishing.standing(service),
        devices=publishing.held(service),
    )
    return render(made)


@router.get("/add")
def add_page(who: Editor) -> Response:
    """Show an empty form."""
    return _form(who, {})


@router.post("/add")
def add(
    *,
    service: ServiceDep,
    who: Editor,
    entry: Annotated[str, Form(max_length=64)] = "",
    version: Annotated[str, Form(max_length=64)] = "",
    plate: Annotated[str, Form(max_length=40)] = "",
    region: Annotated[str, Form(max_length=60)] = "",
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
        if entry:
            proposals.propose_change(service, who, entry, values, version)
        else:
            proposals.propose_new(service, who, values)
    except ApiError as problem:
        return _form(who, values, entry, version, problem)
    return _to("/list")


@router.get("/proposed/{batch}")
def proposed(
    service: ServiceDep, who: ListWorker, batch: str, start: Annotated[int, Query(ge=0, lt=2**31)] = 0
) -> Response:
    """Show what is proposed, a page at a time; its plates only with a reason (R11)."""
    shown = proposals.summary(service, batch)
    try:
        lines = proposals.page(service, who, batch, start)
    except ReasonError:
        return ask_reason(who, f"/list/proposed/{batch}/open", AccessPurpose.LIST)
    page = BatchPage(
        person=who.person,
        title=shown.what[:1].upper() + shown.what[1:],
        batch=shown,
        entries=lines,
        mine=shown.author == who.person.name,
        more=lines[-1].place if len(lines) == proposals.PAGE else 0,
    )
    return render(page)


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
        proposals.open_batch(service, who, batch, purpose, case_number)
    except ReasonError as problem:
        return ask_reason(who, f"/list/proposed/{batch}/open", AccessPurpose.LIST, str(problem))
    return _to(f"/list/proposed/{batch}")


@router.post("/proposed/{batch}/approve")
def approve(service: ServiceDep, who: Approver, batch: str) -> Response:
    """Let a proposal take effect; where the service signs, it is published at once."""
    approval.approve(service, who, batch)
    return _to("/list")


@router.post("/proposed/{batch}/put-forward")
def put_forward(service: ServiceDep, who: Editor, batch: str) -> Response:
    """Make a dry run a proposal."""
    proposals.put_forward(service, who, batch)
    return _to("/list")


@router.post("/proposed/{batch}/withdraw")
def withdraw(service: ServiceDep, who: ListWorker, batch: str) -> Response:
    """Drop a proposal."""
    proposals.withdraw(service, who, batch)
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
    found = entries.find(service, who, plate, purpose, case_number)
    return _to(f"/list/entries/{found}")


@router.get("/entries/{entry}")
def entry_page(service: ServiceDep, who: ListWorker, entry: str) -> Response:
    """Show one entry, with a reason."""
    try:
        shown = entries.opened(service, who, entry).entry
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
        entries.open_entry(service, who, entry, purpose, case_number)
    except ReasonError as problem:
        return ask_reason(who, f"/list/entries/{entry}/open", AccessPurpose.LIST, str(problem))
    return _to(f"/list/entries/{entry}")


@router.get("/entries/{entry}/change")
def change_page(service: ServiceDep, who: Editor, entry: str) -> Response:
    """Show the form with an entry's present values."""
    opened = entries.opened(service, who, entry)
    shown = opened.entry
    values = {name: str(getattr(shown, name)) for name in FIELDS if name != "expires"}
    values |= {name: str(getattr(shown.vehicle, name) or "") for name in VEHICLE}
    return _form(who, {**values, "expires": f"{shown.expires:%Y-%m-%d}"}, entry, opened.version)


@router.post("/entries/{entry}/cancel")
def cancel(
    service: ServiceDep, who: ListWorker, entry: str, reason: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Take an entry off the list and publish at once (R7)."""
    entries.cancel(service, who, entry, reason)
    return _to("/list")


@router.post("/publish")
def publish(service: ServiceDep, who: Approver) -> Response:
    """Publish the next version, or make it for people to sign."""
    publishing.publish(service, who.person.actor)
    return _to("/list")


def _form(
    who: SignedIn,
    values: dict[str, str],
    entry: str = "",
    version: str = "",
    problem: ApiError | None = None,
) -> Response:
    """Show the form of an entry."""
    page = EntryFormPage(
        person=who.person,
        title="Change an entry" if entry else "New entry",
        entry=entry,
        version=version,
        values={name: values.get(name, "") for name in (*FIELDS, *VEHICLE)},
        purposes=list(Purpose),
        severities=list(Severity),
        problem=str(problem or ""),
    )
    return render(page, status=problem.status if problem else HTTPStatus.OK)


def _to(path: str) -> Response:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)
