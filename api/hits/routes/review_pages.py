"""The queue, and one hit at a time: reason, blind reading, disposition, outcome."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Header
from starlette.responses import RedirectResponse, Response

from api.accounts import access
from api.accounts.access import AccessPurpose
from api.accounts.routes.reason_page import ask_reason
from api.accounts.sessions import SignedIn
from api.core import lifecycle
from api.core.errors import IllegalTransitionError, InvalidError, ReasonError
from api.core.lifecycle import Hold, Mistake, Outcome, State, Status
from api.core.local_time import when
from api.core.service import Service
from api.hits import queue_items, readers, review
from api.hits.hit_time import Basis
from api.hits.queue_items import Choice
from api.hits.review import BlindView, FullView
from api.hits.routes.review_shapes import NOTHING, BlindPage, EndPage, HitPage, QueuePage, Typed
from api.hits.watch import watch
from api.lists.regions import CODES, NAMES
from api.web import confirm
from api.web.confirm import SURE
from api.web.deps import Reviewer, ServiceDep, Who
from api.web.pages import NAVIGATION, Page, render
from hotlist.entry import Entry

router = APIRouter(include_in_schema=False)
_TABS: Final = {queue_items.WAITING: "Waiting", queue_items.OUTCOME: "Confirmed, needs outcome"}


@router.get("/")
def start(who: Who) -> Response:
    """Lead to the first page that this person may see."""
    first = next(path for path, _, roles in NAVIGATION if who.person.roles & roles)
    return RedirectResponse(first, status_code=HTTPStatus.SEE_OTHER)


@router.get("/queue")
def queue(
    *,
    service: ServiceDep,
    who: Reviewer,
    tab: str = queue_items.WAITING,
    severity: str = "",
    camera: str = "",
) -> Response:
    """Show what waits, as far as the reviewer wants to see it."""
    choice = Choice(tab=tab if tab in _TABS else queue_items.WAITING, severity=severity, camera=camera)
    found = queue_items.items(service, who)
    shown = [item for item in found if choice.takes(item)]
    page = QueuePage(
        person=who.person,
        shown=shown,
        choice=choice,
        tabs=[(name, words, sum(item.tab == name for item in found)) for name, words in _TABS.items()],
        hidden=sum(item.tab == choice.tab for item in found) - len(shown),
        severities=review.SEVERITIES,
        cameras=sorted({item.camera for item in found} | ({camera} - {""})),
        review_case=who.review_case,
        watch=watch(service),
    )
    return render(page)


@router.get("/queue/next")
def next_hit(service: ServiceDep, who: Reviewer, after: UUID | None = None) -> Response:
    """Lead to the most urgent hit that nobody reads yet, or to the queue."""
    found = queue_items.next_hit(service, who, after)
    return RedirectResponse(f"/hits/{found}" if found else "/queue", status_code=HTTPStatus.SEE_OTHER)


@router.post("/queue/case/forget")
def forget_case(service: ServiceDep, who: Reviewer) -> Response:
    """Ask for purpose and case number again at the next hit."""
    access.use_for_reviews(service, who, "")
    return RedirectResponse("/queue", status_code=HTTPStatus.SEE_OTHER)


@router.get("/hits/{hit}")
def show(
    service: ServiceDep, who: Reviewer, hit: UUID, sec_fetch_site: Annotated[str, Header()] = ""
) -> Response:
    """Show a hit, as far as this person may see it now; ask for the reason first.

    A hit that waits is opened, and recorded, under the case number of this session's reviews, when one of the
    service's own pages led here; a link from elsewhere opens nothing.
    """
    return _show(service, who, hit, from_here=sec_fetch_site == "same-origin")


@router.get("/hits/{hit}/crop.jpg")
def crop(service: ServiceDep, who: Reviewer, hit: UUID) -> Response:
    """Give the crop to somebody who has opened the hit."""
    return Response(review.crop(service, who, hit), media_type="image/jpeg")


@router.post("/hits/{hit}/open")
def open_hit(
    *,
    service: ServiceDep,
    who: Reviewer,
    hit: UUID,
    purpose: Annotated[str, Form()] = "",
    case_number: Annotated[str, Form()] = "",
    plate: Annotated[str, Form(max_length=32)] = "",
    region: Annotated[str, Form(max_length=6)] = "",
) -> Response:
    """Open a hit with a purpose and a case number; a reading typed before the session ended comes back."""
    typed = Typed(plate, region)
    try:
        review.open_hit(service, who, hit, purpose, case_number)
        if purpose == AccessPurpose.REVIEW and review.waits(service, hit):
            access.use_for_reviews(service, who, access.check_reason(purpose, case_number))
    except ReasonError as problem:
        return _reason(service, who, hit, typed, str(problem))
    return _show(service, who, hit, before=typed) if plate else _back(hit)


@router.post("/hits/{hit}/reading")
def read(
    *,
    service: ServiceDep,
    who: Reviewer,
    hit: UUID,
    plate: Annotated[str, Form()] = "",
    region: Annotated[str, Form()] = "",
    illegible: Annotated[str, Form()] = "",
    guessed: Annotated[str, Form()] = "",
    change: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Show the reviewer's own reading once more, and compare it with the entry when they are sure.

    Raises:
        InvalidError: the region is not one of the list.
    """
    if region and region not in CODES:
        raise InvalidError("the region is not one of the list")
    typed = Typed(plate, "" if guessed else region, bool(illegible))
    if change:
        return _show(service, who, hit, before=Typed(plate, region))
    if not (plate.strip() or illegible):
        nothing = InvalidError("type the plate, or say that it cannot be read")
        return _show(service, who, hit, before=typed, problem=nothing)
    try:
        typed = (
            Typed("", "", illegible=True) if illegible else replace(typed, plate=review.typed_plate(plate))
        )
        if sure != SURE:
            return _show(service, who, hit, echo=typed)
        status = review.read_blind(service, who, hit, typed.plate, typed.region)
    except InvalidError as problem:
        return _show(service, who, hit, before=typed, problem=problem)
    return _after(who, hit, status, typed)


@router.post("/hits/{hit}/disposition")
def dispose(
    service: ServiceDep,
    who: Reviewer,
    hit: UUID,
    disposition: Annotated[str, Form()],
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Confirm the hit ("correct-read"), or say what is wrong with it, which is asked twice.

    Raises:
        InvalidError: the disposition is not one of the list.
    """
    if disposition != "correct-read" and disposition not in set(Mistake):
        raise InvalidError("the disposition is not one of the list")
    mistake = None if disposition == "correct-read" else Mistake(disposition)
    if mistake is not None and sure != SURE and not review.status_of(service, who, hit).unread:
        return _ask(who, hit, "disposition", disposition, f"You say that it is wrong: {_words(disposition)}.")
    return _after(who, hit, review.dispose(service, who, hit, mistake))


@router.post("/hits/{hit}/outcome")
def outcome(
    service: ServiceDep,
    who: Reviewer,
    hit: UUID,
    outcome: Annotated[Outcome, Form()],
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Record what a confirmed hit led to; one that destroys it is asked twice."""
    status = review.status_of(service, who, hit)
    if sure != SURE and not status.unread and _destroys(service, status, outcome):
        return _ask(who, hit, "outcome", outcome, f"You record the outcome: {_words(outcome)}.")
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
def agree_hold(
    service: ServiceDep, who: Reviewer, hit: UUID, asked: Annotated[str, Form(max_length=32)] = ""
) -> Response:
    """Agree to the legal hold that somebody else asked for, and that the page showed."""
    return _after(who, hit, review.agree_hold(service, who, hit, asked))


@router.post("/hits/{hit}/release")
def release(service: ServiceDep, who: Reviewer, hit: UUID, sure: Annotated[str, Form()] = "") -> Response:
    """Lift a legal hold, which is asked twice, or take back that one was asked for."""
    status = review.status_of(service, who, hit)
    if sure != SURE and not status.unread and status.hold:
        gone = status.deadline <= service.now()
        return confirm.ask(
            who.person,
            "Lift the legal hold?",
            "Its deadline has passed: the hit is destroyed at once and cannot be brought back."
            if gone
            else "From then on the hit's own deadline counts again.",
            button="Lift the hold",
            action=f"/hits/{hit}/release",
            back=f"/hits/{hit}",
        )
    return _after(who, hit, review.release_hold(service, who, hit))


def _ask(who: SignedIn, hit: UUID, step: str, value: str, said: str) -> Response:
    """Ask before a step that destroys the hit."""
    return confirm.ask(
        who.person,
        "Destroy the hit?",
        f"{said} The hit is then destroyed at once and cannot be brought back.",
        button=f"{_words(value).capitalize()}: destroy the hit",
        action=f"/hits/{hit}/{step}",
        back=f"/hits/{hit}",
        **{step: value},
    )


def _words(value: str) -> str:
    return value.replace("-", " ")


def _destroys(service: Service, status: Status, outcome: Outcome) -> bool:
    """Whether an outcome would end the hit now; one that cannot be recorded ends nothing."""
    try:
        return lifecycle.conclude(status, outcome, service.now(), service.deadlines).final
    except IllegalTransitionError:
        return False


def _show(
    service: Service,
    who: SignedIn,
    hit: UUID,
    *,
    before: Typed = NOTHING,
    echo: Typed | None = None,
    problem: InvalidError | None = None,
    from_here: bool = False,
) -> Response:
    """Show a hit's page, or ask for the reason first."""
    try:
        view = review.blind_view(service, who, hit)
    except ReasonError:
        if not (from_here and review.open_for_review(service, who, hit)):
            return _reason(service, who, hit, echo or before)
        view = review.blind_view(service, who, hit)
    if isinstance(view, BlindView):
        page: Page = BlindPage(
            person=who.person,
            view=view,
            before=before,
            echo=echo,
            problem=str(problem or ""),
            hint=problem.hint if problem else "",
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
        outcomes=[
            (number, one, _kept(service.deadlines.outcomes[one]), not _destroys(service, view.status, one))
            for number, one in enumerate(left, start=1)
        ],
        first=Typed(view.first.plate, view.first.region) if view.first else None,
        current=view.status.state,
        doubtful=marked,
        dispatch=_dispatch(view),
    )


def _dispatch(view: FullView) -> str:
    """Return a hit as text for the radio or the dispatch system."""
    entry = view.match.entry
    lines = (
        ("Plate", entry.plate),
        ("Region", NAMES.get(entry.region, entry.region) or "not known"),
        ("Place", f"{view.hit.place}, {view.hit.camera}"),
        ("Seen", when(view.captured) + ("" if view.basis is Basis.SYNCHRONISED else f" ({view.basis})")),
        ("Case", entry.case_number),
        ("Check before any stop", f"plate, region and vehicle ({_vehicle(entry)})"),
    )
    return "\n".join(f"{name}: {text}" for name, text in lines)


def _vehicle(entry: Entry) -> str:
    """Return the listed vehicle in words."""
    car = entry.vehicle
    known = [text for text in (car.colour, car.make, car.model, str(car.year or "")) if text]
    return " ".join(known) or "not described"


def _kept(time: timedelta) -> str:
    """Say how long a hit is kept after an outcome."""
    if not time:
        return "destroyed at once"
    return f"kept {time.days} days" if time.days > 1 else f"kept {time // timedelta(hours=1)} hours"


def _reason(service: Service, who: SignedIn, hit: UUID, typed: Typed, problem: str = "") -> Response:
    """Ask why somebody opens the hit, and say who else is at it; what was typed already is kept in the form."""
    others = readers.readers(service, who, hit)
    once = _ONCE if review.waits(service, hit) else ""
    notes = tuple(f"{one.name} is reading this: opened {one.minutes} min ago." for one in others)
    kept = {"plate": typed.plate, "region": typed.region} if typed.plate else {}
    return ask_reason(
        who, f"/hits/{hit}/open", AccessPurpose.REVIEW, problem, notes=notes, once=once, kept=kept
    )


_ONCE: Final = (
    "With the purpose “Review alert” you are asked once: each hit that you open for review until you sign out is "
    "recorded with this number. The queue shows it, and lets you change it."
)


def _after(who: SignedIn, hit: UUID, status: Status, typed: Typed | None = None) -> Response:
    """Show what became of the hit, or go back to it."""
    if not status.final:
        return _back(hit)
    kind = status.mistake.value if status.mistake else ""
    return render(EndPage(person=who.person, status=status, kind=kind, typed=typed))


def _back(hit: UUID) -> Response:
    return RedirectResponse(f"/hits/{hit}", status_code=HTTPStatus.SEE_OTHER)
