"""compose.yaml and the Dockerfile: no engine runs here, so each of their commands is run without one."""

import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from api.cli import app
from api.core.settings import load_settings
from tests.box_kit import ROOT
from tests.test_edge_delivery import Office, serve

BODY: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = BODY["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_compose_specification_takes_the_file(tmp_path: Path) -> None:
    """Its own schema; a wrong key is refused (the control)."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(ROOT / "compose.yaml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "compose.yaml"
    wrong.write_text("services: {api: {prots: ['443:443']}}\n")
    assert subprocess.run([*command, str(wrong)], capture_output=True, check=False).returncode == 1


def test_every_name_leads_somewhere() -> None:
    """Volumes, targets, files and services that are named exist; every volume is used."""
    used = {
        volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())
    }
    assert {name for name in used if not name.startswith(".")} == set(BODY["volumes"])
    for path in (name for name in used if name.startswith(".")):
        assert (ROOT / path).is_file()
    targets = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    assert targets == set(re.findall(r"^FROM base AS (\w+)$", DOCKERFILE, re.MULTILINE))
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)


@pytest.mark.parametrize("name", ["api", "certificate", "edge"])
def test_what_is_ours_runs_with_nothing_it_does_not_need(name: str) -> None:
    """Read-only, no capability, no new privileges; no swap and no core where plates are read."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    if name == "edge":
        assert service["mem_limit"] == service["memswap_limit"], "the two are the same: no swap"
        assert service["ulimits"] == {"memlock": -1, "core": 0}


def test_only_the_proxy_can_be_reached_from_outside() -> None:
    """The service listens on loopback of the network that it shares with the proxy; the database has none."""
    assert "--host=127.0.0.1" in SERVICES["api"]["command"]
    assert SERVICES["caddy"]["network_mode"] == "service:api"
    assert SERVICES["db"]["network_mode"] == "none"
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    assert SERVICES["api"]["ports"] == ["443:443"]


def filled(command: list[str], state: Path, out: Path) -> list[str]:
    """Return a container's command with this machine's paths, and the default of each variable."""
    text = "\n".join(command)
    text = re.sub(r"\$\{HITONLY_NAME:-([^}]*)\}", r"\1", text)
    return text.replace("/var/lib/hitonly", str(state)).replace("=/certificate", f"={out}").splitlines()


def test_the_commands_of_the_service_do_what_the_file_wants_of_them(tmp_path: Path) -> None:
    """`certificate`, then `serve` behind it: the authority is one, and it vouches for the name."""
    state, out = tmp_path / "state", tmp_path / "certificate"
    out.mkdir()
    run = CliRunner().invoke(app, filled(SERVICES["certificate"]["command"], state, out))
    assert run.exit_code == 0, run.output
    known = (state / "ca.pem").read_bytes()
    context = ssl.create_default_context(cafile=str(state / "ca.pem"))
    context.load_cert_chain(out / "server.pem", out / "server.key")
    assert (out / "server.key").stat().st_mode & 0o077 == 0
    options = filled(SERVICES["api"]["command"], state, out)
    kept = [each for each in options[1:] if not each.startswith(("--state", "--database-url", "--tls"))]
    office = serve(state, 0, *kept)
    office.stop()
    assert (state / "ca.pem").read_bytes() == known
    again = CliRunner().invoke(app, filled(SERVICES["certificate"]["command"], state, out))
    assert again.exit_code == 0, "at the next start a new certificate takes the old one's place"


def test_a_name_on_the_command_line_is_in_the_certificate_and_in_the_address(tmp_path: Path) -> None:
    """An image that listens on all addresses says how it is reached, and keeps what the file says of TLS."""
    file = tmp_path / "service.toml"
    file.write_text('[tls]\nauthority = "/etc/hitonly/root.pem"\n')
    given = {"tls": {"mode": "local", "names": ["plates.example"]}, "host": "0.0.0.0", "state": tmp_path}
    settings = load_settings(file, **given)
    assert settings.url == "https://plates.example:8443"
    assert str(settings.tls.authority) == "/etc/hitonly/root.pem", "the command line goes over it key by key"


def test_a_unit_in_a_container_can_write_where_its_configuration_lies() -> None:
    """The root is read-only: the configuration that `setup` writes is in the volume, and `run` reads it there."""
    command = re.findall(r'^CMD \["run", "--config", "([^"]+)"\]', DOCKERFILE, re.MULTILINE)
    (volume,) = SERVICES["edge"]["volumes"]
    assert command == [f"{volume.partition(':')[2]}/edge.toml"]
    assert f"setup --config {command[0]}" in (ROOT / "compose.yaml").read_text()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Run the service as the image does, with a name."""
    office = serve(tmp_path / "state", 0, "--name", "plates.example", "--host", "127.0.0.1")
    yield office
    if office.process.poll() is None:
        office.stop()


def test_the_images_health_check_works_as_it_is_written(office: Office) -> None:
    """The line of the Dockerfile, run against a real service: 0 while it lives, not 0 when it is gone."""
    match = re.search(r'HEALTHCHECK .*?"-c", "(.*?)"\]', DOCKERFILE, re.DOTALL)
    assert match
    code = match[1].replace("\\\n", "").replace("8443", office.url.rsplit(":", 1)[1])
    command = [sys.executable, "-c", code]
    for _ in range(60):
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            break
        time.sleep(0.5)
    else:
        pytest.fail("asked again and again while it starts, as a container's runtime does")
    office.stop()
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
