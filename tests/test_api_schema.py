"""Schemathesis over the OpenAPI: what fits the description, and much that does not, is answered as described."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.api_kit import Box, Desk
from tests.schema_kit import without_sign_in


@cache
def desk() -> Desk:
    """Return one department for the whole run, with limits that a fuzzer does not reach."""
    folder = Path(tempfile.mkdtemp(prefix="hitonly-schema-"))
    return Desk(folder / "state", limits={"device_per_minute": 1_000_000})


@cache
def box() -> Box:
    """Return its enrolled device, whose key signs what schemathesis makes."""
    return desk().box()


UNTOLD = positive_data_acceptance
"""Left out: a key's text or a code can be refused although the description allows it."""
REFUSED = negative_data_rejection
"""Left out where the body is too large: 413 is a refusal that schemathesis does not know."""


def check(case: Any, answer: Any) -> None:  # noqa: ANN401 - schemathesis has no plain types for them
    """Hold an answer against the description."""
    excluded = [UNTOLD, REFUSED] if answer.status_code == 413 else [UNTOLD]
    case.validate_response(answer, excluded_checks=excluded)


SCHEMA = without_sign_in(desk().app)


@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_signed_request_is_answered_as_the_openapi_says(case: Any) -> None:  # noqa: ANN401 - schemathesis has no plain type for it
    """Never a 5xx; every status, media type and body as described."""
    body = b"" if case.method == "GET" else json.dumps(case.body, default=str).encode()
    key_id = "enrolling" if case.path.endswith("enrol") else ""
    answer = box().send(case.method, case.path, body, key_id=key_id)
    assert answer.status_code < 500
    check(case, answer)


PUBLIC = {"GET /v1/certificate-authority"}
"""Public on purpose: a certificate, no secret. A new unit has no name yet, and must compare it with the fingerprint
in its enrolment string before it sends anything. Everything else asks who calls.
"""


@SCHEMA.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_unsigned_request_is_refused_as_the_openapi_says(case: Any) -> None:  # noqa: ANN401 - schemathesis has no plain type for it
    """With whatever headers, query and body: refused; but not what a new unit must see first."""
    answer = case.call()
    public = f"{case.method} {case.path}" in PUBLIC
    assert answer.status_code == 200 if public else 400 <= answer.status_code < 500
    check(case, answer)


def test_what_is_public_is_one_certificate_and_nothing_else() -> None:
    """The one answer that needs nothing is the authority's certificate, byte for byte; no key is in it."""
    client = desk().client()
    del client.headers["Sec-Fetch-Site"]
    open_to_all = {
        f"{method.upper()} {path}"
        for path, methods in desk().app.openapi()["paths"].items()
        for method in methods
        if client.request(method, path, content=b"{}").is_success
    }
    assert open_to_all == PUBLIC
    given = client.get("/v1/certificate-authority").text
    assert given == (desk().settings.state / "ca.pem").read_text()
    assert "PRIVATE" not in given
