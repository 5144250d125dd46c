"""The devices' page: what each one says of itself, registering one, revoking one."""

from dataclasses import dataclass, field
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Form
from pydantic import ValidationError
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api import devices
from api.db.models import DeviceRow
from api.deps import Administrator, DeviceReader, ServiceDep
from api.devices import Registration
from api.errors import ApiError, InvalidError
from api.heartbeats import Health, health
from api.pages import Page, render
from api.service import Service
from api.sessions import SignedIn

router = APIRouter(prefix="/devices", include_in_schema=False)
TEXTS = ("device", "registration_id", "make", "model", "location", "agency", "policy_sha256")


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """One device as the page shows it."""

    id: str
    health: Health
    registration: dict[str, Any]
    enrolled: datetime
    heard: datetime | None
    said: dict[str, Any]
    noted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicesPage(Page):
    """Every device."""

    template: ClassVar[str] = "devices.html"
    title: str = "Devices"
    lines: list[DeviceLine]
    today: date
    code: str = field(default="", repr=False)
    code_for: str = ""
    problem: str = ""


@router.get("")
def overview(service: ServiceDep, who: DeviceReader) -> Response:
    """Show every device and how it does."""
    return render(_page(service, who))


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
) -> Response:
    """Register a device and show its enrolment code once."""
    given = dict(
        zip(TEXTS, (device, registration_id, make, model, location, agency, policy_sha256), strict=True)
    )
    try:
        registration = _registration({**given, "installed": installed})
        code = devices.register(service, registration, who.person.actor)
    except ApiError as problem:
        return render(_page(service, who, problem=str(problem)), status=problem.status)
    return render(_page(service, who, code=code, code_for=registration.device))


@router.post("/{device}/revoke")
def revoke(
    service: ServiceDep, who: Administrator, device: str, reason: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Refuse a device from now on.

    Raises:
        InvalidError: no reason was given.
    """
    if not reason.strip():
        raise InvalidError("a revocation needs a reason")
    devices.revoke(service, device, who.person.actor, reason.strip())
    return RedirectResponse("/devices", status_code=HTTPStatus.SEE_OTHER)


def _registration(given: dict[str, str]) -> Registration:
    """Read the form.

    Raises:
        InvalidError: a field is absent or not what it must be; names it.
    """
    try:
        return Registration.model_validate(given)
    except ValidationError as problem:
        names = sorted({str(error["loc"][0]).replace("_", " ") for error in problem.errors()})
        raise InvalidError(f"these fields are absent or not what they must be: {', '.join(names)}") from None


def _page(
    service: Service, who: SignedIn, *, code: str = "", code_for: str = "", problem: str = ""
) -> DevicesPage:
    """Return the page."""
    now = service.now()
    with service.database.read() as session:
        rows = session.scalars(select(DeviceRow).order_by(DeviceRow.id))
        lines = [_line(row, now) for row in rows]
    return DevicesPage(
        person=who.person, lines=lines, today=now.date(), code=code, code_for=code_for, problem=problem
    )


def _line(row: DeviceRow, now: datetime) -> DeviceLine:
    return DeviceLine(
        id=row.id,
        health=health(row, now),
        registration=row.registration,
        enrolled=row.enrolled,
        heard=row.heard,
        said={"software": "", "list_version": 0, "cameras": {}, "degraded": [], **(row.heartbeat or {})},
        noted=row.chain_broken or row.chain_noted or "",
    )
