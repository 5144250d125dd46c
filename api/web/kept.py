"""What somebody typed, carried over a sign-in: a form sent after its session had ended is not lost.

The form is sealed with the service's key and travels in the sign-in page, so nothing of it is stored anywhere. It
opens for a quarter of an hour, and only for the person whose session it was; a sealed cookie says who that is.
"""

import base64
import binascii
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.datastructures import FormData

from api.core.errors import StateError
from api.core.service import Service
from hitonly_core.canonical import canonical

COOKIE: Final = "__Host-person"
_FOR: Final = timedelta(minutes=15)
_MOST: Final = 8_192
"""Characters of a form that is kept, names and values together."""
_NEVER: Final = frozenset({"password", "new", "code", "sure"})
"""Fields that are never kept: what proves who somebody is, and that they were sure."""
_SECRET: Final = frozenset({"password", "new", "code"})
_FORM: Final = "kept-form"
_PERSON: Final = "kept-person"


@dataclass(frozen=True, slots=True)
class Kept:
    """A form as it was sent: where to, and its fields."""

    path: str
    fields: list[tuple[str, str]] = field(repr=False)


def person_cookie(service: Service, person: str) -> str:
    """Return the cookie's value that says whose browser this is."""
    return _sealed(service, {"person": person}, _PERSON)


def keep(service: Service, cookie: str, path: str, form: FormData) -> str:
    """Return a form sealed for the person of the cookie; empty where there is nothing to keep, or nobody."""
    person = str(_opened(service, cookie, _PERSON).get("person", ""))
    texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    size = sum(len(name) + len(value) for name, value in texts)
    secret = any(name in _SECRET for name, _ in texts)
    fields = [(name, value) for name, value in texts if name not in _NEVER]
    if not (person and fields) or secret or size > _MOST or len(texts) < len(form.multi_items()):
        return ""
    until = service.now() + _FOR
    body: dict[str, object] = {"person": person, "path": path, "fields": fields, "until": until.isoformat()}
    return _sealed(service, body, _FORM)


def kept(service: Service, sealed: str, person: str) -> Kept | None:
    """Return a kept form for the person whose it is; None for anybody else, or when it is too old."""
    body = _opened(service, sealed, _FORM)
    if not body or body["person"] != person or datetime.fromisoformat(body["until"]) <= service.now():
        return None
    return Kept(body["path"], [(name, value) for name, value in body["fields"]])


def _sealed(service: Service, body: dict[str, object], label: str) -> str:
    return base64.urlsafe_b64encode(service.secrets.seal(canonical(body), label)).decode()


def _opened(service: Service, text: str, label: str) -> dict[str, Any]:
    """Undo `_sealed`; empty for whatever this service did not seal."""
    try:
        body: dict[str, Any] = json.loads(
            service.secrets.open(base64.urlsafe_b64decode(text.encode()), label)
        )
    except (binascii.Error, ValueError, StateError):
        return {}
    return body
