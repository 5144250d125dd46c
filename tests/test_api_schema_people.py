"""Schemathesis over the OpenAPI as a signed-in person of each role: answered as described, whoever asks."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from api.accounts.people import Role
from tests.api_kit import Desk, make_entry, make_hit
from tests.schema_kit import without_sign_in

LEFT_OUT: Final = [positive_data_acceptance, missing_required_header]
"""What fits the description can still be refused, as by R6; and no header of ours is required by it."""


@cache
def desk() -> Desk:
    """Return one department for the whole run, with something of everything in it."""
    desk = Desk(Path(tempfile.mkdtemp(prefix="hitonly-schema-")) / "state")
    box = desk.box()
    box.deliver(*[box.sealed(make_hit()) for _ in range(3)])
    for number in range(3):
        desk.approve(make_entry(f"QX{number}9ABC"))
    return desk


@cache
def browser(role: Role) -> TestClient:
    """Return the browser of somebody with that role."""
    return desk().sign_in(f"some-{role}", role)


DEVICES: Final = r"^/v1/(hits|heartbeat|hotlist|devices/enrol)$"
"""What takes no person's session; test_api_schema.py asks it with a device's signature and without."""
OWN: Final = r"^/v1/account"
"""What one does to one's own account ends the session it is done in, by the act or by wrong proofs."""
SCHEMA: Final = without_sign_in(desk().app).exclude(path_regex=f"{DEVICES}|{OWN}")


@pytest.mark.parametrize("role", list(Role))
@SCHEMA.parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_person_is_answered_as_the_openapi_says(case: Any, role: Role) -> None:  # noqa: ANN401 - schemathesis has no plain type for it
    """Never a 5xx, and never a session that ends; every status, media type and body as described."""
    answer = case.call(session=browser(role))
    assert answer.status_code < 500
    assert answer.status_code != 401
    excluded = list(LEFT_OUT)
    if answer.status_code in {403, 413}:
        excluded += [negative_data_rejection, unsupported_method]
    case.validate_response(answer, excluded_checks=excluded)
