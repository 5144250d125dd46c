"""The auditor's work and the public report as JSON: the same functions as the pages, the same rules (R12, R17)."""

import json
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from api.db.models import AuditRow
from api.hits import precision
from api.oversight import audit_export, review_week
from api.oversight.report import make_report, to_csv
from api.oversight.review_week import Filter
from api.web.deps import Auditor, ServiceDep, Who
from api.web.json_kit import Body
from api.web.problems import PROBLEMS

router = APIRouter(prefix="/v1", tags=["oversight"], responses=PROBLEMS)
Text = Annotated[str, Query(max_length=80, description="the beginning of what is wanted")]
Year = Annotated[int, Query(ge=0, le=9999, description="0 is the present one")]
_EXPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The whole log, signed; one JSON text a line",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}
_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Section, name, value",
        "content": {"text/csv; charset=utf-8": {"schema": {"type": "string"}}},
    }
}


class Record(BaseModel):
    """One record of the log."""

    seq: int
    at: str
    actor: Annotated[str, Field(examples=["person:dora", "device:camera-1", "service"])]
    act: Annotated[str, Field(examples=["hit.open"])]
    object: str
    purpose: str
    case_number: str
    result: str
    detail: dict[str, str | int]
    digest: str


class RecordPage(BaseModel):
    """A page of the log, the newest first."""

    items: list[Record]
    next: int | None


class ChainCheck(BaseModel):
    """What was found."""

    unbroken: bool
    found: Annotated[str, Field(examples=["120 records and 3 checkpoints, unbroken"])]


class WeekShown(BaseModel):
    """One whole week of the log."""

    name: Annotated[str, Field(examples=["2030-W02"])]
    records: int
    flagged: int
    signed_by: str
    note: str


class Weeks(BaseModel):
    """The last whole weeks, the newest first."""

    items: list[WeekShown]


class Note(Body):
    """What the auditor found."""

    note: Annotated[str, Field(max_length=400)] = ""


class PrecisionLine(BaseModel):
    """How often a list, camera or kind of match was right, with the ends of the 95 % interval."""

    group: Annotated[str, Field(examples=["list", "camera", "kind of match"])]
    name: str
    right: int
    wrong: int
    other: int
    share: float | None
    low: float
    high: float


class Confusion(BaseModel):
    """One character read as another, and how often."""

    read: str
    typed: str
    times: int


class PrecisionShown(BaseModel):
    """How often the cameras were right, and which characters they mistook."""

    lines: list[PrecisionLine]
    confusions: list[Confusion]


class DeviceMatches(BaseModel):
    """A device and how many matches it made."""

    device: str
    installed: str
    make: str
    model: str
    location: str
    matches: str


class ReportShown(BaseModel):
    """The public report; every count is text, and a small one is rounded."""

    agency: str
    year: int
    made: date
    totals: Annotated[list[tuple[str, str, str]], Field(description="name, count, and what it adds up with")]
    years: list[int]
    mistakes: list[tuple[str, str]]
    lists: list[tuple[str, str, str]]
    devices: list[DeviceMatches]


@router.get("/audit")
def log(
    *,
    service: ServiceDep,
    who: Auditor,
    actor: Text = "",
    act: Text = "",
    target: Text = "",
    purpose: Text = "",
    before: Annotated[int, Query(ge=0, lt=2**63, description="the `next` of the page before")] = 0,
) -> RecordPage:
    """Give a page of the log, the newest first; the next page is before the last record's number."""
    rows = review_week.read(service, who, Filter(actor, act, target, purpose, before))
    return RecordPage(
        items=[_record(row) for row in rows], next=rows[-1].seq if len(rows) == review_week.PAGE else None
    )


@router.get("/audit/flagged")
def flagged(service: ServiceDep, who: Auditor) -> RecordPage:
    """Give the last records that want an auditor's eye, the newest first."""
    return RecordPage(items=[_record(row) for row in review_week.read_flagged(service, who)], next=None)


@router.post("/audit/check")
def check(service: ServiceDep, who: Auditor) -> ChainCheck:
    """Check the whole chain and its checkpoints."""
    found = review_week.check(service, who)
    return ChainCheck(unbroken=not found.startswith(review_week.BROKEN), found=found)


@router.post("/audit/export", response_class=StreamingResponse, responses=_EXPORT)
def export(service: ServiceDep, who: Auditor) -> Response:
    """Give the whole log, signed, as `alpr-api audit verify` reads it."""
    return StreamingResponse(
        audit_export.export(service, who.person.actor), media_type="application/x-ndjson"
    )


@router.get("/audit/weeks")
def weeks(service: ServiceDep, who: Auditor) -> Weeks:
    """Give the last whole weeks, and who signed them off."""
    del who
    return Weeks.model_validate({"items": jsonable_encoder(review_week.weeks(service))})


@router.post("/audit/weeks/{week}", status_code=HTTPStatus.NO_CONTENT)
def sign_off(service: ServiceDep, who: Auditor, week: str, given: Note) -> None:
    """Sign a whole week off, once."""
    review_week.sign_off(service, who, week, given.note)


@router.get("/precision")
def precision_table(service: ServiceDep, who: Auditor) -> PrecisionShown:
    """Say how often the cameras were right (R20)."""
    del who
    with service.database.read() as session:
        lines, confusions = precision.precision(session), precision.confusions(session)
    return PrecisionShown(
        lines=[PrecisionLine(**jsonable_encoder(line), share=line.share) for line in lines],
        confusions=[Confusion(read=read, typed=typed, times=times) for read, typed, times in confusions],
    )


@router.get("/report")
def report(service: ServiceDep, who: Who, year: Year = 0) -> ReportShown:
    """Give the public report of a year, to be published by the department (R17)."""
    del who
    made = make_report(service, year or service.now().year)
    return ReportShown.model_validate(jsonable_encoder(made))


@router.get("/report.csv", response_class=Response, responses=_CSV)
def report_csv(service: ServiceDep, who: Who, year: Year = 0) -> Response:
    """Give the same as CSV."""
    del who
    content = to_csv(make_report(service, year or service.now().year))
    return Response(content, media_type="text/csv; charset=utf-8")


def _record(row: AuditRow) -> Record:
    body = {name: getattr(row, name) for name in Record.model_fields}
    return Record(**{**body, "detail": json.loads(row.detail)})
