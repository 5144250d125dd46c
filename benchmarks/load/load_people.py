"""People who review while the load runs: each with an account, a session and a pace of their own."""

import asyncio
import html
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
import pyotp

from api.accounts import people
from api.accounts.people import Role
from api.accounts.routes.link_kit import COOKIE as LINK
from api.core.service import Service
from api.web.deps import COOKIE
from benchmarks.harness.runner import BenchError
from benchmarks.load.load_client import Heard
from benchmarks.load.load_units import REGION

PAGE: Final = "a reviewer's page"
PAUSE_S: Final = 2.0
"""Between one person's steps: a quick reader."""
_PASSWORD: Final = "long enough for one benchmark"  # noqa: S105 - of accounts that live for one run
_HEADERS: Final = {"Sec-Fetch-Site": "same-origin"}


@dataclass(slots=True)
class Person:
    """Somebody signed in."""

    client: httpx.AsyncClient = field(repr=False)
    session: str = field(repr=False)
    heard: Heard
    confirmed: int = 0

    async def step(self, method: str, path: str, **form: str) -> httpx.Response:
        """Load a page or send a form, timed."""
        since = time.perf_counter()
        try:
            answer = await self.client.request(
                method, path, data=form or None, headers={"Cookie": f"{COOKIE}={self.session}"}
            )
        except httpx.TransportError:
            answer = httpx.Response(0)
        self.heard.seconds.append(time.perf_counter() - since)
        self.heard.wrong += answer.status_code not in {200, 303, 409, 410}  # another person may be faster
        return answer

    async def review(self, plates: Mapping[str, str], chance: random.Random) -> None:
        """Take a hit from the queue, read its crop, confirm it, and say that nobody was stopped."""
        queue = await self.step("GET", "/queue")
        waiting = [hit for hit in re.findall(r'href="/hits/([0-9a-f-]{36})"', queue.text) if hit in plates]
        await asyncio.sleep(PAUSE_S)
        if not waiting:
            return
        hit = chance.choice(waiting)
        path = f"/hits/{hit}"
        opened = await self.step("POST", f"{path}/open", purpose="review-alert", case_number="1")
        if opened.status_code != 303:
            return
        await self.step("GET", path)
        await self.step("GET", f"{path}/crop.jpg")
        await asyncio.sleep(PAUSE_S)
        await self.step("POST", f"{path}/reading", plate=plates[hit], region=REGION, sure="yes")
        await self.step("GET", path)
        await asyncio.sleep(PAUSE_S)
        told = await self.step("POST", f"{path}/disposition", disposition="correct-read")
        self.confirmed += told.status_code == 303


async def join(service: Service, url: str, number: int, heard: Heard) -> list[Person]:
    """Invite so many reviewers, set their accounts up and sign them in, over the pages.

    Raises:
        BenchError: a page answered otherwise than it should.
    """
    return [await _join(service, url, f"reviewer{n}", heard) for n in range(number)]


async def _join(service: Service, url: str, name: str, heard: Heard) -> Person:
    token = people.invite(service, frozenset({Role.REVIEWER}), "service")
    client = httpx.AsyncClient(base_url=url, headers=_HEADERS, timeout=60)
    page = await client.get(f"/welcome/{token}")
    link, secret = page.cookies.get(LINK), re.search(r'class="secret">([^<]+)<', page.text)
    if link is None or secret is None:
        raise BenchError(f"the invitation's page answered {page.status_code}")
    code = pyotp.TOTP(html.unescape(secret[1]).strip()).now()
    form = {"name": name, "full_name": name, "password": _PASSWORD, "code": code}
    made = await client.post(f"/welcome/{token}", data=form, headers={"Cookie": f"{LINK}={link}"})
    recovery = re.search(r"<code>([A-Z2-7-]{27})</code>", made.text)
    if recovery is None:
        raise BenchError(f"setting an account up was answered {made.status_code}")
    form = {"name": name, "password": _PASSWORD, "code": recovery[1]}
    answer = await client.post("/sign-in", data=form)
    session = answer.cookies.get(COOKIE)
    if session is None:
        raise BenchError(f"signing in was answered {answer.status_code}")
    return Person(client, session, heard)


async def keep_reviewing(those: list[Person], plates: Mapping[str, str], seed: int) -> None:
    """Let everybody review until cancelled."""

    async def one(person: Person, chance: random.Random) -> None:
        await asyncio.sleep(chance.uniform(0, PAUSE_S))
        while True:
            await person.review(plates, chance)

    await asyncio.gather(*(one(person, random.Random(seed + n)) for n, person in enumerate(those)))
