"""Whose signatures make a list: people, their keys, how many of them must agree, and who may say it is current."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from hitonly_core.canonical import canonical
from hitonly_core.errors import KeyFileError
from hitonly_core.keys import VerifyKey
from hotlist.entry import Identity, first_problem
from hotlist.errors import MalformedError

MAX_PEOPLE: Final = 64


@dataclass(frozen=True, slots=True)
class Person:
    """One person and one of their keys. A person with two keys still counts once."""

    name: str
    key: VerifyKey


@dataclass(frozen=True, slots=True)
class KeySet:
    """The people whose signatures count, and how many different ones a list needs.

    People are kept sorted by key id, so that a set has one text.

    Attributes:
        threshold: how many different people.
        people: who they are.
        timestamp: the online key whose word keeps a list fresh (`hotlist.signed_list.timestamp`), if there is
        one. It signs
            no lists: it is none of the people's.

    Raises:
        MalformedError: a key twice, or a threshold that these people cannot reach.
    """

    threshold: int
    people: tuple[Person, ...]
    timestamp: VerifyKey | None = None

    def __post_init__(self) -> None:
        ordered = sorted(self.people, key=lambda person: person.key.id)
        object.__setattr__(self, "people", tuple(ordered))
        names = {person.name for person in self.people}
        if not 1 <= self.threshold <= len(names) or len(self.people) > MAX_PEOPLE:
            raise MalformedError(f"a key set of {len(names)} people with a threshold of {self.threshold}")
        if len({person.key.raw for person in self.people}) != len(self.people):
            raise MalformedError("a key set that names one key twice")
        if self.timestamp is not None and self.find(self.timestamp.id) is not None:
            raise MalformedError("a key set whose timestamp key is a person's")

    def find(self, key_id: str) -> Person | None:
        """Return the person whose key has this id."""
        return next((person for person in self.people if person.key.id == key_id), None)

    def to_json(self) -> dict[str, object]:
        """Return the key set's JSON object."""
        body: dict[str, object] = {
            "people": [
                {"key": base64.b64encode(person.key.raw).decode(), "name": person.name}
                for person in self.people
            ],
            "threshold": self.threshold,
        }
        if self.timestamp is not None:
            body["timestamp"] = base64.b64encode(self.timestamp.raw).decode()
        return body

    @property
    def fingerprint(self) -> str:
        """Return 24 hexadecimal digits of the SHA-256 of the set's canonical JSON, to compare by voice."""
        return hashlib.sha256(canonical(self.to_json())).hexdigest()[:24]

    def to_bytes(self) -> bytes:
        """Return the key set's file."""
        return canonical(self.to_json()) + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read a key set's file.

        Raises:
            MalformedError: it is no key set.
        """
        try:
            return cls.from_form(KeySetForm.model_validate_json(content))
        except ValidationError as problem:
            raise MalformedError(f"a key set {first_problem(problem)}") from None

    @classmethod
    def from_form(cls, form: "KeySetForm") -> Self:
        """Make a key set of its checked form.

        Raises:
            MalformedError: a key is not 32 bytes in base64, or the threshold cannot be reached.
        """
        try:
            people = tuple(
                Person(person.name, VerifyKey(base64.b64decode(person.key, validate=True)))
                for person in form.people
            )
            timestamp = VerifyKey(base64.b64decode(form.timestamp, validate=True)) if form.timestamp else None
        except (KeyFileError, binascii.Error, ValueError):
            raise MalformedError("a key set with a key that is none") from None
        return cls(form.threshold, people, timestamp)


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class PersonForm(_Form):
    """A person's JSON: the raw public key in base64, and a name."""

    key: Annotated[str, Field(max_length=44)]
    name: Identity


class KeySetForm(_Form):
    """A key set's JSON; a set without a timestamp key has no such member, as before there were any."""

    people: Annotated[list[PersonForm], Field(min_length=1, max_length=MAX_PEOPLE)]
    threshold: Annotated[int, Field(ge=1, le=MAX_PEOPLE)]
    timestamp: Annotated[str, Field(max_length=44, min_length=1)] | None = None

    @model_serializer(mode="wrap")
    def _without_none(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        body: dict[str, Any] = written(self)
        return body if self.timestamp is not None else {k: v for k, v in body.items() if k != "timestamp"}
