"""What a reviewer must know to trust an empty queue: the cameras, the hot list and the last hit, each with its age.

Ages are counted here, by the service's clock, and sent with every heartbeat of the live stream: a browser's own
clock may be wrong, and only adds the time since it last heard.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.core.service import Service
from api.db.models import DeviceRow, ListRow, SeenRow, StatementRow
from api.devices.registry import OFFLINE_AFTER
from hitonly_core.policy import LIST_AGE_CEILING

_ONLINE = "online"


@dataclass(frozen=True, slots=True)
class Watch:
    """How the department's eyes do at a moment; ages are whole seconds, None where there is nothing.

    Attributes:
        at: the moment.
        online: cameras that said "online" in a heartbeat that is not too old.
        cameras: all cameras, one at least for each enrolled unit that is not revoked.
        heard: the age of the oldest unit's last word, None while a unit has never spoken.
        list_age: since the newest hot list was published, or last stated to be current.
        list_old: whether units must by now have stopped alerting on it (R7).
        last_hit: since the last hit came in.
    """

    at: datetime
    online: int
    cameras: int
    heard: int | None
    list_age: int | None
    list_old: bool
    last_hit: int | None

    @property
    def whole(self) -> bool:
        """Whether every camera looks, and looks for something current."""
        return 0 < self.cameras == self.online and not self.list_old


def watch(service: Service) -> Watch:
    """Return how cameras, hot list and hits stand now."""
    now = service.now()
    with service.database.read() as session:
        units = list(session.scalars(select(DeviceRow).where(DeviceRow.revoked.is_(None))))
        listed = _listed(session)
        last = session.scalar(select(func.max(SeenRow.received)))
    cameras = [_cameras(unit, now) for unit in units]
    words = [unit.heard for unit in units]
    known = [word for word in words if word is not None]
    return Watch(
        at=now,
        online=sum(online for online, _ in cameras),
        cameras=sum(every for _, every in cameras),
        heard=_age(min(known), now) if known and len(known) == len(words) else None,
        list_age=_age(listed, now),
        list_old=listed is None or listed + LIST_AGE_CEILING <= now,
        last_hit=_age(last, now),
    )


def _listed(session: Session) -> datetime | None:
    """Return when the newest list was published, or was last stated to be the current one."""
    published = session.scalar(select(func.max(ListRow.published)))
    stated = session.scalar(select(func.max(StatementRow.issued)))
    moments = [moment for moment in (published, stated) if moment is not None]
    return max(moments, default=None)


def _cameras(unit: DeviceRow, now: datetime) -> tuple[int, int]:
    """Return how many cameras of a unit are online, and how many it has; one that never named any has one."""
    states = (unit.heartbeat or {}).get("cameras", {})
    heard = unit.heard is not None and now < unit.heard + OFFLINE_AFTER
    online = sum(state == _ONLINE for state in states.values()) if heard else 0
    return online, max(1, len(states))


def _age(moment: datetime | None, now: datetime) -> int | None:
    return None if moment is None else max(0, (now - moment) // timedelta(seconds=1))
