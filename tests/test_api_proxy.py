"""The service behind a real nginx: who asks is the client, not the proxy, and nobody can say that he is another."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import ValidationError
from starlette.testclient import TestClient

from api.core.settings import Settings
from api.db.engine import Database
from tests.api_kit import Desk
from tests.box_kit import ROOT
from tests.nginx_kit import PROGRAM, Nginx

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed (scripts/system-packages.sh)")
TRIES = 3
FORM = {"name": "nobody", "password": "wrong wrong wrong", "code": "000000"}


class NamedDesk(Desk):
    """A department that is reached by its public address."""

    def client(self) -> TestClient:
        """Return a browser that calls it by that address."""
        headers = {"Sec-Fetch-Site": "same-origin"}
        return TestClient(self.app, base_url=self.settings.url, headers=headers, follow_redirects=False)


@dataclass
class Site:
    """A service and the proxy before it."""

    desk: Desk
    nginx: Nginx
    direct: str
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, address: str, *, url: str = "") -> httpx.Client:
        """Return a client that comes from an address of loopback."""
        transport = httpx.HTTPTransport(verify=False, local_address=address)
        headers = {"Sec-Fetch-Site": "same-origin"}
        client = httpx.Client(
            base_url=url or self.nginx.url, transport=transport, headers=headers, timeout=60
        )
        self.clients.append(client)
        return client

    def tries(self, client: httpx.Client, times: int, headers: dict[str, str] | None = None) -> list[int]:
        """Try to sign in; return the statuses."""
        return [client.post("/sign-in", data=FORM, headers=headers or {}).status_code for _ in range(times)]


def locations(upstream: str) -> str:
    """Return what the docs' page for nginx gives, with the test's own upstream."""
    page = (ROOT / "docs" / "proxy.md").read_text()
    block = re.search(r"```nginx\n(.*?)```", page, re.DOTALL)
    assert block
    inner = block[1][block[1].index("    location") : block[1].rindex("}")]
    assert "http://127.0.0.1:8443" in inner
    return inner.replace("http://127.0.0.1:8443", upstream)


def _site(folder: Path, *trusted: str) -> Iterator[Site]:
    nginx = Nginx(folder / "nginx")
    desk = NamedDesk(
        folder / "state",
        trusted_proxies=trusted,
        public_url=nginx.url,
        limits={"sign_in_per_minute": TRIES},
    )
    server = uvicorn.Server(uvicorn.Config(desk.app, port=0, log_config=None, proxy_headers=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    direct = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    nginx.start(locations(direct))
    site = Site(desk, nginx, direct)
    yield site
    for client in site.clients:
        client.close()
    nginx.stop()
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Run a service that trusts its proxy."""
    yield from _site(tmp_path, "127.0.0.1")


@pytest.fixture
def doubting(tmp_path: Path) -> Iterator[Site]:
    """Run a service that trusts another proxy than the one before it."""
    yield from _site(tmp_path, "192.0.2.0/24")


def test_a_stranger_uses_up_his_own_attempts_only(site: Site) -> None:
    """R13: through the proxy, whatever he writes into X-Forwarded-For; the department's people still sign in."""
    stranger, person = site.client("127.0.0.2"), site.client("127.0.0.3")
    assert 429 not in site.tries(stranger, TRIES)
    assert site.tries(stranger, 1) == [429]
    for said in ("198.51.100.7", "127.0.0.1", "127.0.0.3, 127.0.0.1", ""):
        assert site.tries(stranger, 1, {"X-Forwarded-For": said}) == [429], said
    assert 429 not in site.tries(person, TRIES)


def test_who_comes_past_the_proxy_is_not_believed(site: Site) -> None:
    """Only the proxy's own address may say for whom it asks."""
    stranger = site.client("127.0.0.2", url=site.direct)
    found = [site.tries(stranger, 1, {"X-Forwarded-For": f"198.51.100.{n}"})[0] for n in range(TRIES + 1)]
    assert found[-1] == 429
    assert 429 not in found[:-1]


def test_a_proxy_that_is_not_named_is_one_client(doubting: Site) -> None:
    """The control, and the safe side: everybody behind it shares the attempts."""
    assert 429 not in doubting.tries(doubting.client("127.0.0.2"), TRIES)
    assert doubting.tries(doubting.client("127.0.0.3"), 1) == [429]


def test_an_event_passes_the_proxy_while_the_stream_is_open(site: Site) -> None:
    """The proxy's buffer does not hold it back: it is read before the service has ended the answer."""
    reviewer = site.desk.sign_in("rosa")
    cookies = dict(reviewer.cookies.items())
    with (
        site.client("127.0.0.2") as client,
        client.stream("GET", "/queue/events", cookies=cookies) as answer,
    ):
        assert answer.status_code == 200
        first = next(answer.iter_lines())
    assert first == "event: queue"


def test_a_page_behind_tls_at_the_proxy_says_so(site: Site) -> None:
    """Browsers are told to come by TLS only, as they do."""
    assert "max-age" in site.client("127.0.0.2").get("/sign-in").headers["Strict-Transport-Security"]


def test_alive_and_ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both through the proxy; a database that does not answer makes it alive but not ready."""
    client = site.client("127.0.0.2")
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    broken = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(site.desk.service.database, "read", broken.read)
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "proxy", ["", "proxy.example", "127.0.0.1:80", "10.0.0.1/8", "0.0.0.0/0", "::/0", "*"]
)
def test_what_is_no_proxy_is_refused(proxy: str, tmp_path: Path) -> None:
    """A name, a port, a network with host bits, and everybody."""
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(state=tmp_path, trusted_proxies=(proxy,))
