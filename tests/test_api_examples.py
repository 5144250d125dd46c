"""Every body and answer of the OpenAPI description has an example, and each one is of its schema."""

import copy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.web import openapi_examples
from api.web.openapi_examples import FIELDS, UnnamedError, bodies_and_answers, example_of, has_model
from tests.api_kit import Desk

FREE = {
    "get_hits_by_hit 200 application/json",
    "get_hits_crop 200 image/jpeg",
    "get_hotlist 200 application/octet-stream",
    "get_certificate_authority 200 text/plain",
    "post_audit_export 200 application/x-ndjson",
    "get_report_csv 200 text/csv; charset=utf-8",
}
"""What has no model: files, texts, and a hit, whose fields depend on how far its review is."""


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the description as anybody gets it."""
    desk = Desk(tmp_path_factory.mktemp("examples") / "state")
    body: dict[str, Any] = desk.client().get("/v1/openapi.json").json()
    return body


def wrong(schema: dict[str, Any], example: object, content: dict[str, Any]) -> list[str]:
    """Return how an example breaks its schema."""
    whole = {**schema, "components": content["components"]}
    checker = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{'.'.join(map(str, each.path))}: {each.message}" for each in checker.iter_errors(example)]


def test_nothing_that_has_a_model_lacks_an_example(content: dict[str, Any]) -> None:
    """Each request body and each answer, problems too; what has no model is named here, and no more than that."""
    found = dict(bodies_and_answers(content))
    assert len(found) > 150
    assert {name for name, media in found.items() if not has_model(media)} == FREE
    lacking = [name for name, media in found.items() if has_model(media) and "example" not in media]
    assert not lacking, _why(content, lacking)


def _why(content: dict[str, Any], lacking: list[str]) -> list[str]:
    """Return which fields have no example."""
    fields = []
    for name, media in bodies_and_answers(content):
        if name in lacking:
            try:
                example_of(media["schema"], content["components"]["schemas"])
            except UnnamedError as problem:
                fields.append(f"{name}: {problem}")
    return fields


def test_every_example_is_of_its_schema(content: dict[str, Any]) -> None:
    """By JSON Schema: required fields, types, lengths, patterns, formats, closed lists."""
    faults = {
        name: wrong(media["schema"], media["example"], content)
        for name, media in bodies_and_answers(content)
        if "example" in media
    }
    assert len(faults) > 150
    assert not {name: told for name, told in faults.items() if told}


def test_a_problem_of_the_request_and_one_of_the_service_are_told_apart(content: dict[str, Any]) -> None:
    """The status of an example is of the answers that it stands at."""
    for name, media in bodies_and_answers(content):
        if " 4XX " in name or " 5XX " in name:
            assert name.split()[1][0] == str(media["example"]["status"])[0], name


def test_an_example_that_is_not_of_its_schema_is_found(content: dict[str, Any]) -> None:
    """The control: a missing field, a wrong type, a word outside a closed list, a broken pattern."""
    media = dict(bodies_and_answers(content))["post_devices body application/json"]
    for change in (
        {"device": "NOT a device"},
        {"cameras": "north"},
        {"installed": "yesterday"},
        {"policy_sha256": ""},
    ):
        assert wrong(media["schema"], {**media["example"], **change}, content)
    short = copy.deepcopy(media["example"])
    short.pop("agency")
    assert wrong(media["schema"], short, content)


def test_a_field_that_nobody_has_named_is_told_by_its_name(content: dict[str, Any]) -> None:
    """A new field without an example leaves its operation without one: a test fails, the service does not."""
    schemas = content["components"]["schemas"]
    new = {"title": "Made", "type": "object", "properties": {"unheard_of": {"type": "string"}}}
    with pytest.raises(UnnamedError, match=r"Made\.unheard_of"):
        example_of(new, schemas)
    broken = copy.deepcopy(content)
    broken["components"]["schemas"]["Reason"]["properties"]["unheard_of"] = {"type": "string"}
    for _, media in bodies_and_answers(broken):
        media.pop("example", None)
    openapi_examples.add_examples(broken)
    found = dict(bodies_and_answers(broken))
    assert "example" not in found["post_hits_open body application/json"]
    assert "example" in found["post_devices body application/json"]


def test_no_named_example_is_left_over(content: dict[str, Any]) -> None:
    """What the table names is a field of the description; one that was renamed does not stay behind."""
    known = set()
    inline = [
        media["schema"] for _, media in bodies_and_answers(content) if "properties" in media.get("schema", {})
    ]
    for schema in [*content["components"]["schemas"].values(), *inline]:
        for field in schema.get("properties", ()):
            known |= {field, f"{schema['title']}.{field}"}
    assert not set(FIELDS) - known
