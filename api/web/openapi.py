"""The OpenAPI description, made whole: how to sign in, where the service is, names that make a readable client."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api.devices.routes import unit_routes
from api.web import problems
from api.web.deps import COOKIE, signed_body, token_of
from api.web.openapi_examples import add_examples

SESSION: Final = "session"
DEVICE: Final = "deviceSignature"
SCHEMES: Final[Mapping[str, Mapping[str, str]]] = {
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A person's session: the form `POST /sign-in` sets it. Whoever changes something sends "
        "`Sec-Fetch-Site: same-origin` too, as browsers do.",
    },
    DEVICE: {
        "type": "http",
        "scheme": "signature",
        "description": "RFC 9421 with the device's Ed25519 key over @method, @path, @query and content-digest: "
        "docs/service.md, protocol/signed_requests.py.",
    },
}
_ASKS: Final[Mapping[Callable[..., Any], str]] = {token_of: SESSION, signed_body: DEVICE}
_SELF_SIGNED: Final = unit_routes.enrol
"""Signed with the key that it sends, not yet with a known one."""


def operation_id(route: APIRoute) -> str:
    """Return a route's name for clients, of method and path: ``post_hits_reading``, ``get_people_by_name``."""
    parts = route.path_format.removeprefix("/v1").strip("/").split("/")
    words = [part for part in parts[:-1] if not part.startswith("{")]
    last = parts[-1]
    words.append(f"by_{last.strip('{}')}" if last.startswith("{") else last)
    return re.sub(r"[^a-z0-9]+", "_", "_".join([min(route.methods or ()).lower(), *words]))


def describe(app: FastAPI, url: str) -> None:
    """Complete the application's description.

    Args:
        app: with all its routes.
        url: how the service is reached.
    """
    made = app.openapi

    def described() -> dict[str, Any]:
        content = made()
        parts = content.setdefault("components", {})
        parts.setdefault("schemas", {}).setdefault("Problem", problems.Problem.model_json_schema())
        parts["securitySchemes"] = {name: dict(scheme) for name, scheme in SCHEMES.items()}
        content["servers"] = [{"url": url}]
        asked = {
            (route.path_format, method.lower()): _asks(route)
            for route in _routes(app.routes)
            for method in route.methods or ()
        }
        for path, methods in content["paths"].items():
            for method, operation in methods.items():
                operation["responses"].pop("422", None)
                operation["security"] = asked[path, method]
        add_examples(content)
        return content

    app.openapi = described  # type: ignore[method-assign]


def _asks(route: APIRoute) -> list[dict[str, list[str]]]:
    """Return what a route asks for; an empty list where anybody may."""
    calls = set(_calls(route.dependant))
    if route.endpoint is _SELF_SIGNED:
        return [{DEVICE: []}]
    return [{name: []} for call, name in _ASKS.items() if call in calls]


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    for inner in dependant.dependencies:
        if inner.call is not None:
            yield inner.call
        yield from _calls(inner)


def _routes(routes: Sequence[BaseRoute]) -> Iterator[APIRoute]:
    """Yield every route, through whatever the framework wraps routers in."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from _routes(route.original_router.routes)
