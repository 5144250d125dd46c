"""What a camera has shown lately: a picture, one even colour, or the same picture again and again.

**Nothing here may tell when a vehicle passed.** At night a lens set for plates shows black, and lights for the
seconds in which a car is in view. So a camera is called blank, or well again, only after ten periods in a row that
agree: in nine tenths of each there was nothing, or something. A passing car changes no period. Two verdicts are
quick. The first of a run goes by nine tenths of its time; and a camera that has just shown something for a whole
period and now shows nothing, without a break, is called blank: a lens that is covered by day.
"""

from dataclasses import dataclass
from typing import Final

from hitonly_core.clock import NS

EVEN: Final = "one even colour: lens covered, dark, or not decodable"
SAME: Final = "the same picture again and again"
PERIODS: Final = 10
_PERIOD_NS: Final = 60 * NS
_SHARE: Final = 0.9


@dataclass(slots=True)
class Sight:
    """The verdict over one source's pictures.

    Attributes:
        first_ns: how long the first verdict takes; later periods last a minute, or this if it is longer.
        blank: the verdict: the camera shows nothing.
        pictures: how many were judged.
        shown: how many of them showed something.
        changed: whether a picture ever differed from the one before it.
        length_ns: from the first picture to the last.
    """

    first_ns: int
    blank: bool = False
    pictures: int = 0
    shown: int = 0
    changed: bool = False
    length_ns: int = 0
    _begun_ns: int = 0
    _period_ns: int = 0
    _seen: int = 0
    _bare: int = 0
    _agree: int = 0
    _settled: bool = False
    _lit: bool = False
    _dark_ns: int = 0

    def add(self, now_ns: int, *, blank: bool, still: bool) -> None:
        """Judge one more picture.

        Args:
            now_ns: its time, on a clock that does not run backwards.
            blank: whether it shows nothing.
            still: whether it is the same as the one before.
        """
        if not self.pictures:
            self._begun_ns = self._period_ns = now_ns
        self.changed = self.changed or (self.pictures > 0 and not still)
        self.pictures += 1
        self.shown += not blank
        self.length_ns = now_ns - self._begun_ns
        lasts = max(self.first_ns, _PERIOD_NS) if self._settled else self.first_ns
        if self._seen and now_ns - self._period_ns >= lasts:
            self._end_period()
            self._period_ns = now_ns
        self._seen += 1
        self._bare += blank
        self._dark_ns = (self._dark_ns or now_ns) if blank else 0
        if self._lit and self._dark_ns and now_ns - self._dark_ns >= self.first_ns:
            self.blank, self._lit, self._agree = True, False, 0

    def _end_period(self) -> None:
        bare, self._seen, self._bare = self._bare / self._seen, 0, 0
        if not self._dark_ns:
            self._lit = bare <= 1 - _SHARE
        if not self._settled:
            self._settled, self.blank = True, bare >= _SHARE
            return
        other = bare <= 1 - _SHARE if self.blank else bare >= _SHARE
        self._agree = self._agree + 1 if other else 0
        if self._agree == PERIODS:
            self.blank, self._agree = not self.blank, 0
