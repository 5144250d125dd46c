import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from api import upkeep
from api.core.alert_targets import Webhook
from api.db.models import AlertRow
from api.hits.alerting import alert_queue as alerts
from api.hits.alerting.webhook import RefusedAddressError, judged
from tests.api_kit import PLATE, Desk, make_entry, make_hit

SECRET = "a secret of thirty-two characters or more"


class Receiver(ThreadingHTTPServer):
    """Somebody's system that takes alerts, or refuses them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.seen: list[tuple[dict[str, str], bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    """Keeps what arrives."""

    server: Receiver

    def do_POST(self) -> None:
        """Keep it, and answer as set."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a running receiver."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def department(tmp_path: Path, receiver: Receiver, **more: object) -> Desk:
    """Return a department that sends its alerts there."""
    url = f"http://127.0.0.1:{receiver.server_address[1]}/alerts"
    local = {"kind": "webhook", "name": "desk", "allow_private": ["127.0.0.0/8"]}
    return Desk(tmp_path / "state", alerts=[{**local, "url": url, "secret": SECRET, **more}])


@pytest.mark.parametrize("with_plate", [False, True])
def test_an_alert_is_signed_unverified_and_names_no_plate_unless_asked(
    tmp_path: Path, receiver: Receiver, *, with_plate: bool
) -> None:
    """The body's HMAC verifies; the plate is there only where the department turned it on."""
    desk = department(tmp_path, receiver, with_plate=with_plate)
    box = desk.box()
    box.deliver(box.sealed(make_hit()))
    assert PLATE.encode() not in desk.dump()
    desk.approve(make_entry())
    assert alerts.deliver(desk.service) == 1
    ((headers, body),) = receiver.seen
    signed = headers["hitonly-timestamp"].encode() + b"." + body
    assert (
        headers["hitonly-signature"]
        == "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    )
    assert headers["idempotency-key"] == headers["hitonly-event-id"] == json.loads(body)["id"]
    assert json.loads(body)["status"] == "UNVERIFIED"
    assert (PLATE.encode() in body) == with_plate
    assert alerts.deliver(desk.service) == 0
    assert desk.count(AlertRow) == 0
    desk.service.close()


@pytest.mark.parametrize("status", [500, 404, 302])
def test_an_alert_that_is_not_taken_is_tried_again_later_under_the_same_id(
    tmp_path: Path, receiver: Receiver, status: int
) -> None:
    """Ever later; a redirect is not followed; given up after a day, which is in the log."""
    desk = department(tmp_path, receiver)
    box = desk.box()
    box.deliver(box.sealed(make_hit()))
    receiver.status = status
    assert alerts.deliver(desk.service) == 0
    assert alerts.deliver(desk.service) == 0
    assert len(receiver.seen) == 1
    desk.clock.move(minutes=1)
    assert alerts.deliver(desk.service) == 0
    assert len({headers["idempotency-key"] for headers, _ in receiver.seen}) == 1
    assert len(receiver.seen) == 2
    receiver.status = 200
    desk.clock.move(hours=1)
    assert alerts.deliver(desk.service) == 1
    desk.service.close()


@pytest.mark.parametrize("with_plate", [False, True])
def test_nothing_of_a_hit_outlives_it_in_the_queue(
    tmp_path: Path, receiver: Receiver, *, with_plate: bool
) -> None:
    """An alert that could not be sent is withdrawn when its hit has ended (R8); while it lives, it is sent."""
    desk = department(tmp_path, receiver, with_plate=with_plate)
    desk.approve(make_entry())
    box, hit = desk.box(), make_hit()
    box.deliver(box.sealed(hit))
    receiver.status = 500
    alerts.deliver(desk.service)
    ((_, body),) = receiver.seen
    assert (PLATE.encode() in body) == with_plate
    with desk.service.database.read() as session:
        row = session.get_one(AlertRow, (str(hit.id), "desk"))
    assert PLATE.encode() not in desk.service.secrets.open(row.body, f"alert:{hit.id}:desk")
    desk.clock.move(hours=2)
    upkeep.expire(desk.service)
    receiver.status = 200
    assert alerts.deliver(desk.service) == 0
    assert len(receiver.seen) == 1
    assert desk.count(AlertRow) == 0
    desk.service.close()


def test_an_alert_nobody_takes_is_given_up_in_the_end(tmp_path: Path, receiver: Receiver) -> None:
    """The queue does not grow for ever."""
    desk = department(tmp_path, receiver)
    receiver.status = 500
    box = desk.box()
    box.deliver(box.sealed(make_hit()))
    for _ in range(alerts.GIVE_UP):
        alerts.deliver(desk.service)
        desk.clock.move(minutes=31)
    assert len(receiver.seen) == alerts.GIVE_UP
    assert desk.count(AlertRow) == 0
    assert desk.acts()[-1] == "alert.send"
    desk.service.close()


@pytest.mark.parametrize(
    ("url", "allowed", "found", "good"),
    [
        ("https://a.example/", (), ["93.184.216.34"], True),
        ("https://a.example/", (), ["93.184.216.34", "10.0.0.1"], False),
        ("https://a.example/", (), ["127.0.0.1"], False),
        ("https://a.example/", (), ["169.254.169.254"], False),
        ("https://a.example/", (), ["::1"], False),
        ("https://a.example/", (), ["::ffff:10.0.0.1"], False),
        ("https://a.example/", ("10.1.0.0/16",), ["10.1.2.3"], True),
        ("https://a.example/", ("10.1.0.0/16",), ["10.2.2.3"], False),
        ("http://a.example/", (), ["93.184.216.34"], False),
        ("http://a.example/", ("10.1.0.0/16",), ["10.1.2.3"], True),
        ("https://a.example/", (), [], False),
    ],
)
def test_only_public_addresses_over_tls_or_allowed_private_ones(
    url: str, allowed: tuple[str, ...], found: list[str], *, good: bool
) -> None:
    """Nobody makes the service knock at its neighbours' doors."""
    webhook = Webhook(name="desk", url=url, secret=SECRET, allow_private=allowed)
    if good:
        assert str(judged(webhook, found)) == found[0]
    else:
        with pytest.raises(RefusedAddressError):
            judged(webhook, found)


def test_without_a_webhook_nothing_is_queued(tmp_path: Path) -> None:
    """The default sends nothing anywhere."""
    desk = Desk(tmp_path / "state")
    box = desk.box()
    box.deliver(box.sealed(make_hit()))
    assert desk.count(AlertRow) == 0
    assert alerts.deliver(desk.service) == 0
    desk.service.close()
