"""How often one address may ask, over all workers, and what strangers can make the service write."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from api import upkeep
from api.accounts.people import Role
from api.core.errors import TooManyError
from api.core.rate_limits import Rate
from api.core.service import open_service
from api.db.models import AuditRow, RateRow
from tests.api_kit import Desk
from tests.postgres_kit import BIN, Cluster

ROOT = Path(__file__).resolve().parents[1]
POSTGRES = pytest.param("postgresql", marks=pytest.mark.system(str(BIN / "initdb")))
BOTH = pytest.mark.parametrize("kind", ["sqlite", POSTGRES])


@pytest.fixture
def url(kind: str) -> Iterator[str | None]:
    """Return the URL of an empty database of each kind; None is SQLite in the state folder."""
    if kind == "sqlite":
        yield None
        return
    cluster = Cluster()
    yield cluster.database()
    cluster.stop()


def taken(rate: Rate, address: str) -> bool:
    """Ask once; whether it was let through."""
    try:
        rate.take(address)
    except TooManyError:
        return False
    return True


@BOTH
def test_four_services_at_once_let_through_what_one_would(tmp_path: Path, url: str | None) -> None:
    """Four engines on one database, eight threads: exactly the limit, whoever counts."""
    desk = Desk(tmp_path / "state", database_url=url)
    services = [open_service(desk.settings, desk.clock, desk.clock.boot) for _ in range(4)]
    rates = [Rate(service, "test", 25) for service in services]
    with ThreadPoolExecutor(8) as pool:
        let = list(pool.map(lambda number: taken(rates[number % 4], "192.0.2.1"), range(80)))
    assert sum(let) == 25
    for service in (*services, desk.service):
        service.close()


@contextmanager
def serving(state: Path, url: str | None) -> Iterator[str]:
    """Run one service process of its own; yield its address."""
    line = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--state", str(state)]
    line += ["--port", "0", *(["--database-url", url] if url else [])]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().split()[-1]
            for _ in range(600):
                try:
                    httpx.get(address + "/sign-in")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield address
        finally:
            process.terminate()


@BOTH
def test_two_real_processes_count_together(tmp_path: Path, url: str | None) -> None:
    """Sixty wrong sign-ins over two processes: about twenty are looked at, not forty."""
    Desk(tmp_path / "state", database_url=url).service.close()
    form = {"name": "nobody", "password": "x", "code": "0"}
    with ExitStack() as stack:
        addresses = [stack.enter_context(serving(tmp_path / "state", url)) for _ in range(2)]
        began = time.monotonic()
        answers = Counter(
            (number % 2, httpx.post(addresses[number % 2] + "/sign-in", data=form, timeout=60).status_code)
            for number in range(60)
        )
        minutes = (time.monotonic() - began) / 60
    looked = answers[0, 401] + answers[1, 401]
    assert min(answers[0, 401], answers[1, 401]) > 0, "one process took no part"
    assert 20 <= looked <= 20 + 21 * minutes
    assert looked + answers[0, 429] + answers[1, 429] == 60


def test_the_window_slides_and_refused_requests_are_not_counted(tmp_path: Path) -> None:
    """Half a minute later half of the minute before still counts; knocking on does not shut the door longer."""
    desk = Desk(tmp_path / "state")
    rate = Rate(desk.service, "test", 10)
    assert [taken(rate, "192.0.2.1") for _ in range(12)] == [True] * 10 + [False] * 2
    desk.clock.move(seconds=90)
    assert sum(taken(rate, "192.0.2.1") for _ in range(12)) == 5
    desk.clock.move(seconds=120)
    assert sum(taken(rate, "192.0.2.1") for _ in range(12)) == 10
    desk.service.close()


def test_addresses_count_by_themselves_and_a_network_of_ipv6_counts_as_one(tmp_path: Path) -> None:
    """Nobody escapes by the 2^64 addresses of their own house, and nobody uses up another's attempts."""
    desk = Desk(tmp_path / "state")
    rate = Rate(desk.service, "test", 1)
    assert taken(rate, "192.0.2.1")
    assert not taken(rate, "::ffff:192.0.2.1")
    assert taken(rate, "192.0.2.2")
    assert taken(rate, "2001:db8::1")
    assert not taken(rate, "2001:db8::2:3:4")
    assert taken(rate, "2001:db8:0:1::1")
    assert b"192.0.2.1" not in desk.dump()
    desk.service.close()


def test_many_wrong_sign_ins_from_one_place_keep_nobody_else_out(tmp_path: Path) -> None:
    """The limit is the address's: an account is held only by R13's lock, which five real failures set."""
    desk = Desk(tmp_path / "state", limits={"sign_in_per_minute": 4})
    desk.join("dora", Role.REVIEWER)
    form = {"name": "dora", "password": "wrong", "code": "0"}
    codes = [desk.client().post("/sign-in", data=form).status_code for _ in range(12)]
    assert codes == [401] * 4 + [429] * 8
    assert "person.lock" not in desk.acts()
    desk.service.close()


def test_the_counts_are_dropped_when_their_minutes_are_over(tmp_path: Path) -> None:
    """Nothing about an address is kept longer than two minutes."""
    desk = Desk(tmp_path / "state")
    Rate(desk.service, "test", 1).take("192.0.2.1")
    upkeep.clean(desk.service)
    assert desk.count(RateRow) == 1
    desk.clock.move(minutes=3)
    upkeep.clean(desk.service)
    assert desk.count(RateRow) == 0
    desk.service.close()


def test_a_stranger_cannot_fill_the_log(tmp_path: Path) -> None:
    """Refusals are recorded one by one up to a number a minute; the last line says that more follow."""
    desk = Desk(tmp_path / "state", limits={"refused_per_minute": 5})
    client = desk.client()
    for _ in range(30):
        assert client.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert client.post("/v1/hits", content=b"{}").status_code == 401
    assert len(desk.acts()) == 5
    with desk.service.database.read() as session:
        last = session.get_one(AuditRow, 5)
    assert last.result.endswith("more of this minute are not recorded")
    desk.clock.move(minutes=2)
    client.post("/v1/hits", content=b"{}")
    assert len(desk.acts()) == 6
    desk.service.close()


def test_a_refusals_record_names_no_token(tmp_path: Path) -> None:
    """A one-time link in a path that is refused stays out of the log, which others may read."""
    desk = Desk(tmp_path / "state")
    client = desk.client()
    for path in ("/welcome/a-one-time-token", "/ZQ57KPX", "/\u202eevil", "/a%00b"):
        assert client.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    with desk.service.database.read() as session:
        objects = [row.object for row in session.query(AuditRow).order_by(AuditRow.seq)]
    assert objects == ["/welcome", "", "", ""]
    desk.service.close()
