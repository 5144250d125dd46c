"""The OpenAPI description is one that a client can be made of, and the client works."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.accounts.people import Role
from api.web.deps import COOKIE
from tests.api_kit import Desk, make_entry, make_hit

DEVICES = {"/v1/hits", "/v1/hotlist", "/v1/heartbeat", "/v1/devices/enrol"}
NOBODYS = {"/v1/certificate-authority"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a department with a hit under review."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    box = desk.box()
    box.deliver(box.sealed(make_hit(captured=desk.clock())))
    return desk


def described(desk: Desk) -> dict[str, Any]:
    """Return the description as anybody gets it."""
    content: dict[str, Any] = desk.client().get("/v1/openapi.json").json()
    return content


def test_every_route_says_what_it_asks_for(desk: Desk) -> None:
    """A session, a device's signature, or nothing; held against what a stranger is told."""
    content = described(desk)
    schemes = content["components"]["securitySchemes"]
    assert schemes["session"]["name"] == COOKIE
    assert content["servers"] == [{"url": "https://testserver"}]
    for path, methods in content["paths"].items():
        for method, operation in methods.items():
            asked = [name for each in operation["security"] for name in each]
            wanted = [] if path in NOBODYS else ["deviceSignature"] if path in DEVICES else ["session"]
            assert asked == wanted, f"{method} {path}"
            assert set(asked) <= set(schemes)
    stranger = desk.client()
    for path in ("/v1/queue", "/v1/people", "/v1/hotlist"):
        assert stranger.get(path).status_code == 401


def test_names_are_readable_and_each_is_there_once(desk: Desk) -> None:
    """Method and path in words: what a client's functions are called."""
    ids = [
        operation["operationId"]
        for methods in described(desk)["paths"].values()
        for operation in methods.values()
    ]
    assert len(ids) == len(set(ids)) > 50
    assert {"get_queue", "post_hits_reading", "get_people_by_name", "post_devices_enrol"} <= set(ids)
    assert all(re.fullmatch(r"(get|post|put|delete)(_[a-z0-9]+)+", each) for each in ids)


def test_every_reference_leads_to_a_schema(desk: Desk) -> None:
    """A reference to nothing makes a client without that route."""
    content = described(desk)
    named = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(content)))
    assert len(named) > 20
    assert named <= set(content["components"]["schemas"])
    assert "$defs" not in json.dumps(content["paths"])


@pytest.mark.system("openapi-python-client")
def test_a_client_that_was_made_of_it_reads_the_queue(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """openapi-python-client makes one; it asks with a session, and is refused without one."""
    browser = desk.sign_in("ruth", Role.REVIEWER)
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(described(desk)))
    command = ["openapi-python-client", "generate", "--path", str(file), "--meta", "none"]
    done = subprocess.run(
        [*command, "--output-path", str(tmp_path / "hitonly_client")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Endpoint will not be generated" not in done.stdout, done.stdout
    monkeypatch.syspath_prepend(str(tmp_path))
    client_module = importlib.import_module("hitonly_client.client")
    queue = importlib.import_module("hitonly_client.api.people.get_queue")
    client = client_module.Client(base_url="https://testserver").set_httpx_client(browser)
    answer = queue.sync(client=client)
    assert len(answer.items) == 1
    stranger = client_module.Client(base_url="https://testserver").set_httpx_client(desk.client())
    refused = queue.sync_detailed(client=stranger)
    assert refused.status_code == 401
    assert refused.parsed.title
    for name in [name for name in sys.modules if name.startswith("hitonly_client")]:
        del sys.modules[name]
