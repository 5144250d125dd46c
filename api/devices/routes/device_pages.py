"""The devices' page: what each one says of itself, registering one, revoking one."""

from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import APIRouter, Form, Query
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api.accounts.sessions import SignedIn
from api.core.errors import ApiError, InvalidError
from api.core.service import Service
from api.devices import invitations, registry
from api.devices.device_states import PAGE, DeviceState, states
from api.devices.registry import Registration
from api.web.deps import Administrator, DeviceReader, ServiceDep
from api.web.pages import Page, render

router = APIRouter(prefix="/devices", include_in_schema=False)
TEXTS = ("device", "registration_id", "make", "model", "location", "agency", "policy_sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicesPage(Page):
    """Every device."""

    template: ClassVar[str] = "devices.html"
    title: str = "Devices"
    lines: list[DeviceState]
    more: str
    today: date
    invitation: str = field(default="", repr=False)
    code_for: str = ""
    problem: str = ""
    log_problem: str = ""


@router.get("")
def overview(
    service: ServiceDep, who: DeviceReader, start: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """Show every device and how it does."""
    return render(_page(service, who, start=start))


@router.post("/register")
def register(
    *,
    service: ServiceDep,
    who: Administrator,
    device: Annotated[str, Form()] = "",
    registration_id: Annotated[str, Form()] = "",
    make: Annotated[str, Form()] = "",
    model: Annotated[str, Form()] = "",
    installed: Annotated[str, Form()] = "",
    location: Annotated[str, Form()] = "",
    agency: Annotated[str, Form()] = "",
    policy_sha256: Annotated[str, Form()] = "",
    cameras: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Register a device and show its enrolment code once."""
    given = dict(
        zip(TEXTS, (device, registration_id, make, model, location, agency, policy_sha256), strict=True)
    )
    try:
        registration = _registration({**given, "installed": installed}, cameras)
        made = invitations.register(service, registration, who.person.actor)
    except ApiError as problem:
        return render(_page(service, who, problem=str(problem)), status=problem.status)
    return render(_page(service, who, invitation=made.text, code_for=registration.device))


@router.post("/{device}/revoke")
def revoke(
    service: ServiceDep, who: Administrator, device: str, reason: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Refuse a device from now on."""
    registry.revoke(service, device, who.person.actor, reason)
    return RedirectResponse("/devices", status_code=HTTPStatus.SEE_OTHER)


def _registration(given: dict[str, str], cameras: str) -> Registration:
    """Read the form; cameras' names stand in lines or between commas.

    Raises:
        InvalidError: a field is absent or not what it must be; names it.
    """
    try:
        names = tuple(name.strip() for name in cameras.replace("\n", ",").split(",") if name.strip())
        return Registration.model_validate({**given, "cameras": names})
    except ValidationError as problem:
        wrong = sorted({str(error["loc"][0]).replace("_", " ") for error in problem.errors()})
        raise InvalidError(f"these fields are absent or not what they must be: {', '.join(wrong)}") from None


def _page(
    service: Service,
    who: SignedIn,
    *,
    start: str = "",
    invitation: str = "",
    code_for: str = "",
    problem: str = "",
) -> DevicesPage:
    """Return the page."""
    lines = states(service, start)
    return DevicesPage(
        person=who.person,
        lines=lines,
        more=lines[-1].id if len(lines) == PAGE else "",
        today=service.now().date(),
        invitation=invitation,
        code_for=code_for,
        problem=problem,
        log_problem=service.high_water.problem(service.database),
    )
