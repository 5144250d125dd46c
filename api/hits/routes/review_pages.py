"""The queue, and one hit at a time: reason, blind reading, disposition, outcome."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from api.accounts.access import AccessPurpose
from api.accounts.routes.reason_page import ask_reason
from api.accounts.sessions import SignedIn
from api.core.errors import InvalidError, ReasonError
from api.core.lifecycle import Hold, Mistake, Outcome, State, Status
from api.core.service import Service
from api.hits import review
from api.hits.review import BlindView, FullView, Waiting
from api.lists.regions import CODES
from api.web.deps import Reviewer, ServiceDep, Who
from api.web.pages import NAVIGATION, Page, render

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage(Page):
    """What waits."""

    template: ClassVar[str] = "queue.html"
    title: str = "Queue"
    waiting: list[Waiting]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindPage(Page):
    """The crop, and what do you read?"""

    template: ClassVar[str] = "blind.html"
    title: str = "Read the plate"
    view: BlindView
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPage(Page):
    """Everything about a hit that was read blind, side by side."""

    template: ClassVar[str] = "hit.html"
    title: str
    view: FullView
    mistakes: list[str]
    outcomes: list[tuple[str, str]]
    current: State
    doubtful: list[tuple[str, bool]] = field(repr=False)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPage(Page):
    """What became of a hit that has just ended."""

    template: ClassVar[str] = "end.html"
    title: str = "The hit has ended"
    status: Status
    kind: str


@router.get("/")
def start(who: Who) -> Response:
    """Lead to the first page that this person may see."""
    first = next(path for path, _, roles in NAVIGATION if who.person.roles & roles)
    return RedirectResponse(first, status_code=HTTPStatus.SEE_OTHER)


@router.get("/queue")
def queue(service: ServiceDep, who: Reviewer) -> Response:
    """Show what waits."""
    return render(QueuePage(person=who.person, waiting=review.queue(service)))


@router.get("/hits/{hit}")
def show(service: ServiceDep, who: Reviewer, hit: UUID) -> Response:
    """Show a hit, as far as this person may see it now; ask for the reason first."""
    return _show(service, who, hit)


@router.get("/hits/{hit}/crop.jpg")
def crop(service: ServiceDep, who: Reviewer, hit: UUID) -> Response:
    """Give the crop to somebody who has opened the hit."""
    return Response(review.crop(service, who, hit), media_type="image/jpeg")


@router.post("/hits/{hit}/open")
def open_hit(
    service: ServiceDep,
    who: Reviewer,
    hit: UUID,
    purpose: Annotated[str, Form()] = "",
    case_number: Annotated[str, Form()] = "",
) -> Response:
    """Open a hit with a purpose and a case number."""
    try:
        review.open_hit(service, who, hit, purpose, case_number)
    except ReasonError as problem:
        return _reason(who, hit, str(problem))
    return _back(hit)


@router.post("/hits/{hit}/reading")
def read(
    *,
    service: ServiceDep,
    who: Reviewer,
    hit: UUID,
    plate: Annotated[str, Form()] = "",
    region: Annotated[str, Form()] = "",
    illegible: Annotated[str, Form()] = "",
) -> Response:
    """Compare the reviewer's own reading with the entry.

    Raises:
        InvalidError: the region is not one of the list.
    """
    if region and region not in CODES:
        raise InvalidError("the region is not one of the list")
    if not (plate.strip() or illegible):
        return _show(service, who, hit, problem=InvalidError("type the plate, or say that it cannot be read"))
    try:
        status = review.read_blind(service, who, hit, "" if illegible else plate, region)
    except InvalidError as problem:
        return _show(service, who, hit, problem=problem)
    return _after(who, hit, status)


@router.post("/hits/{hit}/disposition")
def dispose(service: ServiceDep, who: Reviewer, hit: UUID, disposition: Annotated[str, Form()]) -> Response:
    """Confirm the hit ("correct-read"), or say what is wrong with it.

    Raises:
        InvalidError: the disposition is not one of the list.
    """
    if disposition != "correct-read" and disposition not in set(Mistake):
        raise InvalidError("the disposition is not one of the list")
    mistake = None if disposition == "correct-read" else Mistake(disposition)
    return _after(who, hit, review.dispose(service, who, hit, mistake))


@router.post("/hits/{hit}/outcome")
def outcome(service: ServiceDep, who: Reviewer, hit: UUID, outcome: Annotated[Outcome, Form()]) -> Response:
    """Record what a confirmed hit led to."""
    return _after(who, hit, review.record_outcome(service, who, hit, outcome))


@router.post("/hits/{hit}/hold")
def hold(
    *,
    service: ServiceDep,
    who: Reviewer,
    hit: UUID,
    reason: Annotated[str, Form(max_length=400)],
    authority: Annotated[str, Form(max_length=80)],
    until: Annotated[str, Form()],
) -> Response:
    """Ask for a legal hold of a confirmed hit until the end of a day.

    Raises:
        InvalidError: the end is no date.
    """
    try:
        end = datetime.strptime(until, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise InvalidError("the hold's end is no date") from None
    return _after(who, hit, review.ask_hold(service, who, hit, Hold(reason, authority, end)))


@router.post("/hits/{hit}/hold/agree")
def agree_hold(service: ServiceDep, who: Reviewer, hit: UUID) -> Response:
    """Agree to the legal hold that somebody else asked for."""
    return _after(who, hit, review.agree_hold(service, who, hit))


@router.post("/hits/{hit}/release")
def release(service: ServiceDep, who: Reviewer, hit: UUID) -> Response:
    """Lift a legal hold, or take back that it was asked for."""
    return _after(who, hit, review.release_hold(service, who, hit))


def _show(service: Service, who: SignedIn, hit: UUID, problem: InvalidError | None = None) -> Response:
    """Show a hit's page, or ask for the reason first."""
    try:
        view = review.blind_view(service, who, hit)
    except ReasonError:
        return _reason(who, hit)
    if isinstance(view, BlindView):
        page: Page = BlindPage(
            person=who.person, view=view, problem=str(problem or ""), hint=problem.hint if problem else ""
        )
    else:
        page = _hit_page(service, who, view)
    return render(page, status=problem.status if problem else HTTPStatus.OK)


def _hit_page(service: Service, who: SignedIn, view: FullView) -> HitPage:
    """Return the page of a hit that was read blind."""
    plate = view.match.entry.plate
    marked = [(character, place in view.match.doubtful) for place, character in enumerate(plate)]
    confirmed = view.status.state is not State.PENDING
    recorded = view.status.outcomes
    left = [one for one in Outcome if one not in recorded and not (recorded and one is Outcome.NONE)]
    return HitPage(
        person=who.person,
        title="Confirmed hit" if confirmed else "Compare, then decide",
        view=view,
        mistakes=[mistake for mistake in Mistake if mistake is not Mistake.ILLEGIBLE],
        outcomes=[(one, _kept(service.deadlines.outcomes[one])) for one in left],
        current=view.status.state,
        doubtful=marked,
    )


def _kept(time: timedelta) -> str:
    """Say how long a hit is kept after an outcome."""
    if not time:
        return "destroyed at once"
    return f"kept {time.days} days" if time.days > 1 else f"kept {time // timedelta(hours=1)} hours"


def _reason(who: SignedIn, hit: UUID, problem: str = "") -> Response:
    """Ask why somebody opens the hit."""
    return ask_reason(who, f"/hits/{hit}/open", AccessPurpose.REVIEW, problem)


def _after(who: SignedIn, hit: UUID, status: Status) -> Response:
    """Show what became of the hit, or go back to it."""
    if not status.final:
        return _back(hit)
    kind = status.mistake.value if status.mistake else ""
    return render(EndPage(person=who.person, status=status, kind=kind))


def _back(hit: UUID) -> Response:
    return RedirectResponse(f"/hits/{hit}", status_code=HTTPStatus.SEE_OTHER)
