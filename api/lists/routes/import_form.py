"""The form of an import, the same for the page and the JSON route: read as it comes, after the sign-in."""

import json
from typing import Annotated, Any, Final

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.concurrency import run_in_threadpool

from api.lists import list_import
from api.lists import proposals
from api.web import idempotency
from api.core.audit import Act
from api.core.errors import InvalidError, TooLargeError
from api.lists.list_import import Upload
from api.lists.routes.proposal_shapes import ProposalShown, shown
from api.core.service import Service
from api.accounts.sessions import SignedIn
from api.web.uploads import Form, received
from hotlist.importers import Format

PATHS: Final = frozenset({"/list/import", "/v1/imports"})
"""Where a body may be as large as `limits.import_bytes`."""


class ImportForm(BaseModel):
    """What is said for all rows of the file."""

    model_config = ConfigDict(extra="forbid")

    format: Annotated[Format, Field(examples=["csv"])]
    source: Annotated[str, StringConstraints(min_length=1, max_length=64), Field(examples=["state feed"])]
    country: Annotated[
        str,
        Field(pattern="^([A-Z]{2})?$", description="of bare state codes: NH becomes US-NH", examples=["US"]),
    ] = ""
    days: Annotated[
        str,
        Field(pattern="^([0-9]{1,3})?$", description="life of rows without an end", examples=["30"]),
    ] = ""


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
    upload = Upload(form.name[:60], form.file, said.format, said.source, said.country, days)
    asked = json.dumps([sorted(form.fields.items()), form.digest.hex()]).encode()

    def act() -> dict[str, Any]:
        draft = list_import.dry_run(service, who, upload)
        return shown(proposals.summary(service, draft)).model_dump(mode="json")

    return ProposalShown.model_validate(idempotency.once(service, who, key, asked, act))
