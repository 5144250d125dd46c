"""The auditor's pages: the log, the chain, the week, the export, the precision; and the public report."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import APIRouter, Form, Query
from starlette.responses import RedirectResponse, Response, StreamingResponse

from api import audit_export, oversight, precision
from api.db.models import AuditRow
from api.deps import Auditor, ServiceDep, Who
from api.oversight import Filter, Week
from api.pages import Page, render
from api.precision import Precision
from api.report import Report, make_report, to_csv

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Query(max_length=80)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage(Page):
    """The log."""

    template: ClassVar[str] = "audit.html"
    title: str = "Audit"
    rows: list[AuditRow]
    flagged: list[AuditRow]
    weeks: list[Week]
    wanted: Filter
    older: int
    chain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionPage(Page):
    """How often the camera was right."""

    template: ClassVar[str] = "precision.html"
    title: str = "Precision"
    lines: list[Precision]
    confusions: list[tuple[str, str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage(Page):
    """The public report."""

    template: ClassVar[str] = "report.html"
    title: str = "Public report"
    report: Report


@router.get("/audit")
def log(
    *,
    service: ServiceDep,
    who: Auditor,
    actor: Text = "",
    act: Text = "",
    object: Text = "",  # noqa: A002 - the log's own word
    purpose: Text = "",
    before: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Show the log; looking at it is in it."""
    wanted = Filter(actor, act, object, purpose, before)
    return render(_page(service, who, wanted))


@router.post("/audit/check")
def check(service: ServiceDep, who: Auditor) -> Response:
    """Check the whole chain and say what was found."""
    chain = oversight.check(service, who)
    return render(_page(service, who, Filter(), chain))


@router.post("/audit/export")
def export(service: ServiceDep, who: Auditor) -> Response:
    """Give the whole log, signed, as a file."""
    lines = audit_export.export(service, who.person.actor)
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)


@router.post("/audit/weeks/{week}")
def sign_off(
    service: ServiceDep, who: Auditor, week: str, note: Annotated[str, Form(max_length=400)] = ""
) -> Response:
    """Sign a week off."""
    oversight.sign_off(service, who, week, note)
    return RedirectResponse("/audit", status_code=HTTPStatus.SEE_OTHER)


@router.get("/precision")
def precision_page(service: ServiceDep, who: Auditor) -> Response:
    """Show how often the camera was right."""
    with service.database.read() as session:
        page = PrecisionPage(
            person=who.person,
            lines=precision.precision(session),
            confusions=precision.confusions(session),
        )
    return render(page)


@router.get("/precision/plot.svg")
def precision_plot(service: ServiceDep, who: Auditor) -> Response:
    """Draw it."""
    del who
    with service.database.read() as session:
        picture = precision.plot(precision.precision(session))
    return Response(picture, media_type="image/svg+xml")


@router.get("/report")
def report(service: ServiceDep, who: Who, year: int = 0) -> Response:
    """Show the public report, to be published by the department."""
    made = make_report(service, year or service.now().year)
    return render(ReportPage(person=who.person, report=made))


@router.get("/report.csv")
def report_csv(service: ServiceDep, who: Who, year: int = 0) -> Response:
    """Give the public report as CSV."""
    del who
    made = make_report(service, year or service.now().year)
    headers = {"Content-Disposition": f'attachment; filename="report-{made.year}.csv"'}
    return Response(to_csv(made), media_type="text/csv; charset=utf-8", headers=headers)


def _page(service: ServiceDep, who: Auditor, wanted: Filter, chain: str = "") -> AuditPage:
    """Return the log's page."""
    rows = oversight.read(service, who, wanted)
    return AuditPage(
        person=who.person,
        rows=rows,
        flagged=oversight.flagged(service),
        weeks=oversight.weeks(service),
        wanted=wanted,
        older=rows[-1].seq if len(rows) == oversight.PAGE else 0,
        chain=chain,
    )
