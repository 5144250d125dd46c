"""What the tests of the service share: real hits, real crops, a clock that is moved by hand."""

import io
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from PIL import Image, ImageDraw

from edge.hit import Hit
from hotlist.entry import Entry, Purpose, Severity, Vehicle
from hotlist.match import Match, MatchKind

START = datetime(2030, 1, 7, 3, 0, tzinfo=UTC)
PLATE = "ZQ57KPX"


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def move(self, **amount: float) -> None:
        """Move the clock by a `timedelta`'s arguments."""
        self.now += timedelta(**amount)


def crop_jpeg(text: str = PLATE, size: tuple[int, int] = (200, 64)) -> bytes:
    """Draw a plate and return it as a JPEG."""
    picture = Image.new("RGB", size, (236, 236, 228))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((2, 2, size[0] - 3, size[1] - 3), outline=(20, 20, 20), width=2)
    draw.text((14, 8), text, fill=(10, 10, 10), font_size=42)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def make_entry(plate: str = PLATE, *, severity: Severity = Severity.URGENT, **changes: object) -> Entry:
    """Return an entry that holds now and for a week."""
    members: dict[str, object] = {
        "id": "entry-" + plate.lower(),
        "plate": plate,
        "region": "GB",
        "purpose": Purpose.STOLEN_VEHICLE,
        "case_number": "30-000123",
        "source": "county list",
        "author": "0" * 16,
        "approver": "1" * 16,
        "created": START - timedelta(hours=5),
        "effective": START - timedelta(hours=4),
        "expires": START + timedelta(days=7),
        "verified": START - timedelta(hours=4),
        "severity": severity,
        "vehicle": Vehicle(make="Ford", model="Focus", colour="blue", year=2019),
    }
    return Entry(**{**members, **changes})  # type: ignore[arg-type]


def make_hit(
    device: str = "camera-1",
    *,
    entry: Entry | None = None,
    read: str | None = None,
    hit: UUID | None = None,
    captured: datetime = START,
    region: str = "GB",
) -> Hit:
    """Return a hit of one entry, with a drawn crop."""
    entry = entry or make_entry()
    match = Match(
        entry=entry,
        kind=MatchKind.EXACT,
        probability=0.984,
        doubtful=(2,),
        why="Every character is the likeliest one, and the region agrees.",
        list_version=1,
    )
    return Hit(
        id=hit or uuid4(),
        device=device,
        camera="north gate",
        place="Mill Road, northbound",
        captured=captured,
        plate_read=read or entry.plate,
        alternatives=(),
        region_read=region,
        matches=(match,),
        crop_jpeg=crop_jpeg(entry.plate),
        software="hitonly 0.1.0",
        models=("a" * 64, "b" * 64),
    )
