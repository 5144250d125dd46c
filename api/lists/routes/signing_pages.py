"""The page of the list's signatures: what waits, who signed, whose keys count; and the waiting file itself."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, ClassVar, Final

from fastapi import APIRouter, Depends, Form, UploadFile
from fastapi import Path as InPath
from starlette.responses import RedirectResponse, Response

from api.accounts import access
from api.accounts.access import AccessPurpose
from api.accounts.people import Role
from api.accounts.routes.reason_page import ask_reason
from api.accounts.sessions import SignedIn
from api.core.errors import AbsentError, ApiError, ReasonError
from api.core.service import Service
from api.lists import list_keys, list_signing, list_statements, list_versions
from api.lists.list_keys import Signer
from api.lists.list_signing import Waiting
from api.web.deps import Administrator, Approver, ListWorker, ServiceDep, needs
from api.web.pages import Page, render
from hotlist.signed_list.detached import MAX_FILE
from hotlist.signed_list.keyset import KeySet

router = APIRouter(prefix="/signing", include_in_schema=False)
PATH: Final = "/signing"
KEY_TEXT: Final = 4096
"""Most characters of a public key's file."""
_READERS: Final = (Role.EDITOR, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR)
WaitingVersion = Annotated[int, InPath(ge=1, le=2**31 - 1)]
Reader = Annotated[SignedIn, Depends(needs(*_READERS))]
Confirmer = Annotated[SignedIn, Depends(needs(Role.ADMINISTRATOR, Role.APPROVER))]


@dataclass(frozen=True, slots=True)
class Published:
    """The version that people signed and devices have."""

    version: int
    ends: datetime
    stated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningPage(Page):
    """Everything about the signatures."""

    template: ClassVar[str] = "signing.html"
    title: str = "Signing the list"
    by_people: bool
    waiting: Waiting | None
    published: Published | None
    trusted: KeySet
    signers: list[Signer]
    problem: str = ""
    hint: str = ""


@router.get("")
def overview(service: ServiceDep, who: Reader) -> Response:
    """Show what waits, whose keys count, and which are registered."""
    return render(_page(service, who))


@router.get("/{version}/list")
def download(service: ServiceDep, who: ListWorker, version: WaitingVersion) -> Response:
    """Give the waiting list to one of its signers, with a reason: it holds listed plates (R11)."""
    try:
        access.check_opened(service, who, f"list:{version}")
    except ReasonError:
        return ask_reason(who, f"{PATH}/{version}/open", AccessPurpose.LIST)
    content = list_signing.content(service, who, version)
    name = f"{service.settings.department}-{version}.waiting"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.post("/{version}/open")
def open_list(
    service: ServiceDep,
    who: ListWorker,
    version: WaitingVersion,
    purpose: Annotated[str, Form()] = "",
    case_number: Annotated[str, Form()] = "",
) -> Response:
    """Open the waiting list with a purpose and a case number; there is no reason for one that does not wait."""
    waiting = list_signing.waiting(service)
    if waiting is None or waiting.version != version:
        raise AbsentError("no such version waits to be signed")
    try:
        with service.database.begin() as session:
            access.open_object(service, session, who, f"list:{version}", reason=(purpose, case_number))
    except ReasonError as problem:
        return ask_reason(who, f"{PATH}/{version}/open", AccessPurpose.LIST, str(problem))
    return _to(PATH)


@router.post("/{version}/signature")
def upload(service: ServiceDep, who: ListWorker, version: WaitingVersion, file: UploadFile) -> Response:
    """Take a signature that somebody made on their own computer."""
    try:
        list_signing.add_signature(service, who.person, version, file.file.read(MAX_FILE + 1))
    except ApiError as problem:
        return _refused(service, who, problem)
    return _to(PATH)


@router.post("/{version}/withdraw")
def withdraw(service: ServiceDep, who: Approver, version: WaitingVersion) -> Response:
    """Drop the version that waits."""
    list_signing.withdraw(service, who.person, version)
    return _to(PATH)


@router.post("/signers")
def register(
    service: ServiceDep,
    who: Administrator,
    name: Annotated[str, Form(max_length=40)] = "",
    key: Annotated[str, Form(max_length=KEY_TEXT)] = "",
) -> Response:
    """Register the public half of a person's key."""
    try:
        list_keys.register(service, who.person, name.strip(), key)
    except ApiError as problem:
        return _refused(service, who, problem)
    return _to(PATH)


@router.post("/signers/{key}/confirm")
def confirm(
    service: ServiceDep, who: Confirmer, key: str, typed: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    """Confirm a key that somebody else registered."""
    try:
        list_keys.confirm(service, who.person, key, typed)
    except ApiError as problem:
        return _refused(service, who, problem)
    return _to(PATH)


@router.post("/signers/{key}/revoke")
def revoke(
    service: ServiceDep, who: Administrator, key: str, reason: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Revoke a key; devices let go of it with the next version that people sign."""
    try:
        list_signing.revoke(service, who.person, key, reason)
    except ApiError as problem:
        return _refused(service, who, problem)
    return _to(PATH)


def _page(service: Service, who: SignedIn, problem: str = "", hint: str = "") -> SigningPage:
    """Return the page."""
    with service.database.read() as session:
        newest = list_versions.newest(session)
        stated = list_statements.of_version(session, newest.version) if newest else None
        by_people = list_keys.people_decide(session, service)
        trusted = list_keys.in_force(session, service)
    return SigningPage(
        person=who.person,
        by_people=by_people,
        waiting=list_signing.waiting(service),
        published=Published(stated.version, stated.ends, stated.issued) if stated else None,
        trusted=trusted,
        signers=list_keys.signers(service),
        problem=problem,
        hint=hint,
    )


def _refused(service: Service, who: SignedIn, problem: ApiError) -> Response:
    """Show the page again with what is wrong."""
    return render(_page(service, who, str(problem), problem.hint), status=problem.status)


def _to(path: str) -> Response:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)
