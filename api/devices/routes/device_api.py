"""Devices as JSON: the same functions as the page, the same rules (R18)."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.devices import invitations, registry
from api.devices.device_states import DeviceState, state, states
from api.devices.heartbeats import Health
from api.devices.registry import CODE_LIFE, Registration
from api.web import idempotency
from api.web.deps import Administrator, DeviceReader, ServiceDep
from api.web.json_kit import Body, Cursor, IdempotencyKey, Limit, located
from api.web.problems import PROBLEMS

router = APIRouter(prefix="/v1/devices", tags=["devices' administration"], responses=PROBLEMS)
PAGE: Final = 50


class RegistrationShown(BaseModel):
    """What a device was registered with."""

    device: str
    registration_id: str
    make: str
    model: str
    installed: date
    location: str
    agency: str
    policy_sha256: str


class DeviceShown(BaseModel):
    """One device, and what it last said of itself."""

    id: Annotated[str, Field(examples=["camera-1"])]
    health: Health
    registration: RegistrationShown
    enrolled: datetime
    heard: datetime | None
    said: dict[str, Any]
    noted: Annotated[str, Field(description="what was found in its receipts")]
    refused: Annotated[int, Field(description="deliveries of hits refused for their hot list")]
    contradicted: Annotated[
        str, Field(description="how the audit log contradicts what was signed for it; empty if it does not")
    ]


class DevicePage(BaseModel):
    """A page of devices."""

    items: list[DeviceShown]
    next: str | None


class Code(BaseModel):
    """A one-time enrolment code; it is shown only here."""

    device: str
    code: Annotated[str, Field(examples=["ABCDEF-GHIJKL-MNOPQR-STUVWX"])]
    enrolment: Annotated[
        str, Field(description="the string that `alpr-edge setup` takes: address, code, fingerprint")
    ]
    expires: datetime


class Revocation(Body):
    """Why a device is refused from now on."""

    reason: Annotated[str, Field(min_length=1, max_length=200, examples=["stolen"])]


@router.get("")
def overview(service: ServiceDep, who: DeviceReader, after: Cursor = "", limit: Limit = PAGE) -> DevicePage:
    """Give the devices in the order of their ids, and how each does."""
    del who
    found = states(service, after, limit)
    return DevicePage(
        items=[_shown(one) for one in found], next=found[-1].id if len(found) == limit else None
    )


@router.post("", status_code=HTTPStatus.CREATED, response_model=Code)
def register(
    service: ServiceDep, who: Administrator, registration: Registration, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Register a device; the answer has its one-time enrolment code."""

    def act() -> dict[str, Any]:
        expires = service.now() + CODE_LIFE
        made = invitations.register(service, registration, who.person.actor)
        return {
            "device": registration.device,
            "code": made.code,
            "enrolment": made.text,
            "expires": expires.isoformat(),
        }

    asked = b"device" + registration.model_dump_json().encode()
    made = idempotency.once(service, who, idempotency_key, asked, act)
    return located(f"/v1/devices/{registration.device}", Code.model_validate(made))


@router.get("/{device}")
def show(service: ServiceDep, who: DeviceReader, device: str) -> DeviceShown:
    """Give one device."""
    del who
    return _shown(state(service, device))


@router.post("/{device}/revoke")
def revoke(service: ServiceDep, who: Administrator, device: str, given: Revocation) -> DeviceShown:
    """Refuse a device from now on, for good."""
    registry.revoke(service, device, who.person.actor, given.reason)
    return _shown(state(service, device))


def _shown(found: DeviceState) -> DeviceShown:
    return DeviceShown.model_validate(jsonable_encoder(found))
