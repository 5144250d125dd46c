"""For proxies and orchestrators: is the process alive, and can it serve? Neither says anything else."""

import logging
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import PlainTextResponse

from api.web.deps import ServiceDep

router = APIRouter(include_in_schema=False)
_LOG: Final = logging.getLogger(__name__)


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    """Say that the process answers."""
    return PlainTextResponse("alive\n")


@router.get("/readyz")
def readyz(service: ServiceDep) -> PlainTextResponse:
    """Say whether the database answers; 503 where it does not."""
    try:
        with service.database.read() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as problem:
        _LOG.warning("not ready: the database gave %s", type(problem).__name__)
        return PlainTextResponse("the database does not answer\n", status_code=HTTPStatus.SERVICE_UNAVAILABLE)
    return PlainTextResponse("ready\n")
