"""Opening a spool's sealed hits by hand, for whoever holds the department's private key.

Used to look at what a box has caught without a running service: the demonstration does, and so does a
department whose service is down.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hitonly_core.errors import SealError
from hitonly_core.files import write_durably
from hitonly_core.keys import SealKey, VerifyKey
from protocol.hit import (
    FORMAT,
    MAX_ENVELOPE,
    Envelope,
    EnvelopeError,
    Hit,
    hit_from_sealed,
    hit_to_bytes,
    open_hit,
)


@dataclass(frozen=True, slots=True)
class Opened:
    """One file of a spool, opened or not.

    Attributes:
        name: the file's name.
        hit: what was inside, or None.
        problem: why it could not be opened, or empty.
        signed: whether a device's signature was checked and holds.
    """

    name: str
    hit: Hit | None = field(repr=False)
    problem: str = ""
    signed: bool = False


def open_spool(spool: Path, key: SealKey, devices: Mapping[str, VerifyKey]) -> Iterator[Opened]:
    """Open every sealed hit of a folder, in the order of their names.

    Where a device's verify key is known its signature must hold; an unknown device's hit is opened and
    `Opened.signed` says that nobody vouches for it.

    Args:
        spool: the folder; names that begin with a dot are unfinished files and are passed over.
        key: the department's private key.
        devices: verify keys by device id.
    """
    for path in sorted(spool.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        try:
            yield _open(path, key, devices)
        except EnvelopeError as problem:
            yield Opened(path.name, None, str(problem))


def _open(path: Path, key: SealKey, devices: Mapping[str, VerifyKey]) -> Opened:
    """Open one file.

    Raises:
        EnvelopeError: with the step that failed.
    """
    with path.open("rb") as file:
        content = file.read(MAX_ENVELOPE + 1)
    envelope = Envelope.from_bytes(content)
    if device_key := devices.get(envelope.device):
        return Opened(path.name, open_hit(content, department=key, device_key=device_key), signed=True)
    info = f"{FORMAT}\0{envelope.device}\0{envelope.hit}".encode()
    try:
        hit = hit_from_sealed(key.open(envelope.sealed, info=info))
    except SealError as problem:
        raise EnvelopeError(3, str(problem)) from None
    if (hit.id, hit.device) != (envelope.hit, envelope.device):
        raise EnvelopeError(4, "the ids inside and outside differ")
    return Opened(path.name, hit)


def save_opened(hit: Hit, folder: Path) -> None:
    """Write an opened hit beside its crop: ``<id>.json`` and ``<id>.jpg``, readable by the owner only.

    Raises:
        OSError: the folder cannot be written.
    """
    write_durably(folder / f"{hit.id}.jpg", hit.crop_jpeg)
    write_durably(folder / f"{hit.id}.json", hit_to_bytes(hit))
