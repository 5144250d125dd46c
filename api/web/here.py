"""Which page a request is for, so that the navigation can say where somebody is."""

from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

_PATH: ContextVar[str] = ContextVar("path", default="")


class Here:
    """Notes the path of what a request asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        before = _PATH.set(scope.get("path", ""))
        try:
            await self._app(scope, receive, send)
        finally:
            _PATH.reset(before)


def aria_current(page: str) -> str:
    """Return what `aria-current` says of a page of the navigation: "page", "true" within it, or empty."""
    path = _PATH.get()
    if path == page:
        return "page"
    return "true" if path.startswith(f"{page}/") else ""
