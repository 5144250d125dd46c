"""Reviewing a hit: blind first, then the recheck, then the disposition (R9).

`blind_view` gives what may be seen before the reading was typed; `full_view` gives the rest, and refuses
until the state machine says that the hit was compared. Nothing else opens a hit's contents for a person.
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from api.accounts import access, duties, looks
from api.accounts.access import AccessPurpose
from api.accounts.people import Role
from api.accounts.sessions import SignedIn
from api.core import lifecycle
from api.core.counts import confuse
from api.core.errors import ConflictError, IllegalTransitionError, InvalidError
from api.core.lifecycle import Comparison, Hold, Mistake, Outcome, State, Status
from api.core.service import Service
from api.db.models import HitRow, PersonRow
from api.hits import comparing, hits, second_reading
from api.hits.comparing import Reading
from api.hits.hit_time import Basis
from api.lists.entry_status import current_entry
from hotlist.errors import PlateError
from hotlist.matching.match import Match
from hotlist.plate import normalise
from protocol.hit import Hit

SEVERITIES: Final = ("urgent", "high", "routine")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the queue: nothing of it tells a plate."""

    id: str
    severity: str
    kind: str
    camera: str
    device: str
    captured: datetime
    received: datetime
    basis: Basis
    deadline: datetime
    state: State
    held: bool
    doubted: bool
    place: str
    purpose: str
    source: str
    alike: str
    doubted_by: str | None


@dataclass(frozen=True, slots=True)
class BlindView:
    """What a reviewer sees before reading: where and when, and the crop (fetched by itself).

    `doubted` says that another reviewer must read it; `mine`, that this is the one who read it first.
    """

    id: str
    camera: str
    captured: datetime
    received: datetime
    basis: Basis
    severity: str
    deadline: datetime
    doubted: bool = False
    mine: bool = False


@dataclass(frozen=True, slots=True)
class FullView:
    """Everything about a hit, once it was read blind and agreed; the entry as the list has it now.

    `first` is the reading of a first reviewer that did not agree; `mine`, that this is that reviewer.
    """

    id: str
    status: Status
    hit: Hit = field(repr=False)
    match: Match = field(repr=False)
    captured: datetime
    received: datetime
    basis: Basis
    first: Reading | None = field(default=None, repr=False)
    mine: bool = False


def queue(service: Service) -> list[Waiting]:
    """Return what waits: urgent first, then the oldest; confirmed hits that want an outcome come last."""
    with service.database.read() as session:
        rows = list(session.scalars(select(HitRow).where(HitRow.deadline > service.hit_now())))
        held = list(session.scalars(select(HitRow).where(HitRow.deadline <= service.hit_now())))
    lines = [_waiting(row) for row in rows + [row for row in held if row.hold]]
    stage = {State.PENDING: 0, State.CONFIRMED: 1}
    return sorted(
        lines,
        key=lambda line: (stage.get(line.state, 2), SEVERITIES.index(line.severity), line.captured),
    )


def _waiting(row: HitRow) -> Waiting:
    return Waiting(
        id=row.id,
        severity=row.severity,
        kind=row.kind,
        camera=row.camera,
        device=row.device,
        captured=row.captured,
        received=row.received,
        basis=Basis[row.basis],
        deadline=row.deadline,
        state=State(row.state),
        held=row.hold is not None,
        doubted=row.doubted_by is not None,
        place=row.place,
        purpose=row.purpose,
        source=row.source,
        alike=row.alike,
        doubted_by=row.doubted_by,
    )


def open_hit(service: Service, who: SignedIn, hit: UUID, purpose: str, case_number: str) -> None:
    """Record that somebody opens a hit, and for what reason; repeated look-ups of a plate are noticed.

    Raises:
        DestroyedError: there is no such hit.
        ReasonError: the purpose or the case number is missing.
    """
    hits.expire_if_due(service, hit)
    with service.database.read() as session:
        entry = hits.contents(service, hits.get(session, hit)).matches[0].entry
    with service.database.begin() as session:
        access.open_object(service, session, who, f"hit:{hit}", reason=(purpose, case_number))
        looks.note_listed(service, session, who, entry.plate, entry.id)


def open_for_review(service: Service, who: SignedIn, hit: UUID) -> bool:
    """Open a hit that waits with the case number that this session reviews under; whether there was one (R11).

    Raises:
        DestroyedError: there is no such hit.
    """
    if not (who.review_case and waits(service, hit)):
        return False
    open_hit(service, who, hit, AccessPurpose.REVIEW, who.review_case)
    return True


def waits(service: Service, hit: UUID) -> bool:
    """Whether a hit waits for its review.

    Raises:
        DestroyedError: there is no such hit.
    """
    hits.expire_if_due(service, hit)
    with service.database.read() as session:
        return hits.get(session, hit).state == State.PENDING


def status_of(service: Service, who: SignedIn, hit: UUID) -> Status:
    """Return where an opened hit stands, without anything that is in it.

    Raises:
        DestroyedError: there is no such hit.
        ReasonError: it was not opened with a reason.
    """
    with service.database.read() as session:
        row = hits.get(session, hit)
        access.opening(session, who, f"hit:{hit}")
        return hits.status_of(row)


def blind_view(service: Service, who: SignedIn, hit: UUID) -> BlindView | FullView:
    """Return what this person may see of an opened hit now; a view of its plate is recorded, or not given (R21).

    Raises:
        AuditError: it could not be recorded.
        DestroyedError: there is no such hit.
        ReasonError: it was not opened with a reason.
    """
    hits.expire_if_due(service, hit)
    with service.database.begin() as session:
        row = hits.get(session, hit)
        access.opening(session, who, f"hit:{hit}")
        status = hits.status_of(row)
        if status.unread:
            return BlindView(
                row.id,
                row.camera,
                row.captured,
                row.received,
                Basis[row.basis],
                row.severity,
                row.deadline,
                doubted=status.doubted,
                mine=row.doubted_by == who.person.id,
            )
        looks.view(service, session, who, f"hit:{hit}", "hit.view")
        opened = hits.contents(service, row)
        match = opened.matches[row.chosen or 0]
        listed = current_entry(session, match.entry, service.now())
        return FullView(
            row.id,
            status,
            opened,
            replace(match, entry=listed or match.entry),
            row.captured,
            row.received,
            Basis[row.basis],
            first=second_reading.first(service, row),
            mine=row.doubted_by == who.person.id,
        )


def crop(service: Service, who: SignedIn, hit: UUID) -> bytes:
    """Return the crop's JPEG, for somebody who opened the hit; each time is recorded, or it is not given (R21).

    Raises:
        AuditError: it could not be recorded.
        DestroyedError: there is no such hit.
        ReasonError: it was not opened with a reason.
    """
    hits.expire_if_due(service, hit)
    with service.database.begin() as session:
        row = hits.get(session, hit)
        looks.view(service, session, who, f"hit:{hit}", "hit.view-crop")
        return hits.contents(service, row).crop_jpeg


def read_blind(service: Service, who: SignedIn, hit: UUID, plate: str, region: str) -> Status:
    """Compare a person's reading, made before seeing the entry, with the entry; a mismatch is final (R9).

    One of a single character, or of the region only, waits for a second reviewer's, which is final
    (docs/adr/0006-second-reader.md).

    Args:
        service: the service.
        who: the reviewer.
        hit: the hit's id.
        plate: the plate as typed; empty for "cannot be read".
        region: ISO 3166 code as chosen; empty for "cannot tell".

    Raises:
        InvalidError: what was typed is no plate. Nothing changes.
        IllegalTransitionError: the hit was read already, by anybody or by this reviewer, or is not pending.
        ReasonError: it was not opened with a reason.
    """
    typed = typed_plate(plate)
    with hits.change(service, hit) as change:
        opened = access.opening(change.session, who, f"hit:{hit}")
        second_reading.check_other(change.row, who)
        inside = hits.contents(service, change.row)
        found = comparing.compare(inside, Reading(typed, region))
        listed = (
            current_entry(change.session, inside.matches[found.place].entry, change.now)
            if found.place is not None
            else None
        )
        status = lifecycle.compare(
            change.status,
            found.comparison,
            current=listed is not None,
            now=change.now,
            nearly=found.nearly and second_reading.possible(change.session, who),
        )
        if status.compared:
            change.row.chosen = found.place
        elif not status.final:
            second_reading.ask(service, change.row, who, Reading(typed, region))
        elif found.comparison is Comparison.OTHER_PLATE:
            confuse(change.session, inside.plate_read, typed)
        change.to(status, opened.act("hit.read-blind", _reading_result(status, found.comparison)))
    return status


def _reading_result(status: Status, comparison: Comparison) -> str:
    """Return the audit record's result of a reading."""
    waits = status.doubted and not (status.compared or status.final)
    return f"second reading: {comparison}" if waits else _result(status, comparison.value)


def typed_plate(plate: str) -> str:
    """Return the typed plate in its one spelling; empty stays empty.

    Raises:
        InvalidError: it is no plate.
    """
    if not plate.strip():
        return ""
    try:
        return normalise(plate)
    except PlateError as problem:
        raise InvalidError(str(problem), hint=problem.hint) from None


def dispose(service: Service, who: SignedIn, hit: UUID, mistake: Mistake | None) -> Status:
    """Confirm a hit that was read blind (None: "correct read"), or say what is wrong with it.

    Raises:
        IllegalTransitionError: it was not read blind first, or is not pending, or this reviewer's own reading
            did not agree.
        ReasonError: it was not opened with a reason.
    """
    with hits.change(service, hit) as change:
        opened = access.opening(change.session, who, f"hit:{hit}")
        second_reading.check_other(change.row, who)
        if mistake is not None:
            status = lifecycle.refute(change.status, mistake, change.now)
        else:
            listed = current_entry(change.session, _chosen(service, change.row).entry, change.now)
            status = lifecycle.confirm(
                change.status, current=listed is not None, now=change.now, deadlines=service.deadlines
            )
        change.to(status, opened.act("hit.dispose", _result(status, "correct-read")))
    return status


def record_outcome(service: Service, who: SignedIn, hit: UUID, outcome: Outcome) -> Status:
    """Record what a confirmed hit led to; it sets the deadline of the hit's destruction.

    Raises:
        IllegalTransitionError: the hit is not confirmed.
        ReasonError: it was not opened with a reason.
    """
    with hits.change(service, hit) as change:
        opened = access.opening(change.session, who, f"hit:{hit}")
        status = lifecycle.conclude(change.status, outcome, change.now, service.deadlines)
        change.to(status, opened.act("hit.outcome", outcome.value))
    return status


def ask_hold(service: Service, who: SignedIn, hit: UUID, order: Hold) -> Status:
    """Ask for a legal hold of a confirmed hit, or for its renewal; it waits for a second person, and keeps nothing.

    Raises:
        IllegalTransitionError: the hit is not confirmed, or the order lacks something or lasts too long.
        ReasonError: it was not opened with a reason.
    """
    with hits.change(service, hit) as change:
        opened = access.opening(change.session, who, f"hit:{hit}")
        order = replace(order, asked_by=who.person.id, id=secrets.token_hex(8))
        status = lifecycle.ask_hold(change.status, order, change.now, service.deadlines)
        change.to(status, opened.act("hit.ask-hold", _until(order)))
    return status


def agree_hold(service: Service, who: SignedIn, hit: UUID, asked: str) -> Status:
    """Put a hit under the legal hold that somebody else asked for; flagged for the auditor.

    Args:
        service: the service.
        who: the second person.
        hit: the hit's id.
        asked: the id of the hold that they saw; another may have been asked for in its place since.

    Raises:
        IllegalTransitionError: no hold waits, this person asked for it, or its end is too near or too far.
        ConflictError: it is another one that waits, or whoever asked for it is no reviewer any more.
        ReasonError: it was not opened with a reason.
    """
    with hits.change(service, hit) as change:
        opened = access.opening(change.session, who, f"hit:{hit}")
        if change.status.asked is not None:
            if change.status.asked.id != asked:
                hint = "Look at it again before you agree."
                raise ConflictError("another hold is asked for now than the one that you saw", hint=hint)
            asker = change.session.get(PersonRow, change.status.asked.asked_by)
            duties.need_still(asker, Role.REVIEWER)
        verb = "hit.renew-hold" if change.status.hold else "hit.hold"
        status = lifecycle.agree_hold(change.status, who.person.id, change.now, service.deadlines)
        until = _until(status.hold) if status.hold else ""
        change.to(status, opened.act(verb, until))
    return status


def _until(hold: Hold) -> str:
    """Return a hold's end for the log: the day in UTC, whatever zone it was given in."""
    return f"until {hold.until.astimezone(UTC):%Y-%m-%d}"


def release_hold(service: Service, who: SignedIn, hit: UUID) -> Status:
    """Lift a legal hold, or take back that it was asked for.

    Raises:
        IllegalTransitionError: no hold is in force or asked for.
        ReasonError: it was not opened with a reason.
    """
    with hits.change(service, hit) as change:
        opened = access.opening(change.session, who, f"hit:{hit}")
        status = lifecycle.release(change.status, change.now)
        change.to(status, opened.act("hit.release-hold"))
    return status


def _chosen(service: Service, row: HitRow) -> Match:
    """Return the match that the blind reading agreed with.

    Raises:
        IllegalTransitionError: the hit was not read blind.
    """
    if row.chosen is None:
        raise IllegalTransitionError("the hit has not been read blind yet")
    return hits.contents(service, row).matches[row.chosen]


def _result(status: Status, otherwise: str) -> str:
    """Return the audit record's result: the mistake where there is one."""
    return f"refuted: {status.mistake}" if status.mistake else otherwise
