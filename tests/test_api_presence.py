"""What counts as presence (R13), and the department's written word that its consoles are staffed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api import upkeep
from api.accounts import codes, presence, sessions
from api.core.errors import SettingsError, SignInError
from api.core.settings import load_settings
from api.db.models import AuditRow, SessionRow
from api.hits.routes.queue_events import _beat
from api.web.app import create_app
from tests.api_kit import Desk

STEP = 5
"""Minutes between two looks."""
STAFFED = {
    "reason": "Two dispatchers are in the room at all hours",
    "authority": "Chief Example",
    "hours": 2,
}


@contextmanager
def department(folder: Path, **settings: object) -> Iterator[tuple[Desk, str]]:
    """Give a department and the token of a reviewer's session."""
    desk = Desk(folder / "state", **settings)
    try:
        yield desk, desk.sign_in("dora").cookies["__Host-session"]
    finally:
        desk.service.close()


def watch_for(desk: Desk, token: str, minutes: int) -> None:
    """Watch the live queue, with upkeep running beside it.

    Raises:
        SignInError: the session ended on the way.
    """
    for _ in range(minutes // STEP):
        _beat(desk.service, token)
        desk.clock.move(minutes=STEP)
        upkeep.clean(desk.service)


def test_watching_is_no_presence_unless_the_department_says_so(tmp_path: Path) -> None:
    """Thirty minutes end a session that only watches (R13), whatever its heartbeats."""
    with department(tmp_path) as (desk, token):
        watch_for(desk, token, 25)
        sessions.resume(desk.service, token, quiet=True)
        with pytest.raises(SignInError):
            watch_for(desk, token, 10)
        assert desk.count(SessionRow) == 0


def test_watching_a_staffed_console_counts_up_to_its_bound_and_no_longer(tmp_path: Path) -> None:
    """Two hours of watching after the last act, then the idle limit; an act begins both anew."""
    with department(tmp_path, staffed=STAFFED) as (desk, token):
        watch_for(desk, token, 140)
        sessions.resume(desk.service, token)
        watch_for(desk, token, 145)
        with pytest.raises(SignInError):
            watch_for(desk, token, 10)
        assert desk.count(SessionRow) == 0


def test_a_staffed_console_that_nobody_watches_is_idle_as_any(tmp_path: Path) -> None:
    """The setting helps whoever watches, not a session that was left."""
    with department(tmp_path, staffed=STAFFED) as (desk, token):
        watch_for(desk, token, 40)
        desk.clock.move(minutes=31)
        with pytest.raises(SignInError):
            sessions.resume(desk.service, token, quiet=True)


def test_twelve_hours_end_every_session(tmp_path: Path) -> None:
    """Acts and watching together do not outlast them."""
    with department(tmp_path, staffed={**STAFFED, "hours": 11}) as (desk, token):
        for _ in range(11):
            watch_for(desk, token, 60)
            sessions.resume(desk.service, token)
        watch_for(desk, token, 55)
        left = presence.left(desk.service, codes.token_digest(token))
        assert 0 < left.seconds <= 300
        assert not left.stays
        with pytest.raises(SignInError):
            watch_for(desk, token, 10)


def test_a_heartbeat_says_how_long_the_session_has_left(tmp_path: Path) -> None:
    """So the page can warn; at the twelve hours' end it says that no act helps."""
    with department(tmp_path) as (desk, token):
        desk.clock.move(minutes=26)
        assert json.loads(_beat(desk.service, token)[1])["session"] == {"seconds": 240, "stays": True}


def test_the_word_is_in_the_log_when_it_changes_and_only_then(tmp_path: Path) -> None:
    """Set, kept, changed, taken back: three records for four starts, with reason, authority and hours."""
    desk = Desk(tmp_path / "state")
    other = {**STAFFED, "hours": 3}
    for staffed in (None, STAFFED, STAFFED, other, None):
        settings = desk.settings.model_copy(update={"staffed": None})
        settings = settings.model_validate({**settings.model_dump(), "staffed": staffed})
        with TestClient(create_app(settings, desk.clock, background=False)):
            pass
    with desk.service.database.read() as session:
        rows = session.scalars(
            select(AuditRow).where(AuditRow.act == "setting.staffed").order_by(AuditRow.seq)
        )
        found = [(row.result, json.loads(row.detail)) for row in rows]
    assert found == [("on", STAFFED), ("on", other), ("off", {})]
    desk.service.close()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"reason": "staffed"}, "staffed.reason"),
        ({"hours": 12}, "staffed.hours"),
        ({"authority": ""}, "staffed.a"),
    ],
)
def test_a_setting_without_its_reason_or_bound_is_refused(
    tmp_path: Path, change: dict[str, object], word: str
) -> None:
    """There is no way to set it without saying why, who decided, and for how long."""
    with pytest.raises(SettingsError, match=word):
        load_settings(state=tmp_path, staffed={**STAFFED, **change})
