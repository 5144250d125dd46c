"""Shows the times of every page in the department's zone."""

from zoneinfo import ZoneInfo

from starlette.types import ASGIApp, Receive, Scope, Send

from api.core.local_time import shown_in


class DepartmentTime:
    """Sets the zone for whatever a request renders."""

    def __init__(self, app: ASGIApp, *, zone: ZoneInfo) -> None:
        self._app = app
        self._zone = zone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        with shown_in(self._zone):
            await self._app(scope, receive, send)
