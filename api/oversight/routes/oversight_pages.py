"""The auditor's pages: the log, the chain, the week, the export, the precision; and the public report."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from api.accounts.people import Person
from api.core.errors import AbsentError
from api.db.models import AuditRow
from api.hits import precision
from api.hits.precision import Precision
from api.oversight import audit_export, review_week
from api.oversight.report import Report, make_report, settled_year, to_csv
from api.oversight.review_week import Filter, Week
from api.web.deps import Auditor, ServiceDep, Who, address_of, service_of
from api.web.pages import Page, render

router = APIRouter(include_in_schema=False)
Year = Annotated[int, Query(ge=0, le=9999)]
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
    csv: str
    years: list[int]
    action: str
    settled: bool


@router.get("/audit")
def log(
    *,
    service: ServiceDep,
    who: Auditor,
    actor: Text = "",
    act: Text = "",
    object: Text = "",  # noqa: A002 - the log's own word
    purpose: Text = "",
    before: Annotated[int, Query(ge=0, lt=2**63)] = 0,
) -> Response:
    """Show the log; looking at it is in it."""
    wanted = Filter(actor, act, object, purpose, before)
    return render(_page(service, who, wanted))


@router.post("/audit/check")
def check(service: ServiceDep, who: Auditor) -> Response:
    """Check the whole chain and say what was found."""
    chain = review_week.check(service, who)
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
    review_week.sign_off(service, who, week, note)
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


@router.get("/public/report")
def public_report(request: Request, service: ServiceDep, year: Year = 0) -> Response:
    """Show a settled year's report to anybody, where the department has turned that on."""
    made = _public(request, service, year)
    return _cacheable(request, render(_report_page(service, made, public=True)))


@router.get("/public/report.csv")
def public_report_csv(request: Request, service: ServiceDep, year: Year = 0) -> Response:
    """Give the same as CSV."""
    return _cacheable(request, _csv(_public(request, service, year)))


@router.get("/report")
def report(service: ServiceDep, who: Who, year: Year = 0) -> Response:
    """Show the public report as it is or will be published; of the present year, so far."""
    made = make_report(service, year or service.now().year)
    return render(_report_page(service, made, person=who.person))


@router.get("/report.csv")
def report_csv(service: ServiceDep, who: Who, year: Year = 0) -> Response:
    """Give the public report as CSV."""
    del who
    return _csv(make_report(service, year or service.now().year))


def _report_page(
    service: ServiceDep, made: Report, *, person: Person | None = None, public: bool = False
) -> ReportPage:
    """Return a report's page, with the years that its reader may choose from."""
    newest = settled_year(service.now().date())
    return ReportPage(
        person=person,
        report=made,
        csv="/public/report.csv" if public else "/report.csv",
        years=[year for year in made.years if year <= newest or not public],
        action="/public/report" if public else "/report",
        settled=made.year <= newest,
    )


def _public(request: Request, service: ServiceDep, year: int) -> Report:
    """Return what anybody may read.

    Raises:
        AbsentError: the department publishes nothing here, or not this year yet.
        TooManyError: too many requests from one address.
    """
    if not service.settings.public_report:
        raise AbsentError("nothing is published here")
    request.app.state.public_rate.take(address_of(request))
    newest = settled_year(service.now().date())
    if (year or newest) > newest:
        raise AbsentError(f"the report of {year} is published from March of the year after")
    return make_report(service, year or newest)


def _csv(made: Report) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="report-{made.year}.csv"'}
    return Response(to_csv(made), media_type="text/csv; charset=utf-8", headers=headers)


def _cacheable(request: Request, answer: Response) -> Response:
    """Let caches keep an answer for an hour; 304 where the asker has it."""
    tag = f'"{service_of(request).secrets.blind_bytes(bytes(answer.body))[:32]}"'
    headers = {"Cache-Control": "public, max-age=3600", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    answer.headers.update(headers)
    return answer


def _standing_problem(service: ServiceDep) -> str:
    """Return what is wrong with the log's end, seen without reading it all; empty where nothing is."""
    problem = service.high_water.problem(service.database)
    return f"{review_week.BROKEN}: {problem}" if problem else ""


def _page(service: ServiceDep, who: Auditor, wanted: Filter, chain: str = "") -> AuditPage:
    """Return the log's page."""
    rows = review_week.read(service, who, wanted)
    return AuditPage(
        person=who.person,
        rows=rows,
        flagged=review_week.flagged(service),
        weeks=review_week.weeks(service),
        wanted=wanted,
        older=rows[-1].seq if len(rows) == review_week.PAGE else 0,
        chain=chain or _standing_problem(service),
    )
