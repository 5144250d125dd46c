"""Pages: one dataclass each, whose fields are all that its template can use."""

from dataclasses import dataclass, fields
from datetime import UTC
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api.accounts.people import Person, Role
from api.core.local_time import when
from api.lists.regions import REGIONS
from api.web.here import aria_current

_FOLDER: Final = Path(__file__).parents[1] / "templates"

NAVIGATION: Final = (
    ("/queue", "Queue", {Role.REVIEWER}),
    ("/list", "Hot list", {Role.EDITOR, Role.APPROVER}),
    ("/signing", "Signing", {Role.APPROVER, Role.ADMINISTRATOR}),
    ("/devices", "Devices", {Role.ADMINISTRATOR, Role.AUDITOR}),
    ("/people", "People", {Role.ADMINISTRATOR}),
    ("/alerts", "Alerts", {Role.ADMINISTRATOR}),
    ("/audit", "Audit", {Role.AUDITOR}),
    ("/precision", "Precision", {Role.AUDITOR}),
    ("/report", "Public report", set(Role)),
)
"""Path, label and roles of each page in the bar at the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What every page has.

    Attributes:
        title: of the browser's tab and the page's heading.
        person: who is signed in, for the navigation; None before sign-in.
    """

    template: ClassVar[str]
    title: str
    person: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage(Page):
    """An error in words."""

    template: ClassVar[str] = "error.html"
    detail: str
    hint: str


def render(page: Page, *, status: int = HTTPStatus.OK) -> HTMLResponse:
    """Fill a page's template with the page's own fields, and nothing else."""
    context = {item.name: getattr(page, item.name) for item in fields(page)}
    return HTMLResponse(ENVIRONMENT.get_template(page.template).render(context), status_code=status)


def sentence(text: str) -> str:
    """Return a text as a sentence: a capital letter first, and one full stop last."""
    text = text.strip()
    return text and text[:1].upper() + text[1:].rstrip(".") + ("" if text.endswith(("?", "!")) else ".")


def _environment() -> Environment:
    """Return the templates' environment; an unknown name in a template is an error."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["when"] = when
    environment.filters["sentence"] = sentence
    environment.filters["iso"] = lambda moment: moment.astimezone(UTC).isoformat()
    environment.globals.update(NAVIGATION=NAVIGATION, REGIONS=REGIONS, aria_current=aria_current)
    return environment


ENVIRONMENT: Final = _environment()
