"""How often one address may ask: counted in the database, so that it holds over all worker processes.

A sliding window of two minutes' counts: what was taken in this minute, and of the minute before the share that
is not yet over. One statement counts and decides. It counts addresses and never accounts: nobody can use up
another's attempts from elsewhere. The lock of an account by failed sign-ins (R13) stands beside it.
"""

import ipaddress
from datetime import datetime
from typing import Final

from sqlalchemy import Dialect, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Session

from api.core import audit
from api.core.audit import Act
from api.core.errors import TooManyError
from api.core.service import Service
from api.db.models import RateRow

_MINUTE: Final = 60
_LAST: Final = "; more of this minute are not recorded"
_RESULT: Final = 80
_OVER: Final = "unit-over:"
_ENDLESS: Final = 2**31 - 1


class Rate:
    """Lets an address through so many times in any minute.

    Args:
        service: whose database counts.
        name: what is counted; each name counts by itself.
        per_minute: how many, for one IPv4 address or one IPv6 network of 64 bits.
    """

    def __init__(self, service: Service, name: str, per_minute: int) -> None:
        self._service = service
        self._name = name
        self._most = per_minute

    def take(self, address: str) -> int:
        """Count a request of an address; return how many more it has now.

        Raises:
            TooManyError: it has none left. The refused request is not counted.
        """
        key = f"{self._name}:{self._service.secrets.blind(network(address))[:32]}"
        seconds = self._service.now().timestamp()
        minute, share = int(seconds // _MINUTE), seconds % _MINUTE / _MINUTE
        with self._service.database.begin() as session:
            before = session.scalar(select(RateRow.n).where(RateRow.key == key, RateRow.minute == minute - 1))
            room = self._most - int((before or 0) * (1 - share))
            taken = _count(session, key, minute, room) if room > 0 else None
        if taken is None:
            raise TooManyError("too many requests from this address")
        return room - taken


class Refusals:
    """Records what is refused before anybody is known, so many lines a minute for each address.

    Without a bound a stranger could fill the disk with records that nothing may ever delete.
    """

    def __init__(self, service: Service, per_minute: int) -> None:
        self._service = service
        self._rate = Rate(service, "refused", per_minute)

    def record(self, address: str, act: Act) -> None:
        """Record a refusal, unless the address has had its lines; the last one says so.

        Raises:
            AuditError: it could not be written.
        """
        try:
            left = self._rate.take(address)
        except TooManyError:
            return
        result = act.result if left else act.result[: _RESULT - len(_LAST)] + _LAST
        self._service.record(Act(act.actor, act.act, act.object, result=result))


class UnitRecords:
    """Bounds what one device makes the service record; what is over is counted, and summed up in one record.

    Args:
        service: whose database counts.
        per_minute: records of one device.
    """

    def __init__(self, service: Service, per_minute: int) -> None:
        self._service = service
        self._most = per_minute

    def take(self, device: str) -> None:
        """Count an envelope.

        Raises:
            TooManyError: the device has had its records of this minute. The envelope is counted as refused.
        """
        minute = int(self._service.now().timestamp() // _MINUTE)
        with self._service.database.begin() as session:
            if _count(session, f"unit:{device}", minute, self._most) is not None:
                return
            _count(session, f"{_OVER}{device}", minute, _ENDLESS)
        raise TooManyError("too many envelopes from this device in one minute; it may send them again")


def forget_rates(session: Session, now: datetime) -> None:
    """Drop the counts of minutes that are over; what devices sent too much is recorded, once a minute of each."""
    minute = int(now.timestamp() // _MINUTE)
    over = select(RateRow).where(RateRow.key.startswith(_OVER), RateRow.minute != minute)
    for row in session.scalars(over.with_for_update()):
        detail: dict[str, str | int] = {"envelopes": row.n, "minute": row.minute}
        act = Act(
            f"device:{row.key.removeprefix(_OVER)}", "hit.refuse-many", result="too many", detail=detail
        )
        audit.append(session, act, now)
        session.delete(row)
    session.flush()
    session.execute(delete(RateRow).where((RateRow.minute < minute - 1) | (RateRow.minute > minute + 1)))


def _count(session: Session, key: str, minute: int, room: int) -> int | None:
    """Count one more in a minute and return the count; None where it has reached `room`."""
    dialect: Dialect = session.get_bind().dialect
    insert = insert_postgres if dialect.name == "postgresql" else insert_sqlite
    statement = (
        insert(RateRow)
        .values(key=key, minute=minute, n=1)
        .on_conflict_do_update(
            index_elements=["key", "minute"], set_={"n": RateRow.n + 1}, where=RateRow.n < room
        )
        .returning(RateRow.n)
    )
    return session.scalar(statement)


def network(address: str) -> str:
    """Return what an address is counted under: itself, or the 64 bits of IPv6 that one site has."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)
