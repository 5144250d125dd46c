"""What the pages behind one-time links share: the browser's own cookie, and what a wrong link is answered with."""

from collections.abc import Callable
from typing import Final, TypeVar

from fastapi import Request
from starlette.responses import Response

from api.accounts.people import INVITATION_LIFE
from api.core.audit import Act
from api.core.errors import AbsentError, LinkTakenError
from api.web.deps import address_of

COOKIE: Final = "__Host-link"
Result = TypeVar("Result")


def browser_of(request: Request) -> str:
    """Return the token by which a browser is known to have begun a link; empty where it has none."""
    return request.cookies.get(COOKIE, "")


def guarded(request: Request, act: Callable[[], Result]) -> Result:
    """Do something with a link; an unknown one counts against the address, one that is another's is recorded.

    Raises:
        AbsentError: there is no such link.
        LinkTakenError: another browser began it.
        TooManyError: the address has tried too many links that are none.
    """
    try:
        return act()
    except AbsentError:
        request.app.state.link_rate.take(address_of(request))
        raise
    except LinkTakenError as problem:
        part = request.url.path.strip("/").split("/")[0]
        refusal = Act("nobody", "link.refuse", f"/{part}", result=str(problem)[:80])
        request.app.state.refusals.record(address_of(request), refusal)
        raise


def keep(answer: Response, browser: str) -> Response:
    """Let the browser keep its token for as long as a link can work."""
    answer.set_cookie(
        COOKIE,
        browser,
        max_age=int(INVITATION_LIFE.total_seconds()),
        secure=True,
        httponly=True,
        samesite="lax",
        path="/",
    )
    return answer
