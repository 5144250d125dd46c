"""What devices call: enrol, deliver hits. Everything but enrolment is signed by the device's key."""

import json
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from api.core.audit import Act
from api.core.errors import DeviceError, InvalidError, TooLargeError
from api.core.service import Service
from api.devices import heartbeats, invitations, registry
from api.devices.registry import Device
from api.hits import intake
from api.lists import list_keys, publishing
from api.web.deps import FromDevice, ServiceDep, address_of, as_signed
from api.web.problems import PROBLEMS, document
from protocol.messages import (
    ENROLLING,
    Enrolment,
    EnrolmentRequest,
    Heartbeat,
    HeartbeatAnswer,
    HitBatch,
    HitResult,
    HitResults,
)
from protocol.signed_requests import RequestSignatureError, read_request

_SEALED: Final[dict[str, Any]] = {
    "description": "The list, sealed to the device",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
router = APIRouter(prefix="/v1", tags=["devices"], responses=PROBLEMS)


@router.get("/certificate-authority", response_class=PlainTextResponse)
def certificate_authority(service: ServiceDep) -> str:
    """Give the certificate (PEM) that vouches for this service; a device compares its fingerprint."""
    return invitations.authority(service.settings)


def _body_schema(model: type[BaseModel]) -> dict[str, object]:
    """Return OpenAPI's description of a body that is read as bytes, because it is signed as bytes."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.post("/devices/enrol", openapi_extra=_body_schema(EnrolmentRequest))
async def enrol(request: Request, service: ServiceDep) -> Enrolment:
    """Enrol a device by its one-time code; the key that is sent signs the request, under the id "enrolling".

    Raises:
        DeviceError: the code is wrong, or the request is not signed by the key that it sends.
        InvalidError: the body is not as described.
        ConflictError: people are to sign the hot list, and too few of their keys are confirmed.
    """
    body = await request.body()
    try:
        asked = EnrolmentRequest.model_validate_json(body)
    except ValidationError:
        raise InvalidError("the body is no enrolment request") from None
    verify_key, seal_key = registry.parse_keys(asked.verify_key, asked.seal_key)
    try:
        signed = read_request(as_signed(request, service, body), request.headers)
    except RequestSignatureError as problem:
        raise DeviceError(str(problem)) from None
    if signed.key_id != ENROLLING or not signed.holds(verify_key):
        raise DeviceError("the request is not signed by the key that it sends")
    await run_in_threadpool(list_keys.demand, service)
    try:
        device = await run_in_threadpool(registry.enrol, service, asked.code, verify_key, seal_key)
    except DeviceError as problem:
        act = Act("nobody", "device.refuse", request.url.path, result=str(problem)[:80])
        await run_in_threadpool(request.app.state.refusals.record, address_of(request), act)
        raise
    return await run_in_threadpool(_enrolment, service, device)


def _enrolment(service: Service, device: str) -> Enrolment:
    """Return what an enrolled device gets."""
    return Enrolment(
        device=device,
        agency=service.settings.agency,
        registration=registry.registration(service, device),
        department_seal_key=service.secrets.department.public.to_text(),
        service_verify_key=service.secrets.service.public.to_text(),
        certificate_authority=invitations.authority(service.settings),
        department=service.settings.department,
        hot_list_keys=list_keys.for_enrolment(service).to_bytes().decode(),
    )


@router.post("/hits", openapi_extra=_body_schema(HitBatch))
def deliver(service: ServiceDep, sent: FromDevice) -> HitResults:
    """Deliver a batch of sealed hits; each is taken or refused by itself, and delivery is idempotent.

    Raises:
        InvalidError: the body is not as described.
        TooLargeError: more envelopes than one request may hold.
    """
    device, body = sent
    try:
        batch = HitBatch.model_validate_json(body)
    except ValidationError:
        raise InvalidError("the body is no batch of envelopes") from None
    if len(batch.envelopes) > service.settings.limits.batch:
        raise TooLargeError(f"at most {service.settings.limits.batch} envelopes are taken at once")
    return HitResults(results=[_deliver(service, device, envelope) for envelope in batch.envelopes])


def _deliver(service: Service, device: Device, envelope: str) -> HitResult:
    """Take one envelope and say what became of it."""
    taken = intake.take(service, device, envelope.encode())
    if taken.ack is not None:
        ack = json.loads(json.dumps(taken.ack.to_json()))
        return HitResult(status="stored" if taken.new else "known", ack=ack)
    problem = document(taken.problem) if taken.problem else {}
    return HitResult(status="refused", problem=json.loads(json.dumps(problem)))


@router.get(
    "/hotlist",
    response_class=Response,
    responses={200: _SEALED, 304: {"description": "The list is the one that the device has"}},
)
def hot_list(request: Request, service: ServiceDep, sent: FromDevice) -> Response:
    """Give the newest hot list, sealed to the device that asks; 304 when its ETag is the one it has."""
    device, _ = sent
    newest = publishing.current_etag(service)
    if newest is not None and request.headers.get("if-none-match") == newest:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": newest})
    tag, content = publishing.sealed_for(service, device)
    return Response(content, media_type="application/octet-stream", headers={"ETag": tag})


@router.post("/heartbeat", openapi_extra=_body_schema(Heartbeat))
def heartbeat(service: ServiceDep, sent: FromDevice) -> HeartbeatAnswer:
    """Say how the device is, and hand in its receipts; the chain is checked on arrival.

    Raises:
        InvalidError: the body is not as described.
    """
    device, body = sent
    try:
        said = Heartbeat.model_validate_json(body)
    except ValidationError:
        raise InvalidError("the body is no heartbeat") from None
    return heartbeats.hear(service, device, said, publishing.current_etag(service))
