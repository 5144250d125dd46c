"""The form of an import, the same for the page and the JSON route: read as it comes, after the sign-in."""

import json
from typing import Annotated, Any, Final

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.concurrency import run_in_threadpool

from api.accounts.sessions import SignedIn
from api.core.audit import Act
from api.core.errors import InvalidError, TooLargeError
from api.core.service import Service
from api.lists import list_import, proposals
from api.lists.list_import import Upload
from api.lists.routes.proposal_shapes import ProposalShown, shown
from api.web import idempotency
from api.web.uploads import Form, received
from hotlist.errors import RowError
from hotlist.importers import Format
from hotlist.importers.dates import DateOrder
from hotlist.region_codes import country_code

PATHS: Final = frozenset({"/list/import", "/v1/imports"})
"""Where a body may be as large as `limits.import_bytes`."""


def _country(text: str) -> str:
    """Return a country's code; ValueError for a country that does not exist."""
    try:
        return country_code(text)
    except RowError as problem:
        raise ValueError(str(problem)) from None


class ImportForm(BaseModel):
    """What is said for all rows of the file."""

    model_config = ConfigDict(extra="forbid")

    format: Annotated[Format, Field(examples=["csv"])]
    source: Annotated[str, StringConstraints(min_length=1, max_length=64), Field(examples=["state feed"])]
    country: Annotated[
        str,
        StringConstraints(max_length=60),
        AfterValidator(_country),
        Field(description="of bare state codes: NH becomes US-NH", examples=["US"]),
    ] = ""
    days: Annotated[
        str,
        Field(pattern="^([0-9]{1,3})?$", description="life of rows without an end", examples=["30"]),
    ] = ""
    dates: Annotated[
        DateOrder, Field(description="order of dates such as 12/31/2026, which is mdy", examples=["iso"])
    ] = DateOrder.ISO
    fold_marks: Annotated[
        bool, Field(description="read plates' letters without marks: \u00c4 as A", examples=[False])
    ] = False


async def take(request: Request, service: Service, who: SignedIn, key: str = "") -> ProposalShown:
    """Make a dry run of an uploaded file; return the draft. A refusal for its size is recorded.

    Raises:
        InvalidError: the form or the file is not what it must be; says which field.
        TooLargeError: it is larger than the settings allow.
    """
    limit = service.settings.limits.import_bytes
    try:
        async with received(request, service.settings.state, limit=limit) as form:
            return await run_in_threadpool(_dry_run, service, who, form, key)
    except TooLargeError as problem:
        act = Act(who.person.actor, "request.refuse", request.url.path, result=problem.slug)
        await run_in_threadpool(service.record, act)
        raise


def _dry_run(service: Service, who: SignedIn, form: Form, key: str) -> ProposalShown:
    """Check the fields and read the file, once for an idempotency key."""
    try:
        said = ImportForm.model_validate(form.fields)
    except ValidationError as problem:
        names = sorted({str(error["loc"][0]) for error in problem.errors()})
        raise InvalidError(
            f"these fields are absent or not what they must be: {', '.join(names)[:200]}"
        ) from None
    days = int(said.days) if said.days else None
    upload = Upload(
        name=form.name[:60],
        file=form.file,
        format=said.format,
        source=said.source,
        country=said.country,
        days=days,
        dates=said.dates,
        fold=said.fold_marks,
    )
    asked = json.dumps([sorted(form.fields.items()), form.digest.hex()]).encode()

    def act() -> dict[str, Any]:
        draft = list_import.dry_run(service, who, upload)
        return shown(proposals.summary(service, draft)).model_dump(mode="json")

    return ProposalShown.model_validate(idempotency.once(service, who, key, asked, act))
