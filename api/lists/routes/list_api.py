"""The hot list's entries and its publication as JSON: the same functions as the pages, the same rules (R6, R11)."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.db.models import ListRow
from api.lists import entries, proposals, publishing
from api.lists.routes.proposal_shapes import ProposalShown, shown
from api.web import idempotency
from api.web.deps import Approver, Editor, ListWorker, ServiceDep
from api.web.json_kit import (
    Body,
    Cursor,
    IdempotencyKey,
    IfMatch,
    Limit,
    Reason,
    located,
    quoted,
    tagged,
    unquoted,
)
from api.web.problems import PROBLEMS
from hotlist.entry import Purpose, Severity, entry_to_json

router = APIRouter(prefix="/v1", tags=["hot list"], responses=PROBLEMS)
PAGE = 50


class EntryLine(BaseModel):
    """One entry in force, without its plate."""

    id: Annotated[str, Field(examples=["5f0c2a9d1be4773a"])]
    purpose: Purpose
    severity: Severity
    region: str
    source: str
    author: str
    approver: str
    expires: datetime


class EntryPage(BaseModel):
    """A page of entries."""

    items: list[EntryLine]
    next: str | None


class VehicleShown(BaseModel):
    """The listed vehicle, as far as it is known."""

    make: str
    model: str
    colour: str
    year: int | None


class EntryShown(BaseModel):
    """One entry in force, for somebody who gave a reason."""

    id: str
    plate: str
    region: str
    purpose: Purpose
    severity: Severity
    case_number: str
    source: str
    author: str
    approver: str
    created: datetime
    effective: datetime
    expires: datetime
    verified: datetime
    vehicle: VehicleShown
    note: str


class EntryGiven(Body):
    """An entry to propose; as on the form, what is not known is left empty."""

    plate: Annotated[str, Field(min_length=1, max_length=40, examples=["AB12CDE"])]
    region: Annotated[str, Field(max_length=60, examples=["US-NH"])] = ""
    purpose: Annotated[Purpose, Field(examples=["stolen-vehicle"])]
    severity: Annotated[Severity, Field(examples=["routine"])] = Severity.ROUTINE
    case_number: Annotated[str, Field(min_length=1, max_length=64, examples=["30-000123"])]
    source: Annotated[str, Field(min_length=1, max_length=64, examples=["county list"])]
    effective: Annotated[str, Field(max_length=30, examples=["2030-01-02"])] = ""
    expires: Annotated[str, Field(max_length=30, examples=["2030-01-20", "2030-01-20T18:00:00Z"])]
    make: Annotated[str, Field(max_length=64, examples=["Ford"])] = ""
    model: Annotated[str, Field(max_length=64)] = ""
    colour: Annotated[str, Field(max_length=64)] = ""
    year: Annotated[int | None, Field(strict=True, ge=1880, le=2200, examples=[2019])] = None
    note: Annotated[str, Field(max_length=500)] = ""

    def values(self) -> dict[str, str]:
        """Return the texts by field."""
        return {name: "" if value is None else str(value) for name, value in self.model_dump().items()}


class Finding(Reason):
    """A listed plate to look for, and why."""

    plate: Annotated[str, Field(min_length=1, max_length=40, examples=["AB12CDE"])]


class Found(BaseModel):
    """The entry that is for the plate; it is opened."""

    entry: str


class Cancellation(Body):
    """Why an entry is taken off the list."""

    reason: Annotated[str, Field(min_length=1, max_length=200, examples=["the car was found"])]


class Published(BaseModel):
    """The version that devices fetch from now on; null while no list has ever been published."""

    version: int | None


class Cancelled(Published):
    """The entry is cancelled, and whether what devices fetch says so already.

    Where it does not, the publication failed and is tried again within a minute (or, where people sign without the
    service's word, waits for them).
    """

    published: bool


class Version(BaseModel):
    """One published version."""

    version: int
    published: datetime
    published_by: str
    entries: int
    digest: str


class VersionPage(BaseModel):
    """A page of versions, the newest first."""

    items: list[Version]
    next: int | None


class Held(BaseModel):
    """Which version a device last said that it holds; 0 for none."""

    device: str
    version: int


class HeldList(BaseModel):
    """What each device holds."""

    items: list[Held]


@router.get("/entries", response_model=EntryPage)
def entry_lines(
    request: Request, service: ServiceDep, who: ListWorker, after: Cursor = "", limit: Limit = PAGE
) -> Response:
    """Give the entries in force, without their plates, in the order of their ids; with an ETag."""
    del who
    lines = entries.in_force(service, after, limit)
    more = lines[-1].id if len(lines) == limit else None
    return tagged(request, {"items": jsonable_encoder(lines), "next": more})


@router.post("/entries", status_code=HTTPStatus.CREATED, response_model=ProposalShown)
def propose(
    service: ServiceDep, who: Editor, given: EntryGiven, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Propose a new entry; another person must approve it."""

    def act() -> dict[str, Any]:
        batch = proposals.propose_new(service, who, given.values())
        return shown(proposals.summary(service, batch)).model_dump(mode="json")

    asked = b"entry" + given.model_dump_json().encode()
    made = ProposalShown.model_validate(idempotency.once(service, who, idempotency_key, asked, act))
    return located(f"/v1/proposals/{made.id}", made)


@router.post("/entries/find")
def find(service: ServiceDep, who: ListWorker, wanted: Finding) -> Found:
    """Open the entry of a listed plate, with a reason; it looks at the department's own list only."""
    return Found(entry=entries.find(service, who, wanted.plate, wanted.purpose, wanted.case_number))


@router.post("/entries/{entry}/open", status_code=HTTPStatus.NO_CONTENT)
def open_entry(service: ServiceDep, who: ListWorker, entry: str, reason: Reason) -> None:
    """Open an entry with a purpose and a case number; its plate is not given before."""
    entries.open_entry(service, who, entry, reason.purpose, reason.case_number)


@router.get("/entries/{entry}", response_model=EntryShown)
def show_entry(service: ServiceDep, who: ListWorker, entry: str) -> Response:
    """Give an opened entry; its ETag is what a change must name."""
    opened = entries.opened(service, who, entry)
    return JSONResponse(entry_to_json(opened.entry), headers={"ETag": quoted(opened.version)})


@router.put("/entries/{entry}", status_code=HTTPStatus.CREATED, response_model=ProposalShown)
def change(
    service: ServiceDep, who: Editor, entry: str, given: EntryGiven, if_match: IfMatch = None
) -> Response:
    """Propose another wording of an opened entry; refused when it was changed meanwhile (`If-Match`)."""
    version = unquoted(if_match)
    batch = proposals.propose_change(service, who, entry, given.values(), version)
    return located(f"/v1/proposals/{batch}", shown(proposals.summary(service, batch)))


@router.post("/entries/{entry}/cancel")
def cancel(service: ServiceDep, who: ListWorker, entry: str, given: Cancellation) -> Cancelled:
    """Take an entry off the list and publish at once; the answer says whether devices fetch it (R7)."""
    standing = entries.cancel(service, who, entry, given.reason)
    return Cancelled(version=standing.version, published=standing.rid)


@router.get("/publications")
def history(
    service: ServiceDep,
    who: ListWorker,
    before: Annotated[int, Query(ge=0, lt=2**31, description="the `next` of the page before")] = 0,
    limit: Limit = PAGE,
) -> VersionPage:
    """Give the published versions, the newest first."""
    del who
    rows = publishing.history(service, limit, before)
    more = rows[-1].version if len(rows) == limit else None
    return VersionPage(items=[Version(**_version(row)) for row in rows], next=more)


@router.post("/publications", status_code=HTTPStatus.CREATED)
def publish(service: ServiceDep, who: Approver) -> Published:
    """Publish the next version of all entries in force."""
    return Published(version=publishing.publish(service, who.person.actor))


@router.get("/publications/held")
def held(service: ServiceDep, who: ListWorker) -> HeldList:
    """Say which version each device holds now."""
    del who
    return HeldList(
        items=[Held(device=device, version=version) for device, version in publishing.held(service)]
    )


def _version(row: ListRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Version.model_fields}
