"""How often the camera was right: per list, camera and kind of match, with an interval (R20).

A hit was right when it was confirmed; it was wrong when it was refuted for the camera's mistake: misread,
illegible or the wrong region. Stale entries are not the camera's, and expired hits tell nothing; they are
shown and not counted.
"""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.core.lifecycle import Mistake, State
from api.db.models import ConfusionRow, CountRow

_Z: Final = 1.959964
"""Normal deviate of a 95 % interval."""
WRONG: Final = frozenset(
    f"{State.REFUTED}:{one}" for one in (Mistake.MISREAD, Mistake.ILLEGIBLE, Mistake.WRONG_REGION)
)
_OTHER: Final = frozenset(
    {
        f"{State.REFUTED}:{Mistake.STALE_ENTRY}",
        State.EXPIRED.value,
    }
)
_GROUPS: Final = {"list": "source", "camera": "camera", "kind of match": "kind"}


@dataclass(frozen=True, slots=True)
class Precision:
    """One line: how many hits of a group were right, and the interval of their share.

    Attributes:
        group: list, camera or kind of match.
        name: which.
        right: confirmed.
        wrong: refuted for the camera's mistake.
        other: stale or expired.
        low: lower end of the 95 % interval of right / (right + wrong), 0 to 1.
        high: its upper end.
    """

    group: str
    name: str
    right: int
    wrong: int
    other: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """Right of right and wrong; None where there is neither."""
        decided = self.right + self.wrong
        return self.right / decided if decided else None


def interval(right: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; the whole range where nothing was decided."""
    if not total:
        return 0.0, 1.0
    share, z2 = right / total, _Z * _Z
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return max(0.0, middle - half), min(1.0, middle + half)


def precision(session: Session) -> list[Precision]:
    """Return a line for each list, camera and kind of match."""
    sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in session.scalars(select(CountRow).where(CountRow.kind != "")):
        for group, column in _GROUPS.items():
            sums[group, getattr(row, column)][_verdict(row.what)] += row.n
    order = list(_GROUPS)
    lines = [_line(group, name, found) for (group, name), found in sums.items()]
    return sorted(lines, key=lambda line: (order.index(line.group), line.name))


def _verdict(what: str) -> str:
    if what == State.CONFIRMED:
        return "right"
    return "wrong" if what in WRONG else "other" if what in _OTHER else ""


def _line(group: str, name: str, found: Counter[str]) -> Precision:
    low, high = interval(found["right"], found["right"] + found["wrong"])
    return Precision(group, name, found["right"], found["wrong"], found["other"], low, high)


def confusions(session: Session, limit: int = 20) -> list[tuple[str, str, int]]:
    """Return (read by the camera, typed by the person, how often), the most frequent first."""
    query = select(ConfusionRow).order_by(ConfusionRow.n.desc(), ConfusionRow.read, ConfusionRow.typed)
    return [(row.read, row.typed, row.n) for row in session.scalars(query.limit(limit))]


def plot(lines: list[Precision]) -> str:
    """Draw the shares and their intervals as an SVG picture, one line below the other."""
    shown = [line for line in lines if line.share is not None]
    left, width, step, top = 210, 440, 34, 16
    height = top + step * len(shown) + 36
    parts = [_axis(left, width, top, height - 30)]
    for place, line in enumerate(shown):
        y = top + step * place + step // 2
        low, high, share = (left + width * value for value in (line.low, line.high, line.share or 0.0))
        parts.append(f'<text x="{left - 12}" y="{y + 5}" text-anchor="end">{_escaped(line.name)}</text>')
        parts.append(f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke-width="3"/>')
        parts.append(f'<circle cx="{share:.1f}" cy="{y}" r="6"/>')
    inside = "".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {height}" '
        'font-family="system-ui, sans-serif" font-size="14" fill="#0b5d66" stroke="none">'
        f'<rect width="100%" height="100%" fill="#ffffff"/><g stroke="#0b5d66">{inside}</g></svg>'
    ).replace("<text ", '<text stroke="none" fill="#14201f" ')


def _axis(left: int, width: int, top: int, bottom: int) -> str:
    """Draw the axis of shares."""
    parts = []
    for tenth in range(0, 11, 2):
        x = left + width * tenth / 10
        parts.append(f'<line x1="{x}" y1="{top}" x2="{x}" y2="{bottom}" stroke="#c6d0cf" stroke-width="1"/>')
        parts.append(f'<text x="{x}" y="{bottom + 20}" text-anchor="middle">{tenth * 10} %</text>')
    return "".join(parts)


def _escaped(text: str) -> str:
    return text[:26].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
