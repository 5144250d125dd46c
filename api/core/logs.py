"""Structured logs: one JSON object a line on standard error, about requests, never about plates.

A request is logged by its route's pattern (``/hits/{hit}``), not by its path: paths hold one-time tokens and
ids, and forms hold plates. Messages of libraries are reduced to their logger and level for the same reason.
"""

import logging
import sys
import time
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OURS: Final = "api"


def configure_logs() -> None:
    """Send our own and the libraries' logs to standard error, as JSON lines."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Bridge()], force=True)


class _Bridge(logging.Handler):
    """Hands records of the standard logging on."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass our own message on; of a library's, only who complained and with which error."""
        known = {"logger": record.name}
        if record.exc_info and record.exc_info[0]:
            known["error"] = record.exc_info[0].__name__
        if record.name.partition(".")[0] == _OURS:
            known["message"] = record.getMessage()
        structlog.get_logger().log(record.levelno, "log", **known)


class RequestLog:
    """Logs each request's method, route, status and duration."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and log when it is done."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 0, time.monotonic()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            structlog.get_logger().info(
                "request",
                method=scope["method"],
                route=getattr(scope.get("route"), "path", "unmatched"),
                status=int(status),
                ms=round((time.monotonic() - began) * 1000),
            )
