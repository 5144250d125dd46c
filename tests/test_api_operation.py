import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from api.core.errors import SettingsError, StateError
from api.core.settings import Settings, load_settings
from api.db.engine import Database
from api.db.migrate import check, migrate
from api.db.models import Base
from api.oversight.metrics import start_metrics
from tests.api_kit import PASSWORD, PLATE, Desk, make_entry, make_hit

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("state = 's'\nprot = 1", "unknown key prot, perhaps port"),
        ("state = 's'\nhost = '0.0.0.0'", "needs TLS"),
        ("state = 's'\nhost = '::'", "needs TLS"),
        ("state = 's'\nworkers = 4", "need PostgreSQL"),
        ("state = 's'\n[tls]\nmode = 'files'", "tls.certificate"),
        ("state = 's'\n[retention]\nwindow = 181", "must be 3 minutes or less"),
        (
            (
                "state = 's'\n[[alerts]]\nkind = 'webhook'\nname = 'desk'\n"
                "url = 'https://a.example'\nsecret = 'short'"
            ),
            "alerts 1: webhook.secret must have",
        ),
        ("port = 1", "state"),
        ("state = ", "cannot be read as TOML"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_with_the_reason(
    tmp_path: Path, text: str, words: str
) -> None:
    """Unknown keys by the nearest known one; a plain listener off loopback not at all (R14)."""
    file = tmp_path / "service.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(words)):
        load_settings(file)


def test_every_setting_is_documented() -> None:
    """docs/service.md names each key."""
    page = (ROOT / "docs" / "service.md").read_text()
    keys = [*Settings.model_fields]
    for name in ("tls", "retention", "limits"):
        keys += [f"{name}.{key}" for key in type(getattr(Settings(state=Path("s")), name)).model_fields]
    assert not [key for key in keys if f"`{key}`" not in page]


def test_the_migrations_make_exactly_the_tables_of_the_models(tmp_path: Path) -> None:
    """Alembic finds no difference; and a database of another revision is refused."""
    database = Database(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    with pytest.raises(StateError, match="revision none"):
        check(database)
    migrate(database)
    check(database)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    database.close()


def test_metrics_are_on_loopback_and_name_no_plate(tmp_path: Path) -> None:
    """Counts by state and route; nothing of a hit."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    box = desk.box()
    box.deliver(box.sealed(make_hit()))
    server, thread = start_metrics(desk.service, 0)
    port = server.server_address[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        content = answer.read().decode()
    server.shutdown()
    server.server_close()
    thread.join()
    assert server.server_address[0] == "127.0.0.1"
    assert 'hitonly_hits{state="pending"} 1.0' in content
    assert 'hitonly_events_total{what="received"} 1.0' in content
    assert 'hitonly_devices{health="offline"} 1.0' in content
    assert PLATE not in content
    desk.service.close()


def test_logs_are_json_lines_without_plates_tokens_or_passwords(tmp_path: Path) -> None:
    """A whole review in a process of its own; every line on standard error is searched."""
    script = f"""
import sys
from pathlib import Path
from api.core.logs import configure_logs
from tests.api_kit import Desk, make_entry, make_hit, PLATE
configure_logs()
desk = Desk(Path({str(tmp_path / "state")!r}))
desk.approve(make_entry())
box = desk.box()
hit = make_hit()
box.deliver(box.sealed(hit))
browser = desk.sign_in("dora")
browser.post(f"/hits/{{hit.id}}/open", data={{"purpose": "review-alert", "case_number": "1"}})
browser.post(f"/hits/{{hit.id}}/reading", data={{"plate": PLATE + "\\u0416", "sure": "yes"}})
browser.post(f"/hits/{{hit.id}}/reading", data={{"plate": PLATE, "sure": "yes"}})
browser.get("/nowhere/" + PLATE)
browser.get("/audit?object=" + PLATE)
desk.service.close()
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    routes = [line["route"] for line in lines if line["event"] == "request"]
    assert "/hits/{hit}/reading" in routes
    assert "unmatched" in routes
    assert not [
        word for word in (PLATE, PASSWORD, "/welcome/") if word in done.stderr.replace("/welcome/{token}", "")
    ]
