"""The reviewer's acts as JSON: the same functions as the pages, the same rules.

Signed in by the session's cookie. A program sends ``Origin`` with the service's own address, as a browser does.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.encoders import jsonable_encoder
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field
from starlette.responses import Response

from api.core.errors import InvalidError
from api.core.lifecycle import Hold, Mistake, Outcome, Status
from api.hits import review
from api.hits.review import BlindView, FullView, Waiting
from api.lists.regions import CODES
from api.web.deps import Reviewer, ServiceDep
from api.web.json_kit import Body, Cursor, Limit, Reason, tagged
from api.web.problems import PROBLEMS
from hotlist.entry import entry_to_json

router = APIRouter(prefix="/v1", tags=["people"], responses=PROBLEMS)
CORRECT: Final = "correct-read"


class BlindReading(Body):
    """What a person reads on the crop; an empty plate says that it cannot be read."""

    plate: Annotated[str, Field(max_length=32, examples=["AB12CDE"])]
    region: Annotated[str, Field(max_length=6, examples=["GB", "US-NH", ""])] = ""


class Disposition(Body):
    """``correct-read``, or what is wrong."""

    disposition: Annotated[str, Field(examples=[CORRECT, *Mistake])]


class OutcomeGiven(Body):
    """What a confirmed hit led to."""

    outcome: Annotated[Outcome, Field(examples=["stop"])]


def _text(value: object) -> object:
    """Refuse a number for a time: it is written as the description says.

    Raises:
        ValueError: it is no text.
    """
    if not isinstance(value, str):
        raise ValueError("a time is written as text")  # noqa: TRY004 - pydantic takes no TypeError
    return value


class HoldOrder(Body):
    """A legal hold: all three are needed (R8)."""

    reason: Annotated[str, Field(min_length=1, max_length=400)]
    authority: Annotated[str, Field(min_length=1, max_length=80)]
    until: Annotated[AwareDatetime, BeforeValidator(_text)]


class Agreement(Body):
    """Which hold somebody agrees to: the `hold_asked` that they were shown."""

    asked: Annotated[str, Field(max_length=32, examples=["8e03978e40d543e8"])]


class Standing(BaseModel):
    """Where a hit stands after an act."""

    state: Annotated[str, Field(examples=["pending", "confirmed", "refuted"])]
    deadline: datetime
    compared: bool
    mistake: str | None
    outcomes: list[str]
    doubted: bool
    held_until: Annotated[datetime | None, Field(description="the end of the legal hold in force")] = None
    hold_asked_until: Annotated[
        datetime | None, Field(description="the end of a hold that waits for a second person")
    ] = None
    hold_asked: Annotated[str | None, Field(description="its id, which the second person names")] = None


class QueueLine(BaseModel):
    """One hit that waits; nothing of it tells a plate."""

    id: UUID
    severity: str
    kind: str
    camera: str
    device: str
    captured: datetime
    received: datetime
    basis: str
    deadline: datetime
    state: str
    held: bool
    doubted: bool
    place: Annotated[str, Field(examples=["Mill Road, northbound"])]
    purpose: Annotated[str, Field(examples=["stolen-vehicle"])]


class QueueSlice(BaseModel):
    """A page of the queue."""

    items: list[QueueLine]
    next: str | None


@router.get("/queue", response_model=QueueSlice)
def queue(
    request: Request, service: ServiceDep, who: Reviewer, after: Cursor = "", limit: Limit = 50
) -> Response:
    """Give what waits, the most urgent first; with an ETag."""
    del who
    lines = review.queue(service)
    start = next((place + 1 for place, line in enumerate(lines) if line.id == after), 0)
    shown = lines[start : start + limit]
    more = shown[-1].id if start + limit < len(lines) else None
    return tagged(request, {"items": [_queue_line(line) for line in shown], "next": more})


@router.post("/hits/{hit}/open", status_code=HTTPStatus.NO_CONTENT)
def open_hit(service: ServiceDep, who: Reviewer, hit: UUID, reason: Reason) -> None:
    """Open a hit with a purpose and a case number; nothing of it is given before."""
    review.open_hit(service, who, hit, reason.purpose, reason.case_number)


@router.get("/hits/{hit}")
def show(service: ServiceDep, who: Reviewer, hit: UUID) -> dict[str, Any]:
    """Give an opened hit, as far as this person may see it now: blind until it was read and agreed (R9)."""
    view = review.blind_view(service, who, hit)
    return _blind(view) if isinstance(view, BlindView) else _full(view)


@router.get("/hits/{hit}/crop", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def crop(service: ServiceDep, who: Reviewer, hit: UUID) -> Response:
    """Give the crop of an opened hit."""
    return Response(review.crop(service, who, hit), media_type="image/jpeg")


@router.post("/hits/{hit}/reading")
def read(service: ServiceDep, who: Reviewer, hit: UUID, reading: BlindReading) -> Standing:
    """Compare a person's own reading with the entry; a mismatch refutes, finally.

    One of a single character, or of the region only, leaves the hit ``doubted``: another reviewer reads it.

    Raises:
        InvalidError: the region is not one of the list.
    """
    if reading.region and reading.region not in CODES:
        raise InvalidError("the region is not one of the list")
    return _standing(review.read_blind(service, who, hit, reading.plate, reading.region))


@router.post("/hits/{hit}/disposition")
def dispose(service: ServiceDep, who: Reviewer, hit: UUID, given: Disposition) -> Standing:
    """Confirm a hit that was read blind, or say what is wrong with it.

    Raises:
        InvalidError: the disposition is not one of the list.
    """
    if given.disposition != CORRECT and given.disposition not in set(Mistake):
        raise InvalidError("the disposition is not one of the list")
    mistake = None if given.disposition == CORRECT else Mistake(given.disposition)
    return _standing(review.dispose(service, who, hit, mistake))


@router.post("/hits/{hit}/outcome")
def outcome(service: ServiceDep, who: Reviewer, hit: UUID, given: OutcomeGiven) -> Standing:
    """Record what a confirmed hit led to."""
    return _standing(review.record_outcome(service, who, hit, given.outcome))


@router.post("/hits/{hit}/hold")
def hold(service: ServiceDep, who: Reviewer, hit: UUID, order: HoldOrder) -> Standing:
    """Ask for a legal hold of a confirmed hit; it keeps nothing until a second person agrees."""
    return _standing(review.ask_hold(service, who, hit, Hold(order.reason, order.authority, order.until)))


@router.post("/hits/{hit}/hold/agree")
def agree_hold(service: ServiceDep, who: Reviewer, hit: UUID, given: Agreement) -> Standing:
    """Agree to the legal hold that somebody else asked for; from now on it holds."""
    return _standing(review.agree_hold(service, who, hit, given.asked))


@router.post("/hits/{hit}/release")
def release(service: ServiceDep, who: Reviewer, hit: UUID) -> Standing:
    """Lift a legal hold, or take back that it was asked for."""
    return _standing(review.release_hold(service, who, hit))


def _queue_line(line: Waiting) -> dict[str, Any]:
    found: dict[str, Any] = jsonable_encoder(line, exclude={"alike", "doubted_by"})
    return found


def _blind(view: BlindView) -> dict[str, Any]:
    """Return what may be seen before the reading."""
    body: dict[str, Any] = jsonable_encoder(view)
    return {"stage": "blind", "status": "UNVERIFIED", **body}


def _full(view: FullView) -> dict[str, Any]:
    """Return everything about a hit that was read blind and agreed."""
    hit, match = view.hit, view.match
    status = "UNVERIFIED" if view.status.state == "pending" else str(view.status.state)
    return {
        "stage": "compared",
        "status": status,
        "standing": _standing(view.status).model_dump(mode="json"),
        "id": view.id,
        "camera": hit.camera,
        "place": hit.place,
        "captured": view.captured.isoformat(),
        "received": view.received.isoformat(),
        "basis": view.basis,
        "plate_read": hit.plate_read,
        "region_read": hit.region_read,
        "match": {
            "kind": match.kind,
            "probability": match.probability,
            "doubtful": list(match.doubtful),
            "why": match.why,
            "ambiguous": match.ambiguous,
        },
        "entry": entry_to_json(match.entry),
        "first_reading": {"plate": view.first.plate, "region": view.first.region} if view.first else None,
    }


def _standing(status: Status) -> Standing:
    return Standing(
        state=status.state,
        deadline=status.deadline,
        compared=status.compared,
        mistake=status.mistake,
        outcomes=sorted(status.outcomes),
        doubted=status.doubted,
        held_until=status.hold.until if status.hold else None,
        hold_asked_until=status.asked.until if status.asked else None,
        hold_asked=status.asked.id if status.asked else None,
    )
