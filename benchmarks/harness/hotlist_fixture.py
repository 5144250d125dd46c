"""A department for one benchmark: keys, a signed hot list, a configuration, in a folder thrown away."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from edge.config import EdgeConfig
from hitonly_core.keys import SealKey, SealPublic, SigningKey, VerifyKey
from hotlist.entry import Entry, Purpose, Severity, Vehicle
from hotlist.signed_list.bundle import make, seal
from hotlist.signed_list.keyset import KeySet, Person
from hotlist.signed_list.store import HotListStore


@dataclass(frozen=True, slots=True)
class Reading:
    """Which models read, and where their files are looked for first."""

    detector: str = "hitonly-detector"
    reader: str = "hitonly-ocr"
    folder: Path | None = None


NO_REGIONS: Final[Mapping[str, str]] = MappingProxyType({})
"""A list whose entries name no region."""


def found(
    folder: Path, plates: Sequence[str], regions: Mapping[str, str] = NO_REGIONS, *, versions: int = 1
) -> None:
    """Make keys, and a hot list of some plates, signed by two people and sealed to one device.

    Args:
        folder: empty; everything goes there.
        plates: normalised; each becomes one entry.
        regions: ISO 3166 codes of plates whose entry names one.
        versions: how many lists to make, each a version on: ``hotlist.sealed``, then ``hotlist.sealed.2`` ...
    """
    author, approver, device = SigningKey.generate(), SigningKey.generate(), SigningKey.generate()
    sealing, department = SealKey.generate(), SealKey.generate()
    device.save(folder / "signing.key")
    device.public.save(folder / "signing.pub")
    sealing.save(folder / "sealing.key")
    department.save(folder / "department.key")
    department.public.save(folder / "department.pub")
    now = datetime.now(UTC).replace(microsecond=0)
    people = KeySet(2, (Person("author", author.public), Person("approver", approver.public)))
    entries = list(_entries(plates, regions, (author.public, approver.public), now))
    for version in range(1, versions + 1):
        expires = now + timedelta(days=1)
        unsigned = make(entries, department="bench", version=version, issued=now, expires=expires)
        signed = unsigned.signed_by(author).signed_by(approver)
        name = "hotlist.sealed" if version == 1 else f"hotlist.sealed.{version}"
        (folder / name).write_bytes(seal(signed, [SealPublic(sealing.public.raw)]))
    HotListStore(folder / "trust", sealing).begin("bench", people)


def configuration(folder: Path, clip: Path, reading: Reading, *, realtime: bool) -> EdgeConfig:
    """Return the edge's configuration over what `found` made: the defaults, one clip as its camera."""
    models = {"detector": reading.detector, "reader": reading.reader, "folder": reading.folder}
    source = {"kind": "file", "path": clip.absolute(), "realtime": realtime}
    return EdgeConfig.model_validate(
        {
            "device": {"id": "bench-box", "demo": True},
            "keys": {
                "signing": folder / "signing.key",
                "sealing": folder / "sealing.key",
                "department": folder / "department.pub",
            },
            "hotlist": {"file": folder / "hotlist.sealed", "trust": folder / "trust"},
            "storage": {"spool": folder / "spool", "state": folder / "state"},
            "models": models,
            "cameras": [{"name": "bench", "place": "a clip", "source": source}],
        }
    )


def _entries(
    plates: Sequence[str], regions: Mapping[str, str], people: tuple[VerifyKey, VerifyKey], now: datetime
) -> Iterator[Entry]:
    author, approver = people
    for number, plate in enumerate(plates, start=1):
        yield Entry(
            id=f"bench-{number}",
            plate=plate,
            region=regions.get(plate, ""),
            purpose=Purpose.STOLEN_VEHICLE,
            case_number=f"BENCH-{number:05}",
            source="benchmark",
            author=author.id,
            approver=approver.id,
            created=now,
            effective=now - timedelta(minutes=1),
            expires=now + timedelta(days=1),
            verified=now,
            severity=Severity.HIGH,
            vehicle=Vehicle(make="any", colour="any"),
        )
