"""A second reviewer's blind reading, where the first nearly agreed (R9; docs/adr/0006-second-reader.md).

The first reading is sealed under the hit's own key and ends with the hit. The second reviewer does not see it
before their own reading, and the first neither reads again nor decides. The hit's deadline does not move.
"""

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.people import Role
from api.accounts.sessions import SignedIn
from api.core.errors import IllegalTransitionError
from api.core.service import Service
from api.db.models import HitRow, PersonRow
from api.hits.comparing import Reading
from hitonly_core.canonical import canonical

_WHAT = "first-reading"


def possible(session: Session, who: SignedIn) -> bool:
    """Whether there is another reviewer who could read the hit; without one a mismatch is final at once."""
    query = select(PersonRow.roles).where(PersonRow.disabled.is_(None), PersonRow.id != who.person.id)
    return any(Role.REVIEWER in roles for roles in session.scalars(query))


def ask(service: Service, row: HitRow, who: SignedIn, reading: Reading) -> None:
    """Keep the first reading, sealed with the hit, and whose it is."""
    row.doubted_by = who.person.id
    body = canonical({"plate": reading.plate, "region": reading.region})
    row.doubt = service.vault.seal_beside(row.id, body, _WHAT)


def first(service: Service, row: HitRow) -> Reading | None:
    """Return the first reading of a hit that was read twice; None of any other.

    Raises:
        DestroyedError: the hit's key is gone.
    """
    if row.doubt is None:
        return None
    body = json.loads(service.vault.open(row.id, row.doubt, _WHAT))
    return Reading(body["plate"], body["region"])


def check_other(row: HitRow, who: SignedIn) -> None:
    """Refuse the reviewer whose first reading did not agree.

    Raises:
        IllegalTransitionError: it is they.
    """
    if row.doubted_by == who.person.id:
        raise IllegalTransitionError(
            "your own reading of this hit did not agree, so another reviewer reads it and decides"
        )
