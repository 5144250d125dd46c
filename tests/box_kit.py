"""A department and a box in a folder, made as a department would make them: for tests of the running edge."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from api.hits.spool_opening import open_spool
from hitonly_core.keys import SealKey, SigningKey
from hotlist.entry import Entry, Purpose, Severity
from hotlist.signed_list.bundle import make, seal
from hotlist.signed_list.keyset import KeySet, Person
from hotlist.signed_list.store import HotListStore
from protocol.hit import Hit

ROOT = Path(__file__).resolve().parents[1]
BASE = """\
[device]
id = "box"
demo = true
[keys]
signing = "signing.key"
sealing = "sealing.key"
department = "department.pub"
[hotlist]
file = "hotlist.sealed"
trust = "trust"
poll_seconds = 0.2
[storage]
spool = "spool"
state = "state"
"""


@dataclass
class Department:
    """Keys, people and a list, in a folder with the box's configuration."""

    folder: Path

    def __post_init__(self) -> None:
        self.author, self.approver, self.device = (SigningKey.generate() for _ in range(3))
        self.sealing, self.key = SealKey.generate(), SealKey.generate()
        self.device.save(self.folder / "signing.key")
        self.device.public.save(self.folder / "signing.pub")
        self.sealing.save(self.folder / "sealing.key")
        self.key.public.save(self.folder / "department.pub")
        people = KeySet(2, (Person("author", self.author.public), Person("approver", self.approver.public)))
        HotListStore(self.folder / "trust", self.sealing).begin("dept", people)
        self.version = 0

    def publish(self, *plates: str, issued: datetime | None = None, region: str = "") -> None:
        """Write a new list with these plates, signed by two people and sealed to the box."""
        self.version += 1
        now = (issued or datetime.now(UTC)).replace(microsecond=0)
        entries = [self.entry(f"e{number}", plate, now, region) for number, plate in enumerate(plates)]
        unsigned = make(
            entries, department="dept", version=self.version, issued=now, expires=now + timedelta(days=2)
        )
        signed = unsigned.signed_by(self.author).signed_by(self.approver)
        part = self.folder / "hotlist.part"
        part.write_bytes(seal(signed, [self.sealing.public]))
        part.replace(self.folder / "hotlist.sealed")

    def entry(self, name: str, plate: str, now: datetime, region: str) -> Entry:
        """Return one entry, in force for a day."""
        return Entry(
            id=name,
            plate=plate,
            region=region,
            purpose=Purpose.STOLEN_VEHICLE,
            case_number="CASE-1",
            source="test",
            author=self.author.public.id,
            approver=self.approver.public.id,
            created=now,
            effective=now - timedelta(minutes=1),
            expires=now + timedelta(days=1),
            verified=now,
            severity=Severity.URGENT,
        )

    def configure(self, camera: str, extra: str = "") -> Path:
        """Write the configuration with one camera table's lines; return its path."""
        path = self.folder / "edge.toml"
        path.write_text(f'{BASE}{extra}\n[[cameras]]\nname = "north"\nplace = "the line"\n{camera}\n')
        return path

    def hits(self) -> list[Hit]:
        """Open the spool with the department's key."""
        opened = list(open_spool(self.folder / "spool", self.key, {"box": self.device.public}))
        assert all(each.hit is not None and each.signed for each in opened)
        return [each.hit for each in opened if each.hit is not None]


def alpr_edge(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line and return what came of it."""
    command = [sys.executable, "-m", "edge.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Return the JSON lines of a run."""
    return [json.loads(line) for line in done.stdout.splitlines()]
