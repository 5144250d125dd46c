"""Where alerts go, how each target does, and a test of one."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from fastapi import APIRouter
from starlette.responses import Response

from api.accounts.sessions import SignedIn
from api.core.errors import AbsentError
from api.core.service import Service
from api.hits.alerting import alert_queue
from api.hits.alerting.alert_queue import Standing
from api.web.deps import Administrator, ServiceDep
from api.web.pages import Page, render

router = APIRouter(prefix="/alerts", include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsPage(Page):
    """Every target; `tested` and `problem` say how a test went."""

    template: ClassVar[str] = "alerts.html"
    title: str = "Alerts"
    lines: list[Standing]
    tested: str = ""
    problem: str = ""


@router.get("")
def overview(service: ServiceDep, who: Administrator) -> Response:
    """Show where alerts go; addresses of webhooks and passwords are not shown."""
    return _page(service, who)


@router.post("/{name}/test")
def test(service: ServiceDep, who: Administrator, name: str) -> Response:
    """Send a test to one target, and say whether it arrived.

    Raises:
        AbsentError: there is no such target.
    """
    target = next((one for one in service.settings.alerts if one.name == name), None)
    if target is None:
        raise AbsentError("there is no such target of alerts")
    problem = alert_queue.send_test(service, target, who.person.actor)
    return _page(service, who, tested=name, problem=problem)


def _page(service: Service, who: SignedIn, tested: str = "", problem: str = "") -> Response:
    lines = alert_queue.standings(service)
    page = AlertsPage(person=who.person, lines=lines, tested=tested, problem=problem)
    return render(page, status=HTTPStatus.BAD_GATEWAY if problem else HTTPStatus.OK)
