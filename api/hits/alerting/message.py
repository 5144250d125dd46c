"""What an alert says: always UNVERIFIED, and the plate only where the department turned that on for a target."""

from typing import Final

from hitonly_core.canonical import canonical

UNVERIFIED: Final = "UNVERIFIED"
_WORDS: Final = (
    ("severity", "Severity"),
    ("camera", "Camera"),
    ("place", "Place"),
    ("captured", "Seen"),
    ("basis", "Time"),
    ("match", "Match"),
    ("listed_plate", "Listed plate"),
    ("link", "Open it"),
)
_DUTY: Final = "It is UNVERIFIED: nobody has compared it yet, and it is no reason for a stop."


class RefusedError(Exception):
    """A target did not take an alert; the message says why, for an administrator."""


def body_of_test(identity: str, url: str) -> dict[str, object]:
    """Return a message that says that it is a test and no hit."""
    return {"event": "test", "id": identity, "status": "TEST", "link": f"{url}/alerts"}


def to_bytes(body: dict[str, object]) -> bytes:
    """Return an alert as programs take it: canonical JSON."""
    return canonical(body)


def subject(body: dict[str, object]) -> str:
    """Return one line; it never names a plate."""
    if body["event"] == "test":
        return "hitonly: test of alerts, no hit"
    return f"{UNVERIFIED} {body['severity']} hit: {body['camera']}"


def text(body: dict[str, object]) -> str:
    """Return an alert as people read it."""
    if body["event"] == "test":
        return "This is a test of the alerts. There is no hit. Whoever pressed the button knows that it arrived.\n"
    lines = [f"{label}: {body[name]}" for name, label in _WORDS if name in body]
    return "\n".join(["A hit waits for review.", _DUTY, "", *lines, ""])
