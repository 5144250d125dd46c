"""The examples with curl that docs/ shows, run against a real server over TLS."""

import json
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyotp
import pytest

from api.accounts import people
from api.accounts.people import Application, Role
from api.core.service import open_service
from api.core.settings import Settings
from tests.api_kit import PASSWORD

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.system("curl")
BLOCK = re.compile(r"<!-- curl: (\S+) -->\n\n((?:    .*\n|\n(?=    ))+)")
SCRIPTS = {
    name: re.sub(r"^    ", "", block, flags=re.MULTILINE)
    for page in ("administrator.md", "editor.md")
    for name, block in BLOCK.findall((ROOT / "docs" / page).read_text())
}
FEED = "Plate,State,Reason,Case Number,Expiration Date\nAB12345,NH,stolen vehicle,30-1,{until}\n"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """Start a server, make its first person, and return a folder and the environment of the examples."""
    folder = tmp_path_factory.mktemp("docs")
    line = [
        sys.executable,
        "-c",
        "from api.cli import main; main()",
        "serve",
        "--state",
        str(folder / "state"),
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*line, "--port", "0", "--tls", "local"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().split()[-1]
            link = Path(process.stdout.readline().split()[-1])
            token = link.read_text().strip().rpartition("/")[2]
            until = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}"
            (folder / "feed.csv").write_text(FEED.format(until=until))
            given = {
                "SERVICE": url.replace("127.0.0.1", "localhost"),
                "CURL_CA_BUNDLE": str(folder / "state" / "ca.pem"),
                "NAME": "ada",
                "PASSWORD": PASSWORD,
                "CODE": join(folder / "state", token),
                "UNTIL": until,
                "POLICY": "c" * 64,
            }
            wait(given["SERVICE"], folder / "state" / "ca.pem")
            yield folder, {"PATH": os.environ["PATH"], "HOME": str(folder), **given}
        finally:
            process.terminate()


def join(state: Path, token: str = "", name: str = "ada") -> str:
    """Set a person's account up, an editor's where there is no token; return an unused code."""
    service = open_service(Settings(state=state))
    try:
        token = token or people.invite(service, frozenset({Role.EDITOR}), "service")
        offered = people.open_invitation(service, token)
        totp = pyotp.TOTP(offered.secret)
        now = datetime.now(UTC)
        people.accept(
            service, token, Application(name, name.title(), PASSWORD, totp.at(now)), offered.browser
        )
        return totp.at(now + timedelta(seconds=30))
    finally:
        service.close()


def wait(url: str, authority: Path) -> None:
    """Wait until the service answers."""
    for _ in range(600):
        try:
            httpx.get(f"{url}/sign-in", verify=ssl.create_default_context(cafile=str(authority)))
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        return
    raise TimeoutError("the service does not answer")


def run(shell: tuple[Path, dict[str, str]], name: str) -> str:
    """Run one example as it stands in the docs; return what it prints."""
    folder, environment = shell
    line = ["bash", "-euo", "pipefail", "-c", SCRIPTS[name]]
    found = subprocess.run(
        line, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_the_examples_do_what_the_pages_say(shell: tuple[Path, dict[str, str]]) -> None:
    """Sign in, register a device, invite; and as an editor sign in, propose, import and put forward."""
    assert set(SCRIPTS) == {"sign-in", "administer", "propose", "import"}
    run(shell, "sign-in")
    cookies = shell[0] / "session.txt"
    assert "__Host-session" in cookies.read_text()
    assert cookies.stat().st_mode & 0o077 == 0
    said = run(shell, "administer")
    assert '"code":"' in said
    assert "/welcome/" in said
    environment = {**shell[1], "NAME": "eve", "CODE": join(shell[0] / "state", name="eve")}
    shell = shell[0], environment
    run(shell, "sign-in")
    first, second = run(shell, "propose"), run(shell, "propose")
    assert json.loads(first) == json.loads(second), "asked twice with one key"
    assert json.loads(run(shell, "import"))["draft"] is False
