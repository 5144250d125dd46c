"""Where alerts go: webhooks, mail servers and MQTT brokers, each with what it takes; none by default."""

import base64
import binascii
import ssl
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hitonly_core.urls import HTTPS, parse

STANDARD_PREFIX: Final = "whsec_"
"""What a secret in the form of Standard Webhooks begins with."""
Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:\[\]-]+$")]
Address = Annotated[str, Field(max_length=254, pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$")]


class _Target(BaseModel):
    """What every target has: a name, and which hits it takes; an empty list takes all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="short name, shown to administrators")
    severities: tuple[Literal["urgent", "high", "routine"], ...] = Field(
        default=(), description="only hits this severe; all where none is named"
    )
    lists: tuple[str, ...] = Field(default=(), description="only hits of these lists (an entry's source)")
    cameras: tuple[str, ...] = Field(default=(), description="only hits of these cameras")
    with_plate: bool = Field(default=False, description="name the listed plate in the alert")

    def takes(self, severity: str, source: str, camera: str) -> bool:
        """Whether a hit is for this target."""
        wanted = ((self.severities, severity), (self.lists, source), (self.cameras, camera))
        return all(not want or has in want for want, has in wanted)


class Webhook(_Target):
    """An address that takes one signed POST for each hit."""

    kind: Literal["webhook"] = "webhook"
    url: str = Field(description="https address", repr=False)
    secret: str = Field(min_length=32, repr=False, description="key of the body's HMAC-SHA256")
    allow_private: tuple[str, ...] = Field(
        default=(), description="private networks it may stand in, as CIDR"
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        return parse(url, HTTPS).text()

    @field_validator("secret")
    @classmethod
    def _is_a_key(cls, secret: str) -> str:
        if secret.startswith(STANDARD_PREFIX):
            try:
                base64.b64decode(secret.removeprefix(STANDARD_PREFIX), validate=True)
            except binascii.Error:
                raise ValueError(f"a secret that begins with {STANDARD_PREFIX} goes on in base64") from None
        return secret


class _Server(_Target):
    """A server that is reached over TLS only, known by its certificate, with a name and a password."""

    host: Host = Field(description="its name, as in its certificate")
    port: int = Field(ge=1, le=65535, description="its port")
    authority: Path | None = Field(
        default=None, description="PEM of the authority of its certificate, where that is not a public one"
    )
    username: str = Field(default="", description="name to sign in with; empty signs in nowhere")
    password: str = Field(default="", repr=False, description="and its password")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password go together: give both or neither")
        if self.authority is not None and not self.authority.is_file():
            raise ValueError(f"authority {self.authority} is no file")
        return self

    def tls(self) -> ssl.SSLContext:
        """Return what connects to it: TLS 1.2 or newer, its certificate checked.

        Raises:
            OSError: the authority's file cannot be used.
        """
        return ssl.create_default_context(cafile=self.authority)


class Email(_Server):
    """A mail server that takes one message for each hit."""

    kind: Literal["email"]
    port: int = Field(default=465, ge=1, le=65535, description="its port")
    security: Literal["tls", "starttls"] = Field(
        default="tls", description="TLS from the first byte, or STARTTLS, which is then required"
    )
    sender: Address = Field(description="the address that it comes from")
    recipients: tuple[Address, ...] = Field(
        min_length=1, max_length=50, description="the addresses it goes to"
    )


class Mqtt(_Server):
    """An MQTT broker that takes one message for each hit."""

    kind: Literal["mqtt"]
    port: int = Field(default=8883, ge=1, le=65535, description="its port")
    topic: str = Field(
        default="hitonly", pattern=r"^[A-Za-z0-9_/-]{1,100}$", description="topics begin with this"
    )
    discovery: bool = Field(
        default=False, description="announce the system's health, and no hits, to Home Assistant"
    )


Target = Annotated[Webhook | Email | Mqtt, Field(discriminator="kind")]
