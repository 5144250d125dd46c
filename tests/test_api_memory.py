"""After a hit's destruction its key, plate and crop are not in the service's memory, searched from outside (R8)."""

import base64
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from api.accounts.people import Role
from benchmarks.harness.memory_scan import Coverage, Pattern, Scanner, search_process
from hitonly_core import allocator
from protocol.hit import Hit
from tests.api_kit import PLATE, Box, Desk, entry_of, make_entry, make_hit
from tests.postgres_kit import BIN, Cluster
from tests.workers_kit import cookie_of, served

SEEN = "QX99WVU"
"""Read by the camera, and on no list."""
REASON = {"purpose": "review-alert", "case_number": "30-4711"}
HITS = 3
"""What one hit's memory is used for again is chance; of several, something is left where nothing is overwritten."""
WORSE = "from api.core import memory; memory.renew = memory.let_go = lambda: None"
"""A service that overwrites nothing: what the search must find."""
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root looks into a process that cannot be dumped"
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system(str(BIN / "initdb")))])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Return a department at the real time, on each kind of database, with an entry and a published list."""
    cluster = Cluster() if request.param == "postgresql" else None
    desk = Desk(tmp_path / "state", **({"database_url": cluster.database()} if cluster else {}))
    desk.join("dora", Role.REVIEWER)
    desk.clock.now = datetime.now(UTC)
    desk.approve(entry_of(desk.clock.now))
    yield desk
    desk.service.close()
    if cluster:
        cluster.stop()


def reviewed(desk: Desk, box: Box, client: httpx.Client) -> tuple[Hit, bytes]:
    """Deliver a hit and look at all of it, as a reviewer does; return it and its key."""
    hit = make_hit(read=SEEN, entry=make_entry(), captured=datetime.now(UTC))
    box.client, box.clock.now = client, datetime.now(UTC)
    assert box.deliver(box.sealed(hit)).json()["results"][0]["status"] == "stored"
    path, dora = f"/hits/{hit.id}", cookie_of(desk, "dora")
    assert client.post(f"{path}/open", data=REASON, headers=dora).status_code == 303
    assert client.get(f"{path}/crop.jpg", headers=dora).content == hit.crop_jpeg
    reading = {"plate": PLATE, "region": "GB", "sure": "yes"}
    assert client.post(f"{path}/reading", data=reading, headers=dora).status_code == 303
    assert SEEN in client.get(path, headers=dora).text
    key = desk.service.vault._key(str(hit.id))
    destroyed = client.post(
        f"{path}/disposition", data={"disposition": "misread", "sure": "yes"}, headers=dora
    )
    assert destroyed.status_code in {200, 303}
    assert client.get(path, headers=dora).status_code == 410
    return hit, key


def left(desk: Desk, pid: int, hit: Hit, key: bytes) -> tuple[set[str], bool]:
    """Search a process; return which forms of the hit it holds, and whether the search sees what must be there."""
    crop = hit.crop_jpeg[len(hit.crop_jpeg) // 2 :]
    secret = (desk.settings.state / "secret.key").read_bytes()
    texts = {name: SEEN.encode(name) for name in ("ascii", "utf-16-le", "utf-32-le")}
    forms = {"key": key, "crop": crop[:48], **texts}
    forms |= {f"crop base64 {n}": base64.b64encode(crop[n : n + 48])[4:-4] for n in range(3)}
    patterns = [Pattern(content, 0, form) for form, content in forms.items()]
    coverage = Coverage()
    found = search_process(pid, Scanner([*patterns, Pattern(secret, 1, "control")]), coverage)
    names = {one.form for one in found}
    return names - {"control"}, "control" in names and coverage.scanned > 0


def after_destruction(desk: Desk, before: str = "", *, rounds: int = 1, pause: float = 0) -> set[str]:
    """Run a service, end hits in it, and return what of them is still in memory, looking again after each pause."""
    with served(desk, workers=1, before=before) as running:
        box = desk.box()
        with httpx.Client(base_url=running.url, timeout=60) as client:
            for _ in range(300):
                with suppress(httpx.TransportError):
                    client.get("/healthz")
                    break
                time.sleep(0.1)
            hits = [reviewed(desk, box, client) for _ in range(HITS)]
        forms: set[str] = set()
        for _ in range(rounds):
            time.sleep(pause)
            searched = [left(desk, running.pid, hit, key) for hit, key in hits]
            assert all(seen for _, seen in searched), (
                "the positive control: a key that the service holds is found"
            )
            forms = {form for found, _ in searched for form in found}
            if not forms:
                break
        return forms


def test_a_destroyed_hit_is_not_in_the_services_memory(desk: Desk) -> None:
    """Once what is freed late is freed: no key, no plate as read, no crop."""
    assert after_destruction(desk, rounds=15, pause=3) == set()


def test_the_search_finds_it_in_a_service_that_overwrites_nothing(desk: Desk) -> None:
    """The same search, the same acts, the allocator as Python and glibc come: something of a hit is left."""
    assert after_destruction(desk, WORSE)


@pytest.mark.system(str(BIN / "initdb"))
def test_parent_and_workers_are_hardened(tmp_path: Path) -> None:
    """No core file, freed memory overwritten: as the kernel tells of the parent and of each worker."""
    cluster = Cluster()
    desk = Desk(tmp_path / "state", database_url=cluster.database())
    with served(desk) as running, httpx.Client(base_url=running.url) as client:
        for _ in range(300):
            with suppress(httpx.TransportError):
                client.get("/healthz")
                break
            time.sleep(0.1)
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        workers = [pid for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
        assert len(workers) == 2
        for pid in (str(running.pid), *workers):
            limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
            core = next(line.split() for line in limits if line.startswith("Max core file size"))
            assert core[4:6] == ["0", "0"]
            # glibc ends each of its settings with a zero byte, in place, when it has read them
            environment = Path(f"/proc/{pid}/environ").read_bytes().replace(b"\0", b":")
            assert all(
                f"{name}={value}:".encode() in environment for name, value in allocator.OVERWRITING.items()
            )
    desk.service.close()
    cluster.stop()


def test_a_hardened_process_cannot_be_looked_into_by_its_user() -> None:
    """PR_GET_DUMPABLE, asked before and after; only root reads the memory then."""
    ask = "import ctypes; ask = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)"
    code = f"{ask}; before = ask(); from api.core import memory; memory.harden(); print(before, ask())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["1", "0"]


def test_the_keys_database_keeps_no_connection(tmp_path: Path) -> None:
    """SQLite's pages go with the connection that read them."""
    desk = Desk(tmp_path / "state")
    folder = os.path.realpath(desk.settings.state / "hit-keys.sqlite3")
    box = desk.box()
    desk.approve(make_entry())
    box.deliver(box.sealed(make_hit()))
    held = [os.path.realpath(path) for path in Path("/proc/self/fd").iterdir()]
    assert folder not in held
    with closing(sqlite3.connect(folder)) as database:
        assert database.execute("SELECT count(*) FROM hit_keys").fetchone() == (1,)
    desk.service.close()
