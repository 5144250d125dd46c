"""Alerts by e-mail, MQTT and webhook, against a real Mosquitto and a real SMTP server, both with TLS."""

import base64
import email
import email.policy
import hashlib
import hmac
import json
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from fastapi.testclient import TestClient

from api import upkeep
from api.accounts.people import Role
from api.core.errors import SettingsError
from api.core.service import open_service
from api.core.settings import Settings, load_settings
from api.db.models import AlertRow
from api.hits.alerting import alert_queue
from api.web.app import create_app
from hotlist.entry import Severity
from tests.alert_kit import (
    MOSQUITTO,
    NAME,
    PASSWORD,
    Broker,
    MailServer,
    broker,
    certified,
    free_port,
    mail_server,
    wait_for,
)
from tests.api_kit import PLATE, Box, Desk, make_entry, make_hit
from tests.test_api_alerts import Receiver, receiver  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*ssl:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:Session.login_data is deprecated:DeprecationWarning"),
]
needs_broker = pytest.mark.system("/usr/sbin/mosquitto" if MOSQUITTO is None else MOSQUITTO)


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Return a running Mosquitto."""
    with broker(tmp_path_factory.mktemp("mosquitto")) as made:
        yield made


def mail_target(server: MailServer, **more: object) -> dict[str, object]:
    """Return the settings of a target of e-mail."""
    return {
        "kind": "email",
        "name": "duty-mail",
        "host": "localhost",
        "port": server.port,
        "authority": server.authority,
        "username": NAME,
        "password": PASSWORD,
        "sender": "hitonly@example.org",
        "recipients": ["desk@example.org", "chief@example.org"],
        **more,
    }


def mqtt_target(server: Broker, **more: object) -> dict[str, object]:
    """Return the settings of a target of MQTT."""
    return {
        "kind": "mqtt",
        "name": "house",
        "host": "localhost",
        "port": server.port,
        "authority": server.authority,
        "username": NAME,
        "password": PASSWORD,
        **more,
    }


def hit_arrives(desk: Desk, box: Box | None = None, **changes: object) -> str:
    """Deliver a hit; return its id."""
    entry = make_entry(**changes)  # type: ignore[arg-type]
    desk.approve(entry)
    box, hit = box or desk.box(), make_hit(entry=entry)
    answer = box.deliver(box.sealed(hit))
    assert answer.json()["results"][0]["status"] == "stored", answer.text
    return str(hit.id)


def read(mail: bytes) -> EmailMessage:
    """Return a mail as a message."""
    message = email.message_from_bytes(mail, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("with_plate", [False, True])
def test_a_mail_says_unverified_and_names_no_plate_unless_asked(
    tmp_path: Path, security: str, *, with_plate: bool
) -> None:
    """Over TLS, signed in, to every recipient; the subject never names a plate."""
    with mail_server(tmp_path / "mail", starttls=security == "starttls") as server:
        target = mail_target(server, security=security, with_plate=with_plate)
        desk = Desk(tmp_path / "state", alerts=[target])
        hit = hit_arrives(desk)
        assert alert_queue.deliver(desk.service) == 1
        (mail,) = server.mails
        message = read(mail)
        assert message["Subject"] == "UNVERIFIED urgent hit: north gate"
        assert message["To"] == "desk@example.org, chief@example.org"
        assert message["Auto-Submitted"] == "auto-generated"
        text = message.get_content()
        assert "UNVERIFIED" in text
        assert f"/hits/{hit}" in text
        assert (PLATE in text) == with_plate
        assert desk.count(AlertRow) == 0
        desk.service.close()


def test_a_mail_that_is_not_taken_waits_and_goes_out_later(tmp_path: Path) -> None:
    """A server that refuses, then one that is down, then one that takes it: one mail, one record."""
    with mail_server(tmp_path / "mail") as server:
        desk = Desk(tmp_path / "state", alerts=[mail_target(server)])
        box = desk.box()
        hit_arrives(desk, box)
        server.refuse = True
        assert alert_queue.deliver(desk.service) == 0
        desk.clock.move(minutes=1)
        server.refuse = False
        assert alert_queue.deliver(desk.service) == 1
        assert len(server.mails) == 1
        hit_arrives(desk, box)
    assert alert_queue.deliver(desk.service) == 0
    desk.clock.move(minutes=1)
    desk.service.close()
    with mail_server(tmp_path / "again") as server:
        settings = Settings(state=tmp_path / "state", alerts=[mail_target(server)])
        again = open_service(settings, desk.clock, desk.clock.boot)
        assert alert_queue.deliver(again) == 1
        assert len(server.mails) == 1
        again.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "wrong"}, "it refused the user name or the password"),
        ({"authority": None}, "its certificate is not one that is trusted"),
        ({"host": "127.0.0.1"}, "its certificate is not one that is trusted"),
        ({"security": "starttls"}, "it"),
    ],
)
def test_a_mail_server_that_is_not_the_right_one_gets_nothing(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    """And the administrator is told why in words, without the server's own."""
    with mail_server(tmp_path / "mail") as server:
        desk = Desk(tmp_path / "state", alerts=[mail_target(server, **changes)])
        (target,) = desk.service.settings.alerts
        assert alert_queue.send_test(desk.service, target, "person:ada").startswith(words)
        assert not server.mails
        assert desk.acts()[-1] == "alert.test"
        desk.service.close()


def test_a_mail_server_without_tls_gets_nothing(tmp_path: Path) -> None:
    """STARTTLS is required, not tried."""
    server = MailServer(free_port(), certified(tmp_path / "mail"))
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        desk = Desk(tmp_path / "state", alerts=[mail_target(server, security="starttls")])
        (target,) = desk.service.settings.alerts
        assert "no TLS" in alert_queue.send_test(desk.service, target, "person:ada")
        assert not server.mails
        desk.service.close()
    finally:
        controller.stop()


@needs_broker
@pytest.mark.parametrize("with_plate", [False, True])
def test_a_message_over_mqtt_is_unverified_and_not_retained(
    tmp_path: Path, mosquitto: Broker, *, with_plate: bool
) -> None:
    """Whoever subscribes before gets it; whoever subscribes after gets nothing, because no broker keeps a hit."""
    desk = Desk(tmp_path / "state", alerts=[mqtt_target(mosquitto, with_plate=with_plate)])
    hit = hit_arrives(desk)
    with mosquitto.listening() as heard:
        assert alert_queue.deliver(desk.service) == 1
        wait_for(lambda: "hitonly/hits" in heard)
    (payload,) = heard["hitonly/hits"]
    said = json.loads(payload)
    assert (said["status"], said["hit"], said["place"]) == ("UNVERIFIED", hit, "Mill Road, northbound")
    assert (PLATE.encode() in payload) == with_plate
    with mosquitto.listening() as later:
        alert_queue.send_test(desk.service, desk.service.settings.alerts[0], "person:ada")
        wait_for(lambda: "hitonly/test" in later)
    assert "hitonly/hits" not in later
    desk.service.close()


@needs_broker
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "wrong"}, "the broker answered: Not authorized"),
        ({"authority": None}, "its certificate is not one that is trusted"),
    ],
)
def test_a_broker_that_is_not_the_right_one_gets_nothing(
    tmp_path: Path, mosquitto: Broker, changes: dict[str, object], words: str
) -> None:
    """The alert waits."""
    desk = Desk(tmp_path / "state", alerts=[mqtt_target(mosquitto, **changes)])
    assert alert_queue.send_test(desk.service, desk.service.settings.alerts[0], "person:ada") == words
    hit_arrives(desk)
    assert alert_queue.deliver(desk.service) == 0
    assert desk.count(AlertRow) == 1
    desk.service.close()


@needs_broker
def test_home_assistant_is_told_of_health_and_of_no_hit(tmp_path: Path, mosquitto: Broker) -> None:
    """Retained, with an end after which it counts as not available; each config points at the state's topic."""
    desk = Desk(tmp_path / "state", alerts=[mqtt_target(mosquitto, discovery=True, topic="town/plates")])
    hit_arrives(desk)
    alert_queue.tell_health(desk.service, desk.service.settings.alerts)
    with mosquitto.listening() as heard:
        wait_for(lambda: "town/plates/health" in heard)
        configs = [topic for topic in heard if topic.startswith("homeassistant/")]
        wait_for(lambda: len([topic for topic in heard if topic.startswith("homeassistant/")]) == 3)
        configs = [topic for topic in heard if topic.startswith("homeassistant/")]
    for topic in configs:
        said = json.loads(heard[topic][-1])
        assert said["state_topic"] == "town/plates/health"
        assert said["expire_after"] > 0
    said = json.loads(heard["town/plates/health"][-1])
    assert said.keys() == {"cameras", "online", "list_age", "problem"}
    assert (said["cameras"], said["online"], said["problem"]) == (1, 0, "ON")
    desk.service.close()


def test_each_target_takes_its_own(tmp_path: Path, receiver: Receiver) -> None:  # noqa: F811 - a fixture
    """By severity, list and camera; a target that fails keeps no other waiting; each is recorded with its name."""
    url = f"http://127.0.0.1:{receiver.server_address[1]}/"
    local = {"kind": "webhook", "secret": "s" * 32, "allow_private": ["127.0.0.0/8"], "url": url}
    targets = [
        {**local, "name": "all"},
        {**local, "name": "urgent", "severities": ["urgent"]},
        {**local, "name": "county", "lists": ["county list"]},
        {**local, "name": "south", "cameras": ["south gate"]},
        {**local, "name": "dead", "url": "http://127.0.0.1:9/"},
    ]
    desk = Desk(tmp_path / "state", alerts=targets)
    hit_arrives(desk, severity=Severity.ROUTINE)
    with desk.service.database.read() as session:
        queued = {row.target for row in session.query(AlertRow)}
    assert queued == {"all", "county", "dead"}
    assert alert_queue.deliver(desk.service) == 2
    assert len(receiver.seen) == 2
    assert [(line.target.name, line.waiting) for line in alert_queue.standings(desk.service)] == [
        ("all", 0),
        ("urgent", 0),
        ("county", 0),
        ("south", 0),
        ("dead", 1),
    ]
    desk.clock.move(hours=2)
    upkeep.expire(desk.service)
    alert_queue.deliver(desk.service)
    assert desk.count(AlertRow) == 0
    desk.service.close()


def test_what_waits_for_a_target_that_was_taken_out_is_withdrawn(tmp_path: Path) -> None:
    """Nothing else would ever end it."""
    hook = {"kind": "webhook", "secret": "s" * 32, "url": "https://hooks.example/"}
    desk = Desk(tmp_path / "state", alerts=[{**hook, "name": "old"}])
    hit_arrives(desk)
    assert desk.count(AlertRow) == 1
    desk.service.close()
    settings = Settings(state=tmp_path / "state", alerts=[{**hook, "name": "new"}])
    app = create_app(settings, desk.clock, desk.clock.boot, background=False)
    with TestClient(app), app.state.service.database.read() as session:
        assert session.query(AlertRow).count() == 0


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("whsec_" + base64.b64encode(b"k" * 32).decode(), b"k" * 32),
        ("a secret of thirty-two characters or more", b"a secret of thirty-two characters or more"),
    ],
)
def test_a_webhook_bears_the_standard_headers(
    tmp_path: Path,
    receiver: Receiver,  # noqa: F811 - a fixture
    secret: str,
    key: bytes,
) -> None:
    """webhook-id, webhook-timestamp, webhook-signature, as the specification of Standard Webhooks has them."""
    hook = {
        "kind": "webhook",
        "name": "desk",
        "url": f"http://127.0.0.1:{receiver.server_address[1]}/",
        "secret": secret,
        "allow_private": ["127.0.0.0/8"],
    }
    desk = Desk(tmp_path / "state", alerts=[hook])
    hit_arrives(desk)
    assert alert_queue.deliver(desk.service) == 1
    ((headers, body),) = receiver.seen
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    desk.service.close()


def test_the_page_tests_a_target_and_shows_no_secret(tmp_path: Path) -> None:
    """Only to an administrator; what arrives says that it is a test."""
    with mail_server(tmp_path / "mail") as server:
        hook = {
            "kind": "webhook",
            "name": "hook",
            "secret": "s" * 32,
            "url": "https://hooks.example/token-in-it",
        }
        desk = Desk(tmp_path / "state", alerts=[mail_target(server), hook])
        ada, rita = desk.sign_in("ada", Role.ADMINISTRATOR), desk.sign_in("rita")
        assert rita.get("/alerts").status_code == 403
        assert rita.post("/alerts/duty-mail/test").status_code == 403
        page = ada.get("/alerts").text
        assert "duty-mail" in page
        assert PASSWORD not in page
        assert "token-in-it" not in page
        assert "s" * 32 not in page
        answer = ada.post("/alerts/duty-mail/test")
        assert answer.status_code == 200
        assert "The test was taken by duty-mail" in answer.text
        (mail,) = server.mails
        assert read(mail)["Subject"] == "hitonly: test of alerts, no hit"
        assert ada.post("/alerts/nobody/test").status_code == 404
        server.refuse = True
        answer = ada.post("/alerts/duty-mail/test")
        assert answer.status_code == 502
        assert "The test did not reach duty-mail" in answer.text
        desk.service.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kind = "pager"\nname = "a"', "webhook"),
        ('kind = "email"\nname = "a"\nhost = "h"\nsender = "a@b"\nrecipients = []', "recipients"),
        ('kind = "email"\nname = "a"\nhost = "h"\nsender = "a@b\\nBcc: c@d"\nrecipients = ["a@b"]', "sender"),
        ('kind = "mqtt"\nname = "a"\nhost = "h"\nusername = "u"', "username and password go together"),
        ('kind = "mqtt"\nname = "a"\nhost = "h"\ntopic = "a/#"', "topic"),
        ('kind = "mqtt"\nname = "a"\nhost = "h"\nauthority = "/nowhere.pem"', "is no file"),
        ('kind = "webhook"\nname = "a"\nurl = "https://h/"\nsecret = "whsec_%"', "secret"),
        ('kind = "webhook"\nname = "a b"\nurl = "https://h/"\nsecret = "' + "s" * 32 + '"', "name"),
        (f'kind = "webhook"\nname = "a"\nurl = "https://h/"\nsecret = "whsec_{"%" * 32}"', "base64"),
    ],
)
def test_a_target_that_cannot_work_is_refused_at_the_start(tmp_path: Path, text: str, words: str) -> None:
    """With the key, and never with what a secret says."""
    file = tmp_path / "service.toml"
    file.write_text(f"[[alerts]]\n{text}\n")
    with pytest.raises(SettingsError, match=words) as refused:
        load_settings(file, state=tmp_path)
    assert "s" * 32 not in str(refused.value)


def test_two_targets_of_one_name_are_refused(tmp_path: Path) -> None:
    """The name tells them apart in the log."""
    file = tmp_path / "service.toml"
    one = '[[alerts]]\nkind = "mqtt"\nname = "a"\nhost = "h"\n'
    file.write_text(one + one)
    with pytest.raises(SettingsError, match="a name of its own"):
        load_settings(file, state=tmp_path)
