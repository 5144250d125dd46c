"""Why do you open this? Asked before a hit, an entry or a proposal is shown (R11)."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import ClassVar

from starlette.responses import Response

from api.accounts.access import AccessPurpose
from api.accounts.sessions import SignedIn
from api.web.pages import Page, render


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonPage(Page):
    """The question, with the number that was given last time; `once` says for what it is not asked again."""

    template: ClassVar[str] = "reason.html"
    title: str = "Why do you open this?"
    action: str
    purposes: list[str]
    purpose: str
    case_number: str = field(repr=False)
    problem: str = ""
    notes: tuple[str, ...] = ()
    once: str = ""
    kept: dict[str, str] = field(default_factory=dict, repr=False)


def ask_reason(
    who: SignedIn,
    action: str,
    usual: AccessPurpose,
    problem: str = "",
    *,
    notes: tuple[str, ...] = (),
    once: str = "",
    kept: dict[str, str] | None = None,
) -> Response:
    """Ask, after what there is to know first, and send the answer to `action`, with what was typed before."""
    page = ReasonPage(
        person=who.person,
        action=action,
        purposes=list(AccessPurpose),
        purpose=usual,
        case_number=who.case_number,
        problem=problem,
        notes=notes,
        once=once,
        kept=kept or {},
    )
    return render(page, status=HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK)
