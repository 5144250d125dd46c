"""Proposals and imports as JSON: the same functions as the pages, the same rules (R6, R11)."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from api.lists import approval, proposals
from api.lists.routes import import_form
from api.lists.routes.import_form import ImportForm
from api.lists.routes.list_api import VehicleShown
from api.lists.routes.proposal_shapes import ProposalShown, shown
from api.web.deps import Approver, Editor, ListWorker, ServiceDep
from api.web.json_kit import Cursor, IdempotencyKey, Limit, Reason, located
from api.web.problems import PROBLEMS
from hotlist.entry import Purpose, Severity, entry_to_json

router = APIRouter(prefix="/v1", tags=["hot list"], responses=PROBLEMS)
PAGE: Final = 50


class ProposalPage(BaseModel):
    """A page of proposals."""

    items: list[ProposalShown]
    next: str | None


class ProposedEntry(BaseModel):
    """An entry that nobody has approved yet."""

    id: str
    plate: str
    region: str
    purpose: Purpose
    severity: Severity
    case_number: str
    source: str
    author: str
    effective: str
    expires: str
    verified: str
    vehicle: VehicleShown
    note: str


class ProposedPage(BaseModel):
    """A page of a proposal's entries."""

    items: list[ProposedEntry]
    next: int | None


class Approved(BaseModel):
    """How many entries took effect, and whether devices fetch them already.

    Where they do not, the entries are in force all the same: people have to sign a version with them, nothing was
    ever published, or the publication failed and is tried again within a minute.
    """

    entries: int
    published: bool


def _import_schema() -> dict[str, Any]:
    """Return OpenAPI's description of a form that is read as it comes, after the sign-in was checked."""
    schema = ImportForm.model_json_schema(ref_template="#/components/schemas/{model}")
    formats = schema.pop("$defs")["Format"]
    schema["properties"]["format"] = {**formats, "examples": ["csv"]}
    schema["properties"]["file"] = {"type": "string", "format": "binary"}
    schema["required"] = [*schema["required"], "file"]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


@router.post(
    "/imports",
    status_code=HTTPStatus.CREATED,
    response_model=ProposalShown,
    openapi_extra=_import_schema(),
)
async def import_file(
    request: Request, service: ServiceDep, who: Editor, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Read a file and say what it would do: a dry run, which its author can put forward.

    The file may be as large as `limits.import_bytes`, and is read as it comes.
    """
    draft = await import_form.take(request, service, who, idempotency_key)
    return located(f"/v1/proposals/{draft.id}", draft)


@router.get("/proposals")
def waiting(service: ServiceDep, who: ListWorker, after: Cursor = "", limit: Limit = PAGE) -> ProposalPage:
    """Give what waits for another person, and the dry runs; without plates."""
    del who
    found = proposals.waiting(service, after, limit)
    more = found[-1].id if len(found) == limit else None
    return ProposalPage(items=[shown(batch) for batch in found], next=more)


@router.get("/proposals/{proposal}")
def show(service: ServiceDep, who: ListWorker, proposal: str) -> ProposalShown:
    """Give one proposal, without its plates."""
    del who
    return shown(proposals.summary(service, proposal))


@router.post("/proposals/{proposal}/open", status_code=HTTPStatus.NO_CONTENT)
def open_proposal(service: ServiceDep, who: ListWorker, proposal: str, reason: Reason) -> None:
    """Open a proposal with a purpose and a case number; its plates are not given before."""
    proposals.open_batch(service, who, proposal, reason.purpose, reason.case_number)


@router.get("/proposals/{proposal}/entries")
def proposed(
    service: ServiceDep,
    who: ListWorker,
    proposal: str,
    after: Annotated[int, Query(ge=0, lt=2**31, description="the `next` of the page before")] = 0,
    limit: Limit = PAGE,
) -> ProposedPage:
    """Give a page of an opened proposal's entries; each page is in the log."""
    lines = proposals.page(service, who, proposal, after, limit)
    items = [ProposedEntry.model_validate(_proposed(entry_to_json(line.entry))) for line in lines]
    return ProposedPage(items=items, next=lines[-1].place if len(lines) == limit else None)


@router.post("/proposals/{proposal}/put-forward")
def put_forward(service: ServiceDep, who: Editor, proposal: str) -> ProposalShown:
    """Make one's own dry run a proposal that another person can approve."""
    proposals.put_forward(service, who, proposal)
    return shown(proposals.summary(service, proposal))


@router.post("/proposals/{proposal}/approve")
def approve(service: ServiceDep, who: Approver, proposal: str) -> Approved:
    """Let an opened proposal of somebody else take effect; nobody approves their own (R6)."""
    count, standing = approval.approve(service, who, proposal)
    return Approved(entries=count, published=standing.whole)


@router.post("/proposals/{proposal}/withdraw", status_code=HTTPStatus.NO_CONTENT)
def withdraw(service: ServiceDep, who: ListWorker, proposal: str) -> None:
    """Drop a proposal: its author takes it back, or an approver refuses it."""
    proposals.withdraw(service, who, proposal)


def _proposed(body: dict[str, object]) -> dict[str, object]:
    """Return the members of an entry that it has before it is approved."""
    return {name: body[name] for name in ProposedEntry.model_fields}
