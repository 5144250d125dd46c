"""Every setting of the service, checked once at start and handed in; nothing is read at import."""

import difflib
import ipaddress
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from api.core.alert_targets import Email, Mqtt, Target, Webhook
from api.core.errors import SettingsError
from api.core.lifecycle import SHORTEST, Deadlines, Outcome
from api.db.address import check_address
from hitonly_core.form_words import place_of, sentence, with_causes_only
from hitonly_core.policy import WINDOW_CEILING
from hitonly_core.urls import HTTPS, parse


class _Part(BaseModel):
    """What all parts share: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tls(_Part):
    """How the listener is protected (R14)."""

    mode: Literal["off", "local", "files"] = Field(
        default="off", description="off (loopback only), local (the service's own authority), or files"
    )
    names: tuple[str, ...] = Field(
        default=("localhost",), description="names and addresses in the certificate"
    )
    certificate: Path | None = Field(default=None, description="PEM chain, for mode files")
    key: Path | None = Field(default=None, description="PEM private key, for mode files")
    authority: Path | None = Field(
        default=None,
        description="PEM of the one authority that devices must trust, where it is not the service's own",
    )

    @model_validator(mode="after")
    def _files(self) -> Self:
        if self.mode == "files" and not (self.certificate and self.key):
            raise ValueError("tls.mode files needs tls.certificate and tls.key")
        return self


Positive = Annotated[timedelta, Field(gt=timedelta(0))]


class Retention(_Part):
    """How long each state of a hit may last (R8); see api/core/lifecycle.py."""

    pending: Positive = Field(default=timedelta(hours=1), description="from arrival to the end of review")
    confirmed: Positive = Field(default=timedelta(days=1), description="from confirmation to an outcome")
    outcomes: dict[Outcome, timedelta] = Field(default_factory=dict, description="overrides, by outcome")
    hold: Positive = Field(
        default=timedelta(days=90),
        le=timedelta(days=366),
        description="the longest that a legal hold may last",
    )
    strict: bool = Field(default=False, description="unreviewed hits expire with the read's own window")
    window: timedelta = Field(
        default=WINDOW_CEILING, le=WINDOW_CEILING, description="that window, from capture"
    )

    def deadlines(self) -> Deadlines:
        """Return the rules for the state machine."""
        return Deadlines(
            pending=self.pending,
            confirmed=self.confirmed,
            outcomes={**SHORTEST, **self.outcomes},
            hold=self.hold,
            strict=self.strict,
            window=self.window,
        )


class Limits(_Part):
    """The largest request that is read, and how often one address may ask."""

    batch: int = Field(default=32, ge=1, le=256, description="envelopes in one request")
    body: int = Field(
        default=4 * 1024 * 1024,
        ge=65_536,
        le=64 * 1024 * 1024,
        description="bytes of a unit's body; anybody else's may have 64 KiB",
    )
    import_bytes: int = Field(
        default=512 * 1024 * 1024, ge=65_536, description="bytes of a file to import; it goes to the disk"
    )
    import_rows: int = Field(default=2_000_000, ge=1, description="rows of a file to import")
    device_per_minute: int = Field(
        default=600, ge=1, description="requests of one address to the devices' routes"
    )
    sign_in_per_minute: int = Field(default=20, ge=1, description="sign-in attempts of one address")
    unit_records_per_minute: int = Field(
        default=600, ge=1, description="envelopes of one device that are recorded one by one"
    )
    refused_per_minute: int = Field(
        default=60, ge=1, description="refusals of one address that are recorded one by one"
    )


class Staffed(_Part):
    """The department's word that its consoles are staffed: watching then counts as presence, up to a bound."""

    reason: str = Field(
        min_length=20, max_length=400, description="why the consoles are never left, in a sentence"
    )
    authority: str = Field(min_length=3, max_length=80, description="who decided it, by name or office")
    hours: int = Field(
        default=4, ge=1, le=11, description="how long watching alone counts after somebody's last act"
    )

    @property
    def bound(self) -> timedelta:
        """Return how long watching alone counts."""
        return timedelta(hours=self.hours)


class Settings(_Part):
    """All of it; docs/service.md describes each key."""

    state: Path = Field(description="folder of keys, certificates and the SQLite files")
    database_url: str | None = Field(default=None, description="sqlite:///... or postgresql+psycopg://...")
    keys_url: str | None = Field(default=None, description="database of the hits' keys; never backed up")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8443, ge=0, le=65535, description="port to listen on")
    metrics_port: int | None = Field(default=None, ge=0, le=65535, description="loopback port for Prometheus")
    workers: int = Field(default=1, ge=1, le=64, description="worker processes")
    department: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@-]{1,64}$")] = Field(
        default="department", description="short name that stands in every hot list"
    )
    agency: str = Field(default="Unnamed department", min_length=1, description="who runs this")
    notice: str = Field(
        default="This system holds law-enforcement data. Use is recorded and reviewed; misuse is punished. "
        "By signing in you agree to that.",
        description="shown before sign-in (R13)",
    )
    time_zone: str = Field(
        default="UTC", description="the department's zone, as in the tz database; times show it beside UTC"
    )
    public_report: bool = Field(
        default=False, description="let anybody read a settled year's report, at /public/report"
    )
    public_url: str | None = Field(default=None, description="how browsers and devices reach it")
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="addresses or networks of reverse proxies whose X-Forwarded-For is believed"
    )
    list_signing: Literal["service", "people"] = Field(
        default="service", description="who signs the hot list: the service's key, or people's own"
    )
    list_threshold: int = Field(
        default=2, ge=1, le=64, description="how many people must sign, with list_signing people"
    )
    list_days: int = Field(
        default=30, ge=1, le=90, description="how long a list that people signed may stand"
    )
    tls: Tls = Tls()
    retention: Retention = Retention()
    limits: Limits = Limits()
    alerts: tuple[Target, ...] = Field(default=(), max_length=20, description="where alerts are sent")
    staffed: Staffed | None = None

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"{name!r} is no zone of the tz database; write it as in America/New_York"
            ) from None
        return name

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        """Keep scheme, host and port: links, the origin that browsers state and cookies are made of these."""
        return None if url is None else parse(url, HTTPS, rest=False).text().rstrip("/")

    @field_validator("database_url", "keys_url")
    @classmethod
    def _is_a_database(cls, url: str | None) -> str | None:
        if url is not None:
            check_address(url)
        return url

    @field_validator("alerts")
    @classmethod
    def _have_names_of_their_own(cls, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        names = [target.name for target in targets]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"each target has a name of its own; twice there is {', '.join(sorted(twice))}")
        return targets

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is no address, and what is everybody: then each client could say who it is."""
        for proxy in proxies:
            try:
                network = ipaddress.ip_network(proxy)
            except ValueError:
                raise ValueError(
                    "each is an address such as 127.0.0.1, or a network such as 10.0.0.0/24"
                ) from None
            if not network.prefixlen:
                raise ValueError("a network of all addresses is no list of proxies")
        return proxies

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if self.tls.mode == "off" and not self.loopback:
            raise ValueError(
                f"listening on {self.host} needs TLS (R14): set tls.mode to local or files, "
                "or listen on 127.0.0.1"
            )
        sqlite = self.database_url is None or self.database_url.startswith("sqlite")
        if sqlite and self.workers > 1:
            raise ValueError("several workers need PostgreSQL: set database_url")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Return the department's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the listener."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def hosts(self) -> frozenset[str]:
        """Return the names that this service goes by, in lower case: of its addresses and of its certificate.

        Units' requests are taken under no other, and without TLS browsers' neither (no DNS rebinding).
        """
        public = urlsplit(self.url).hostname or ""
        names = {"localhost", "127.0.0.1", "::1", self.host, public, *self.tls.names}
        return frozenset(name.lower() for name in names)

    @property
    def url(self) -> str:
        """Return how browsers and devices reach the service."""
        scheme = "http" if self.tls.mode == "off" else "https"
        name = self.tls.names[0] if self.host in {"0.0.0.0", "::"} and self.tls.names else self.host  # noqa: S104
        host = f"[{name}]" if ":" in name else name
        return self.public_url or f"{scheme}://{host}:{self.port}"

    @property
    def main_database(self) -> str:
        """Return the main database's URL."""
        return self.database_url or f"sqlite:///{self.state.absolute() / 'service.sqlite3'}"

    @property
    def keys_database(self) -> str:
        """Return the URL of the hits' keys."""
        return self.keys_url or f"sqlite:///{self.state.absolute() / 'hit-keys.sqlite3'}"


def load_settings(file: Path | None = None, **given: object) -> Settings:
    """Read a TOML file, if there is one, and put what the command line gives over it, key by key.

    Raises:
        SettingsError: a key is unknown or a value out of range; all of them are named.
    """
    content: dict[str, object] = {}
    if file is not None:
        try:
            content = tomllib.loads(file.read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            raise SettingsError(f"{file} cannot be read as TOML: {problem}") from None
    for name, value in given.items():
        if value is not None:
            before = content.get(name)
            both = isinstance(before, dict) and isinstance(value, dict)
            content[name] = {**before, **value} if both else value  # type: ignore[dict-item]
    try:
        return Settings.model_validate(content)
    except ValidationError as problem:
        raise SettingsError("; ".join(map(_sentence, with_causes_only(problem.errors())))) from None


def _sentence(error: Mapping[str, Any]) -> str:
    """Say one validation error in words, with the nearest known key for an unknown one."""
    path = place_of(error)
    if error["type"] == "extra_forbidden":
        known = [
            name
            for model in (Settings, Tls, Retention, Limits, Staffed, Webhook, Email, Mqtt)
            for name in model.model_fields
        ]
        near = difflib.get_close_matches(path.rpartition(".")[2], known, n=1)
        return f"unknown key {path}" + (f", perhaps {near[0]}" if near else "")
    return sentence(error)
