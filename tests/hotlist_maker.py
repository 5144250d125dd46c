"""A small department for tests: people with keys, a device, entries, and signed and sealed lists."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hitonly_core.keys import SealKey, SigningKey
from hotlist.entry import Entry, Purpose, Severity, Vehicle
from hotlist.signed_list import bundle
from hotlist.signed_list.bundle import SignedList
from hotlist.signed_list.keyset import KeySet, Person
from hotlist.signed_list.trust import TrustedState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def entry(number: int = 1, *, plate: str = "AB123", region: str = "US-NH", **changes: object) -> Entry:
    """Return a sound entry; keyword arguments replace its fields."""
    fields: dict[str, object] = {
        "id": f"e{number:06d}",
        "plate": plate,
        "region": region,
        "purpose": Purpose.STOLEN_VEHICLE,
        "case_number": f"26-{number:05d}",
        "source": "test",
        "author": "aaaaaaaaaaaaaaaa",
        "approver": "bbbbbbbbbbbbbbbb",
        "created": NOW - timedelta(hours=2),
        "effective": NOW - timedelta(hours=2),
        "expires": NOW + timedelta(days=20),
        "verified": NOW - timedelta(hours=2),
        "severity": Severity.HIGH,
        "vehicle": Vehicle(make="FORD", model="FOCUS", colour="BLUE", year=2019),
        "note": "",
    }
    return Entry(**(fields | changes))  # type: ignore[arg-type]


@dataclass
class Department:
    """Three people, two of whom are enough, and one camera box."""

    name: str = "nh-test"
    ann: SigningKey = field(default_factory=SigningKey.generate)
    bob: SigningKey = field(default_factory=SigningKey.generate)
    cyd: SigningKey = field(default_factory=SigningKey.generate)
    device: SealKey = field(default_factory=SealKey.generate)
    threshold: int = 1

    @property
    def keys(self) -> KeySet:
        """The key set of the three."""
        people = (("ann", self.ann), ("bob", self.bob), ("cyd", self.cyd))
        return KeySet(self.threshold, tuple(Person(name, key.public) for name, key in people))

    @property
    def trusted(self) -> TrustedState:
        """What a new device remembers."""
        return TrustedState(self.name, self.keys)

    def unsigned(
        self,
        entries: Sequence[Entry] | None = None,
        *,
        version: int = 1,
        issued: datetime = NOW,
        expires: datetime = NOW + timedelta(days=2),
        department: str = "",
        next_keys: KeySet | None = None,
    ) -> SignedList:
        """Return a list nobody has signed; one entry unless others are given."""
        return bundle.make(
            [entry()] if entries is None else entries,
            department=department or self.name,
            version=version,
            issued=issued,
            expires=expires,
            next_keys=next_keys,
        )

    def seal(self, signed: SignedList) -> bytes:
        """Return the file for the box."""
        return bundle.seal(signed, [self.device.public])

    def file(
        self, entries: Sequence[Entry] | None = None, *, version: int = 1, issued: datetime = NOW
    ) -> bytes:
        """Return a list that Ann signed, sealed to the box."""
        return self.seal(self.unsigned(entries, version=version, issued=issued).signed_by(self.ann))
