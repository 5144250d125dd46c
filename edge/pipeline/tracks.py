"""Plates followed from frame to frame by where they are: geometry only, never what they say.

A detection belongs to the track whose predicted place it is nearest to, measured in plate widths; a new track
has no velocity yet and may move farther. A track that was followed for the cap of 15 s is parked: it stays
known, and is not read again, until it has been unseen for 45 s (PEERS.md's CrumbVMS has the same rule). A parked
track that has grown was a vehicle in a queue, far away: as it comes nearer, a new pass begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.flow import Box, Detection
from hitonly_core.clock import NS

GAP_NS: Final = 2 * NS
CAP_NS: Final = 15 * NS
PARKED_NS: Final = 45 * NS
_REACH_NEW: Final = 2.5
_REACH_KNOWN: Final = 1.2
_SIZE_RATIO: Final = 2.0
_SMOOTH: Final = 0.6
_NEARER: Final = 1.4
"""How many times wider than where it was parked a plate is when it begins a new pass."""


@dataclass(slots=True)
class Track:
    """One plate's way through the picture; times on the stream's clock, in nanoseconds."""

    number: int
    box: Box
    first_ns: int
    seen_ns: int
    sightings: int = 1
    velocity: tuple[float, float] = (0.0, 0.0)
    ended: bool = False
    parked: bool = False
    parked_width: float = 0.0

    def nearer(self, box: Box) -> bool:
        """Whether it was parked and has come much nearer since."""
        return self.parked and box.width >= self.parked_width * _NEARER

    def predicted(self, now_ns: int) -> tuple[float, float]:
        """Return where the centre should be now, in pixels."""
        seconds = min(now_ns - self.seen_ns, NS) / NS
        x, y = self.box.centre
        return x + self.velocity[0] * seconds, y + self.velocity[1] * seconds

    def distance(self, box: Box, now_ns: int) -> float:
        """Return how far a box is from the predicted place, in plate widths; infinite for another size."""
        ratio = box.width / self.box.width
        if not 1 / _SIZE_RATIO < ratio < _SIZE_RATIO:
            return float("inf")
        (x, y), (px, py) = box.centre, self.predicted(now_ns)
        return float(((x - px) ** 2 + (y - py) ** 2) ** 0.5) / max(box.width, self.box.width)

    def move(self, box: Box, now_ns: int) -> None:
        """Take a new sighting."""
        seconds = (now_ns - self.seen_ns) / NS
        if seconds > 0:
            (x, y), (old_x, old_y) = box.centre, self.box.centre
            new = ((x - old_x) / seconds, (y - old_y) / seconds)
            share = _SMOOTH if self.sightings > 1 else 1.0
            self.velocity = (
                share * new[0] + (1 - share) * self.velocity[0],
                share * new[1] + (1 - share) * self.velocity[1],
            )
        self.box, self.seen_ns, self.sightings = box, now_ns, self.sightings + 1


@dataclass(slots=True)
class Tracker:
    """Links detections over frames, and says when a pass has ended."""

    tracks: list[Track] = field(default_factory=list)
    _made: int = 0

    def observe(self, detections: Sequence[Detection], now_ns: int) -> list[tuple[Track, Detection]]:
        """Return each detection with its track, new where nothing fits; nearest pairs first."""
        pairs = sorted(
            (distance, track.number, place)
            for track in self.tracks
            for place, found in enumerate(detections)
            if (distance := track.distance(found.box, now_ns))
            <= (_REACH_NEW if track.sightings == 1 else _REACH_KNOWN)
        )
        by_number = {track.number: track for track in self.tracks}
        owner: dict[int, Track] = {}
        for _, number, place in pairs:
            if number in by_number and place not in owner:
                owner[place] = by_number.pop(number)
        for place, found in enumerate(detections):
            known = owner.get(place)
            if known is not None and not known.nearer(found.box):
                known.move(found.box, now_ns)
            else:
                if known is not None:
                    self.tracks.remove(known)
                self._made += 1
                owner[place] = Track(self._made, found.box, now_ns, now_ns)
                self.tracks.append(owner[place])
        return [(owner[place], found) for place, found in enumerate(detections)]

    def ended(self, now_ns: int) -> list[Track]:
        """Return the tracks whose pass ends now: unseen for the gap, or followed for the cap.

        A parked track stays until it has been unseen for 45 s; others are dropped when they end.
        """
        over = []
        for track in self.tracks:
            if track.ended:
                continue
            unseen = now_ns - track.seen_ns >= GAP_NS
            if unseen or now_ns - track.first_ns >= CAP_NS:
                track.ended, track.parked, track.parked_width = True, not unseen, track.box.width
                over.append(track)
        self.tracks = [
            track
            for track in self.tracks
            if not track.ended or (track.parked and now_ns - track.seen_ns < PARKED_NS)
        ]
        return over

    def finish(self) -> list[Track]:
        """Return the tracks still open, at the end of the stream; none is left."""
        over = [track for track in self.tracks if not track.ended]
        self.tracks = []
        return over
