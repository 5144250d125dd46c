"""A page of its own that asks before something that cannot be undone: one slip of a finger ends nothing."""

from dataclasses import dataclass, field
from typing import ClassVar

from starlette.responses import Response

from api.accounts.people import Person
from api.web.pages import Page, render

SURE = "yes"
"""The value of the form's field `sure` that the confirming page sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPage(Page):
    """What will happen, the button that does it, and the way back."""

    template: ClassVar[str] = "confirm.html"
    warning: str
    button: str
    action: str
    values: dict[str, str] = field(repr=False)
    back: str


def ask(
    person: Person, title: str, warning: str, *, button: str, action: str, back: str, **values: str
) -> Response:
    """Ask; the answer is sent to `action` with the same values and `sure`."""
    page = ConfirmPage(
        person=person,
        title=title,
        warning=warning,
        button=button,
        action=action,
        values={**values, "sure": SURE},
        back=back,
    )
    return render(page)
