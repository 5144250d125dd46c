"""The page that imports a file: a form, and a dry run of what was sent."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.core.errors import InvalidError, TooLargeError
from api.lists.routes import import_form
from api.web.deps import Editor, ServiceDep
from api.web.pages import Page, render
from hotlist.importers import Format

router = APIRouter(prefix="/list/import", include_in_schema=False)
PATHS: Final = import_form.PATHS


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPage(Page):
    """A file to import."""

    template: ClassVar[str] = "import.html"
    title: str = "Import entries"
    formats: list[str]
    megabytes: int
    rows: int
    problem: str = ""
    hint: str = ""


@router.get("")
def import_page(service: ServiceDep, who: Editor) -> Response:
    """Show the form for a file."""
    return render(_page(service, who))


@router.post("")
async def import_file(request: Request, service: ServiceDep, who: Editor) -> Response:
    """Make a dry run and show what it would do."""
    try:
        draft = await import_form.take(request, service, who)
    except (InvalidError, TooLargeError) as problem:
        return render(_page(service, who, problem), status=problem.status)
    return RedirectResponse(f"/list/proposed/{draft.id}", status_code=HTTPStatus.SEE_OTHER)


def _page(
    service: ServiceDep, who: Editor, problem: InvalidError | TooLargeError | None = None
) -> ImportPage:
    limits = service.settings.limits
    return ImportPage(
        person=who.person,
        formats=list(Format),
        megabytes=limits.import_bytes // 2**20,
        rows=limits.import_rows,
        problem=str(problem or ""),
        hint=problem.hint if problem else "",
    )
