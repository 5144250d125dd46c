"""Model files: found on this machine, and loaded only when their SHA-256 is the one in the manifest.

Nothing is downloaded at run time. A name is looked up in, in this order: the folder in the configuration, the
folder in the environment variable ``HITONLY_MODELS``, the hub caches of the fast-alpr family, and the weights
bundled with this package. The bytes that were hashed are the bytes that are loaded.
"""

import hashlib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from edge.errors import ModelError

BUNDLED: Final = Path(__file__).parents[1] / "weights"
HUB_CACHES: Final = ("fast-plate-ocr", "open-image-models")
MAX_BYTES: Final = 512 * 1024 * 1024

Kind = Literal["detector", "reader", "region"]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of the manifest: its files by name with their SHA-256, the network first."""

    name: str
    kind: Kind
    files: Mapping[str, str]
    licence: str
    source: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model whose files were found and verified; `contents` in the manifest's order."""

    spec: ModelSpec
    paths: tuple[Path, ...]
    contents: tuple[bytes, ...] = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the network's file: what the ledger and a hit name."""
        return next(iter(self.spec.files.values()))


def manifest() -> dict[str, ModelSpec]:
    """Return every model that can be loaded by name."""
    with (BUNDLED / "manifest.toml").open("rb") as file:
        body = tomllib.load(file)
    return {name: ModelSpec(name=name, **members) for name, members in body.items()}


def folders(configured: Path | None = None, environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Return where model files are looked for, in order."""
    places = [configured] if configured else []
    if named := environment.get("HITONLY_MODELS"):
        places.append(Path(named))
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [*places, *(cache / hub for hub in HUB_CACHES), BUNDLED]


def spec_for(name: str, sha256: str | None, kind: Kind) -> ModelSpec:
    """Return the manifest's entry for a name, or one made for an operator's own file and digest.

    An operator's own reader stands beside its ``*_plate_config.yaml``, whose digest is not pinned.

    Raises:
        ModelError: unknown name without a digest, or a model of the other kind.
    """
    known = manifest()
    if name in known:
        if known[name].kind != kind:
            raise ModelError(f"model {name!r} is a {known[name].kind}, not a {kind}")
        return known[name]
    if sha256 is None:
        names = ", ".join(sorted(spec.name for spec in known.values() if spec.kind == kind))
        hint = f"Known: {names}. For a file of your own, give its sha256 too (`sha256sum FILE`)."
        raise ModelError(f"no {kind} named {name!r} in the manifest", hint=hint)
    return ModelSpec(
        name, kind, {Path(name).name: sha256}, licence="the operator's", source=str(Path(name).parent)
    )


def load(spec: ModelSpec, places: Sequence[Path]) -> Model:
    """Find a model's files in one folder and verify them.

    Raises:
        ModelError: a file is in none of the folders, cannot be read, or has another digest.
    """
    own = Path(spec.source)
    for folder in [own, *places] if own.is_absolute() else places:
        if all((folder / name).is_file() for name in spec.files):
            paths = tuple(folder / name for name in spec.files)
            return Model(spec, paths, tuple(_verified(path, spec.files[path.name]) for path in paths))
    looked = ", ".join(str(folder) for folder in places)
    raise ModelError(
        f"model {spec.name!r} ({', '.join(spec.files)}) is in none of: {looked}",
        hint=f"Run `alpr-edge models fetch {spec.name}` where there is a network, or copy the files there.",
    )


def status(places: Sequence[Path]) -> Iterator[tuple[ModelSpec, str]]:
    """Yield each model of the manifest with ``verified``, or why it cannot be used."""
    for spec in manifest().values():
        try:
            load(spec, places)
        except ModelError as problem:
            yield spec, str(problem)
        else:
            yield spec, "verified"


def _verified(path: Path, expected: str) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} is larger than {MAX_BYTES} bytes")
        content = path.read_bytes()
    except OSError as problem:
        raise ModelError(f"{path} cannot be read: {problem.strerror}") from None
    demand_digest(content, expected, where=str(path))
    return content


def demand_digest(content: bytes, expected: str, *, where: str) -> None:
    """Refuse bytes whose SHA-256 is not the expected one.

    Raises:
        ModelError: it is not.
    """
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise ModelError(
            f"{where} has SHA-256 {actual[:16]}..., expected {expected[:16]}...",
            hint="The file was altered or is another version: it is not used. Fetch it again.",
        )
