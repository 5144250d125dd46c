"""An alert over MQTT, and the system's health for Home Assistant: over TLS only.

A hit is published with quality of service 1 and never retained, so that no broker keeps it. Health is retained:
how many cameras are online and how old the hot list is, and nothing of hits.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion

from api.core.alert_targets import Mqtt
from api.hits.alerting.message import RefusedError
from api.hits.watch import Watch
from hitonly_core.canonical import canonical

_TIMEOUT: Final = 10
_STALE: Final = 300
"""Seconds after which Home Assistant shows health as not available, when no newer word came."""


@dataclass(frozen=True, slots=True)
class Message:
    """A topic under the target's own, or a whole one of Home Assistant's, and what is said there."""

    topic: str
    payload: bytes
    retain: bool = False


def alert(target: Mqtt, body: dict[str, object]) -> Message:
    """Return an alert as a message."""
    return Message(f"{target.topic}/{'test' if body['event'] == 'test' else 'hits'}", canonical(body))


def health(target: Mqtt, watch: Watch) -> list[Message]:
    """Return the system's health, and what tells Home Assistant how to show it."""
    state = f"{target.topic}/health"
    said = {
        "cameras": watch.cameras,
        "online": watch.online,
        "list_age": watch.list_age,
        "problem": "OFF" if watch.whole else "ON",
    }
    device = {"identifiers": [f"hitonly-{target.name}"], "name": "hitonly", "manufacturer": "hitonly"}
    shared = {"state_topic": state, "expire_after": _STALE, "device": device}
    shown: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("binary_sensor", "problem", {"name": "Problem", "device_class": "problem"}),
        ("sensor", "online", {"name": "Cameras online"}),
        (
            "sensor",
            "list_age",
            {"name": "Age of the hot list", "unit_of_measurement": "s", "device_class": "duration"},
        ),
    )
    messages = [
        Message(
            f"homeassistant/{kind}/hitonly-{target.name}/{name}/config",
            canonical(
                {
                    **shared,
                    **more,
                    "unique_id": f"hitonly-{target.name}-{name}",
                    "value_template": f"{{{{ value_json.{name} }}}}",
                }
            ),
            retain=True,
        )
        for kind, name, more in shown
    ]
    return [*messages, Message(state, json.dumps(said).encode(), retain=True)]


def send(target: Mqtt, messages: Sequence[Message]) -> None:
    """Publish, and wait until the broker has taken every message.

    Raises:
        RefusedError: the broker lets nobody in under that name, or did not take a message in time.
        OSError: it cannot be reached, or its certificate is not the right one.
    """
    answered, refused = threading.Event(), list[str]()
    client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    client.connect_timeout = _TIMEOUT
    client.tls_set_context(target.tls())
    if target.username:
        client.username_pw_set(target.username, target.password)

    def connected(_client: object, _data: object, _flags: object, reason: object, _more: object) -> None:
        if getattr(reason, "is_failure", False):
            refused.append(f"the broker answered: {reason}")
        answered.set()

    client.on_connect = connected
    client.connect(target.host, target.port, keepalive=30)
    client.loop_start()
    try:
        if not answered.wait(_TIMEOUT) or refused:
            raise RefusedError(refused[0] if refused else "the broker did not answer in time")
        for sent in [client.publish(one.topic, one.payload, qos=1, retain=one.retain) for one in messages]:
            _wait(sent)
    finally:
        client.disconnect()
        client.loop_stop()


def _wait(sent: MQTTMessageInfo) -> None:
    """Wait until one message was taken.

    Raises:
        RefusedError: it was not.
    """
    try:
        sent.wait_for_publish(_TIMEOUT)
    except (RuntimeError, ValueError):
        raise RefusedError("the broker closed the connection") from None
    if not sent.is_published():
        raise RefusedError("the broker did not take the message in time")
