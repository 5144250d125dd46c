"""The configuration: one TOML file, checked once, frozen, passed in (keys: docs/configuration.md)."""

import difflib
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from edge.capture.settings import SourceSettings
from edge.errors import ConfigError
from hitonly_core.form_words import place_of, sentence, with_causes_only
from hitonly_core.policy import FALSE_HITS_PER_DAY, LIST_AGE_CEILING, PASSES_PER_DAY, WINDOW_CEILING
from hitonly_core.urls import HTTPS, parse
from protocol.receipts import AT_LEAST

_LIST_HOURS = LIST_AGE_CEILING / timedelta(hours=1)

_HEX256 = r"^[0-9a-f]{64}$"
_POINT = tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]]
_POLYGON = Annotated[tuple[_POINT, ...], Field(min_length=3)]


def _device(path: Path) -> Path:
    """Refuse what is no device file: whatever is named here may be written.

    Raises:
        ValueError: it is not below /dev, or a disk.
    """
    inside = path.parts[:2] == ("/", "dev") and len(path.parts) > 2  # noqa: PLR2004 - /, dev, a name
    if not inside or {"..", "shm"} & set(path.parts) or path.is_block_device():
        raise ValueError("is no device file: it must lie in /dev, and be no disk")
    return path


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class DeviceSection(_Section):
    """Who the box is, and under which policy it runs (R18)."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="The device's id.")
    registration: str = Field("", description="The registration the agency holds for the device (R18).")
    agency: str = Field("", description="The agency that answers for the device (R18).")
    policy_sha256: str = Field(
        "", pattern=r"^([0-9a-f]{64})?$", description="SHA-256 of the policy document (R18)."
    )
    demo: bool = Field(
        default=False, description="Run without registration, agency and policy, and say so loudly."
    )

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        absent = [name for name in ("registration", "agency", "policy_sha256") if not getattr(self, name)]
        if absent and not self.demo:
            raise ValueError(f"{', '.join(absent)} must be set: a box runs only under a named policy (R18)")
        return self


class RetentionSection(_Section):
    """How long a read that is no hit may exist."""

    window_seconds: float = Field(
        WINDOW_CEILING.total_seconds(),
        ge=0,
        le=WINDOW_CEILING.total_seconds(),
        description="A read is destroyed this long after capture; 0 at once; at most 180 (R1).",
    )
    slots: int = Field(
        512, ge=1, le=8192, description="Reads held at most; a full arena destroys the oldest."
    )
    late_seconds: float = Field(
        1.0,
        gt=0,
        le=10,
        description="A purge later than this stops reading and ends the process (fail closed).",
    )
    rematch: bool = Field(
        default=True, description="Match reads still inside the window against a list that has just arrived."
    )


class ReceiptsSection(_Section):
    """How coarse the receipts are; they can be made coarser than this, never finer (R22)."""

    step_hours: int = Field(1, ge=1, le=24, description="Length of a step: receipts end at whole steps.")
    at_least: int = Field(
        AT_LEAST,
        ge=AT_LEAST,
        le=100_000,
        description="A receipt waits until a step has this many reads without a hit, or for a day.",
    )


class ModelsSection(_Section):
    """Which models read."""

    detector: str = Field("hitonly-detector", description="A name of the manifest, or a file of your own.")
    detector_sha256: str | None = Field(None, pattern=_HEX256, description="Digest of a file of your own.")
    reader: str = Field("hitonly-ocr", description="A name of the manifest, or a file of your own.")
    reader_sha256: str | None = Field(None, pattern=_HEX256, description="Digest of a file of your own.")
    region: str = Field(
        "hitonly-region",
        description="Tells the state or country, beside any reader; empty: the reader's own regions alone.",
    )
    region_sha256: str | None = Field(None, pattern=_HEX256, description="Digest of a file of your own.")
    folder: Path | None = Field(None, description="Looked in first.")
    providers: tuple[str, ...] = Field(
        ("CPUExecutionProvider",), min_length=1, description="ONNX Runtime execution providers, in order."
    )
    devices: tuple[Annotated[Path, AfterValidator(_device)], ...] = Field(
        (), description="An accelerator's device files in /dev; else the kernel refuses them (Landlock)."
    )
    input_width: int = Field(
        448,
        ge=128,
        le=1280,
        multiple_of=32,
        description="Detector input width, where the model's size is free.",
    )
    confidence: float = Field(0.4, gt=0, lt=1, description="Detections below it are dropped.")
    crop_margin: float = Field(0.08, ge=0, le=0.5, description="A box is widened by this share on each side.")


class MatchingSection(_Section):
    """How sure a match must be."""

    max_false_hits_per_day: float = Field(
        FALSE_HITS_PER_DAY,
        gt=0,
        le=1000,
        description="The false-hit budget that sets the matching threshold.",
    )
    passes_per_day: float = Field(
        PASSES_PER_DAY, gt=0, description="Vehicles a day at this box, known or estimated."
    )
    sure: float = Field(
        0.9,
        gt=0,
        le=1,
        description="A match this probable is a hit at once; others wait for the pass to settle.",
    )


class HotListSection(_Section):
    """Where the hot list comes from."""

    file: Path = Field(description="The signed, sealed list.")
    trust: Path = Field(description="Folder of the trusted keys and the last version seen (rollback).")
    max_age_hours: float = Field(
        _LIST_HOURS, gt=0, le=_LIST_HOURS, description="An older list does not alert (R7)."
    )
    poll_seconds: float = Field(5.0, gt=0, le=60, description="How often a new list is looked for.")


class KeysSection(_Section):
    """The device's keys and the department's public one."""

    signing: Path = Field(description="The device's signing key.")
    sealing: Path = Field(description="The device's sealing key: opens its hot list.")
    department: Path = Field(description="The department's sealing public key: hits are sealed to it.")


class DepartmentSection(_Section):
    """The department's service, where hits are delivered; without it they wait on the spool."""

    url: str = Field(description="Its address: https://, or http:// on this machine's loopback.")
    service_key: Path = Field(description="The key that its acknowledgements are signed with (service.pub).")
    authority: Path | None = Field(None, description="Its certificate authority (ca.pem); for https://.")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parse(url, HTTPS, rest=False)
        return url


class StorageSection(_Section):
    """The folders that are ever written."""

    spool: Path = Field(description="Sealed hits wait here for the department.")
    state: Path = Field(description="Receipts and rollback state.")
    spare: Path | None = Field(
        None,
        description="On another disk: sealed hits go here when the spool's disk is full or read-only.",
    )

    @property
    def spools(self) -> tuple[Path, ...]:
        """Every folder that sealed hits may lie in."""
        return (self.spool,) if self.spare is None else (self.spool, self.spare)


class ZonesSection(_Section):
    """Where plates count: polygons of points (x, y), each 0 to 1 of the picture's width and height."""

    include: tuple[_POLYGON, ...] = Field(
        (), description="Only boxes with their centre in one of these count."
    )
    exclude: tuple[_POLYGON, ...] = Field((), description="Boxes with their centre in one of these do not.")


class CameraSection(_Section):
    """One camera."""

    name: str = Field(
        min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]*$", description="Name in logs and hits."
    )
    place: str = Field("", max_length=200, description="Where it stands, in words; written in hits.")
    source: SourceSettings = Field(description="Where frames come from.")
    zones: ZonesSection = Field(default_factory=ZonesSection, description="Where plates count.")
    motion: bool = Field(default=True, description="Skip the detector while nothing moves.")
    detections_per_second: float = Field(
        10.0,
        gt=0,
        le=60,
        description="Pictures looked at a second, at most; the others are decoded and dropped.",
    )
    confidence: float | None = Field(None, gt=0, lt=1, description="Overrides models.confidence.")
    crop_margin: float | None = Field(None, ge=0, le=0.5, description="Overrides models.crop_margin.")
    input_width: int | None = Field(
        None, ge=128, le=1280, multiple_of=32, description="Overrides models.input_width."
    )

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, body: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        """Give the source the camera's name: a camera has one."""
        if isinstance(body, dict) and isinstance(source := body.get("source"), dict):
            if "name" in source:
                raise ValueError("source.name: a source has the camera's name; remove it")
            return {**body, "source": {**source, "name": body.get("name")}}
        return body


class MetricsSection(_Section):
    """Numbers for Prometheus, for this machine only."""

    port: int = Field(
        ge=1024,
        le=65535,
        description="Port on 127.0.0.1, at /metrics; what a vehicle changes is told as in receipts.",
    )


class EdgeConfig(_Section):
    """The whole configuration of ``alpr-edge run``."""

    device: DeviceSection = Field(description="Who the box is.")
    keys: KeysSection = Field(description="Key files.")
    hotlist: HotListSection = Field(description="The hot list.")
    storage: StorageSection = Field(description="Folders that are written.")
    cameras: tuple[CameraSection, ...] = Field(min_length=1, description="One or more cameras.")
    department: DepartmentSection | None = Field(None, description="Where hits are delivered.")
    retention: RetentionSection = Field(default_factory=RetentionSection, description="The window.")
    receipts: ReceiptsSection = Field(default_factory=ReceiptsSection, description="How coarse they are.")
    models: ModelsSection = Field(default_factory=ModelsSection, description="Detector and reader.")
    matching: MatchingSection = Field(default_factory=MatchingSection, description="Matching.")
    metrics: MetricsSection | None = Field(None, description="Numbers for Prometheus; without it, none.")
    unsafe_allow_swap: bool = Field(
        default=False, description="Start although swap is in use and memory cannot be locked."
    )

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [camera.name for camera in self.cameras]
        if len(set(names)) < len(names):
            raise ValueError("two cameras have the same name")
        return self


def load_config(path: Path) -> EdgeConfig:
    """Read and check a configuration file; relative paths in it are relative to its folder.

    Raises:
        ConfigError: unreadable, not TOML, an unknown key (with the nearest known one), or a bad value.
    """
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(f"{path} cannot be read: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} is not TOML: {problem}") from None
    try:
        config = EdgeConfig.model_validate(body)
    except ValidationError as problem:
        raise ConfigError(f"{path}: {'; '.join(_sentences(problem))}") from None
    return _anchored(config, path.resolve().parent)


def known_keys(model: type[BaseModel] = EdgeConfig, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key of the configuration, dotted, with its field.

    An array of tables is written ``cameras[]``, a table of one kind ``source{rtsp}``.
    """
    for name, field in model.model_fields.items():
        if prefix.endswith("}.") and name in {"kind", "name"}:
            continue
        dotted = f"{prefix}{name}"
        inner = _models_in(field.annotation)
        if not inner:
            yield dotted, field
        array = "[]" if "tuple" in str(field.annotation) else ""
        for kind in inner:
            variant = (
                "{" + str(kind.model_fields["kind"].default) + "}" if "kind" in kind.model_fields else ""
            )
            yield from known_keys(kind, f"{dotted}{array}{variant}.")


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - any annotation
    """Return the models that an annotation names, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    for part in getattr(annotation, "__args__", ()):
        found.extend(_models_in(part))
    return found


def _sentences(problem: ValidationError) -> Iterator[str]:
    """Say each error of a validation with its dotted place; a value is never repeated."""
    names = sorted({dotted.rsplit(".", 1)[-1] for dotted, _ in known_keys()} | set(EdgeConfig.model_fields))
    for error in with_causes_only(problem.errors(include_input=False, include_url=False)):
        place = place_of(error)
        if error["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(error["loc"][-1]), names, n=1)
            yield f"unknown key {place}" + (f"; did you mean {near[0]}?" if near else "")
        else:
            yield sentence(error)


def _anchored(config: EdgeConfig, folder: Path) -> EdgeConfig:
    """Make every relative path of the configuration relative to its own folder."""

    def anchor(value: Any) -> Any:  # noqa: ANN401 - any value of the tree
        if isinstance(value, Path):
            return folder / value
        if isinstance(value, BaseModel):
            changed = {name: anchor(getattr(value, name)) for name in type(value).model_fields}
            return value.model_copy(update=changed)
        if isinstance(value, tuple):
            return tuple(anchor(part) for part in value)
        return value

    anchored: EdgeConfig = anchor(config)
    return anchored
