"""An example of every body and answer in the OpenAPI description, composed of its fields' examples.

A field's own example, which stands beside it in its model, goes first; what a model leaves to be guessed is named
here, by field or by ``Model.field``. A field without either leaves its operation without an example, and
`tests/test_api_examples.py` fails by its name.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Final

from api.core.errors import AuditError

Schema = Mapping[str, Any]

_MOMENT: Final = "2026-02-03T09:30:00Z"
_LATER: Final = "2026-02-04T09:30:00Z"
_DIGEST: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_KEY: Final = '{"kind": "...", "key": "..."}'
_LINK: Final = "https://plates.example.gov/welcome/one-time-token"

FORMATS: Final[Mapping[str, str]] = {
    "date-time": _MOMENT,
    "date": "2026-02-03",
    "uuid": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "binary": "the file's bytes",
}

FIELDS: Final[Mapping[str, Any]] = {
    "AccountShown.link": None,
    "Agreed.link": _LINK,
    "Code.enrolment": "plates.example.gov ABCDEF-GHIJKL-MNOPQR-STUVWX SHA256-OF-THE-AUTHORITY",
    "ChainCheck.unbroken": True,
    "Codes.codes": ["4F7K-92QM-XD3T"],
    "Confusion.read": "8",
    "Confusion.typed": "B",
    "DeviceMatches.installed": "2025-05-01",
    "DeviceMatches.matches": "20 to 29",
    "DryRun.rows": 3,
    "DryRun.added": 2,
    "DryRun.changed": 0,
    "DryRun.unchanged": 0,
    "DryRun.immigration": 0,
    "DryRun.heavy": 0,
    "DryRun.doubts": [],
    "DryRun.unread": ["D"],
    "DryRun.plates": 2,
    "Enrolment.department": "example-police",
    "EnrolmentRequest.verify_key": _KEY,
    "EnrolmentRequest.seal_key": _KEY,
    "Enrolment.registration": {"registration_id": "R-17"},
    "Found.entry": "e-1042",
    "HappeningShown.actor": "person:dora",
    "HappeningShown.act": "person.sign-in",
    "HappeningShown.result": "done",
    "HeldReceipt.sequence": 41,
    "Heartbeat.cameras": {"north": "online"},
    "Heartbeat.degraded": ["camera south: offline"],
    "Heartbeat.models": ["hitonly-detector", "hitonly-ocr"],
    "HeartbeatAnswer.checkpoint": {"seq": 310, "digest": _DIGEST, "at": _MOMENT},
    "HeartbeatAnswer.hot_list": '"17"',
    "HitBatch.envelopes": ["the text of one file of the spool"],
    "HitResult.ack": {"hit": FORMATS["uuid"], "at": _MOMENT},
    "HitResult.problem": None,
    "HoldOrder.reason": "evidence in a pending case",
    "HoldOrder.until": _LATER,
    "Link.expires": _LATER,
    "NewPassword.new": "four plain words in a row",
    "Note.note": "two views asked about, both explained",
    "PersonShown.full_name": "Dora Example",
    "PrecisionLine.right": 19,
    "PrecisionLine.other": 0,
    "PrecisionLine.name": "north",
    "Problem.hint": "Read the plate first.",
    "QueueLine.kind": "exact",
    "QueueLine.state": "pending",
    "Record.at": "2026-02-03T09:30:00.00Z",
    "Record.purpose": "review-alert",
    "Record.detail": {"camera": "north"},
    "Record.object": "hit:7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "Record.result": "done",
    "ReportShown.lists": [["stolen vehicles", "120 to 129", "12 to 19"]],
    "ReportShown.mistakes": [["8 read as B", "1 to 9"]],
    "ReportShown.totals": [["hits confirmed", "20 to 29", "hits refuted"]],
    "ReportShown.year": 2025,
    "ReportShown.years": [2025],
    "DeviceShown.refused": 0,
    "Standing.deadline": _LATER,
    "QueueLine.deadline": _LATER,
    "Standing.held_until": None,
    "Standing.mistake": None,
    "Standing.outcomes": ["stop"],
    "VehicleShown.year": 2019,
    "ack": {"hit": FORMATS["uuid"]},
    "agency": "Example Police Department",
    "approver": "dora",
    "audit_end": None,
    "author": "ruth",
    "authority": "county attorney",
    "basis": "the unit's clock was set",
    "boot": FORMATS["uuid"],
    "by": "dora",
    "camera": "north",
    "cameras": ["north"],
    "case_number": "26-1042",
    "certificate_authority": "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n",
    "colour": "blue",
    "consistency": [],
    "contradicted": "",
    "department_seal_key": _KEY,
    "device": "camera-1",
    "digest": _DIGEST,
    "effective": _MOMENT,
    "expires": _LATER,
    "full_name": "Ruth Example",
    "hold_asked_until": None,
    "hold_asked": None,
    "hot_list_keys": _KEY,
    "id": "e-1042",
    "key": "",
    "link": _LINK,
    "list_version": 17,
    "location": "Main Street bridge, northbound",
    "make": "Example",
    "model": "One",
    "name": "ruth",
    "next": None,
    "note": "",
    "noted": "",
    "place": "Main Street bridge",
    "plate": "ZQ57KPX",
    "published_by": "dora",
    "receipts": [],
    "region": "GB",
    "registration_id": "R-17",
    "service_verify_key": _KEY,
    "severity": "high",
    "signed_by": "",
    "software": "hitonly 0.1.0",
    "source": "state feed",
    "verified": _MOMENT,
    "policy_sha256": _DIGEST,
    "said": {"software": "hitonly 0.1.0"},
    "share": 0.95,
    "low": 0.76,
    "high": 0.99,
    "passes_per_day": 20000.0,
    "false_hits_per_day": 0.4,
}


FAILURE: Final[Mapping[str, Any]] = {
    "type": f"urn:hitonly:problem:{AuditError.slug}",
    "title": AuditError.title,
    "status": int(AuditError.status),
    "detail": "the record could not be written",
    "hint": None,
}
"""What a fault of the service looks like; the model's own example is a request's fault."""


class UnnamedError(LookupError):
    """A field of which nobody has said an example."""


def add_examples(content: MutableMapping[str, Any]) -> None:
    """Give an example to every body and answer of a description that has a model; in place."""
    schemas = content["components"]["schemas"]
    for name, media in bodies_and_answers(content):
        if has_model(media):
            try:
                media["example"] = FAILURE if " 5XX " in name else example_of(media["schema"], schemas)
            except UnnamedError:
                continue


def bodies_and_answers(content: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every media type of every operation, with a name to find it by."""
    for methods in content["paths"].values():
        for operation in methods.values():
            name = operation["operationId"]
            for kind, media in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{name} body {kind}", media
            for status, answer in operation["responses"].items():
                for kind, media in answer.get("content", {}).items():
                    yield f"{name} {status} {kind}", media


def has_model(media: Mapping[str, Any]) -> bool:
    """Whether a media type's schema says what is in it: not a file's bytes, a text, or any object."""
    schema = media.get("schema", {})
    return "$ref" in schema or "properties" in schema


def example_of(schema: Schema, schemas: Mapping[str, Schema], model: str = "", field: str = "") -> Any:  # noqa: ANN401
    """Compose an example of a schema.

    Args:
        schema: what is to be shown.
        schemas: what references lead to, by name.
        model: whose field it is.
        field: its name there.

    Raises:
        UnnamedError: a field has no example of its own, and none here.
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return example_of(schemas[name], schemas, name, field)
    for given in _given(schema, model, field):
        return given
    if "properties" in schema:
        name = schema.get("title", model)
        return {key: example_of(each, schemas, name, key) for key, each in schema["properties"].items()}
    if choices := [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]:
        return example_of(choices[0], schemas, model, field)
    return _of_type(schema, schemas, model, field)


def _given(schema: Schema, model: str, field: str) -> Iterator[Any]:
    """Yield the examples that somebody has given, the nearest first."""
    yield from schema.get("examples", ())[:1]
    if "properties" not in schema and "enum" not in schema:
        names = [f"{model}.{field}"] if schema.get("format") == "uuid" else [f"{model}.{field}", field]
        yield from (FIELDS[name] for name in names if name in FIELDS)
    yield from schema.get("enum", ())[:1]
    if "const" in schema:
        yield schema["const"]
    if schema.get("format") in FORMATS:
        yield FORMATS[schema["format"]]


def _of_type(schema: Schema, schemas: Mapping[str, Schema], model: str, field: str) -> Any:  # noqa: ANN401
    """Return what a type alone can show."""
    kind = schema.get("type")
    if kind == "array" and "items" in schema:
        return [example_of(schema["items"], schemas, model, field)]
    if kind == "boolean":
        return bool(schema.get("default", False))
    if kind in {"integer", "number"}:
        return max(1, int(schema.get("minimum", 1)))
    raise UnnamedError(f"{model}.{field}")
