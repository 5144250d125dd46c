"""The load's own measuring: times count from when a request was due, and what is not answered is not left out."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from benchmarks.fixtures.postgres import BIN
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.results import failed_checks
from benchmarks.harness.runner import Bench
from benchmarks.load import load_client, load_report
from benchmarks.load.load_client import Ask, Heard, Lane, at_rate, together

ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


def ask(kind: str = "x") -> Ask:
    """Return a request that a 204 answers."""
    return Ask(kind, lambda: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", lambda status, _: status == 204)


def against(
    answer: Callable[[asyncio.StreamWriter, int], Awaitable[None]],
    load: Callable[[list[Lane]], Awaitable[dict[str, Heard]]],
) -> dict[str, Heard]:
    """Run some load over two connections to a server that answers its nth request so; return what came of it."""
    writers: list[asyncio.StreamWriter] = []
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while request := await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            requests.append(request)
            await answer(writer, len(requests))

    async def story() -> dict[str, Heard]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        lanes = [
            Lane(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", number) for number in range(2)
        ]
        async with server:
            heard = await load(lanes)
            for lane in lanes:
                lane.close()
            for writer in writers:
                writer.close()
                await writer.wait_closed()
        return heard

    return asyncio.run(story())


async def well(writer: asyncio.StreamWriter, _: int) -> None:
    """Answer at once."""
    writer.write(ANSWER)


async def every_third_wrong(writer: asyncio.StreamWriter, number: int) -> None:
    """Answer every third request with an error."""
    writer.write(ANSWER.replace(b"204 No Content", b"500 Wrong") if number % 3 == 0 else ANSWER)


async def never(_writer: asyncio.StreamWriter, _: int) -> None:
    """Do not answer."""


def test_answers_are_counted_and_wrong_ones_are_told_apart() -> None:
    """Thirty requests at their times: each is answered, every third wrongly."""
    due = [(number / 1000, ask()) for number in range(30)]
    heard = against(every_third_wrong, lambda lanes: at_rate(lanes[:1], due, 0.1))["x"]
    assert (len(heard.seconds), heard.wrong, heard.unanswered, heard.answered) == (30, 10, 0, 20)


def test_a_service_that_says_nothing_is_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests without an answer count with their age, the queued ones too: none is left out of the times."""
    monkeypatch.setattr(load_client, "GRACE_S", 0.3)
    due = [(0.0, ask()) for _ in range(5)]
    heard = against(never, lambda lanes: at_rate(lanes[:1], due, 0.1))["x"]
    assert (heard.unanswered, heard.answered) == (5, 0)
    assert min(heard.seconds) >= 0.3


def test_a_connection_that_breaks_is_a_wrong_answer_and_the_next_is_made_anew() -> None:
    """Nothing hangs when the service ends a connection."""

    async def close_first(writer: asyncio.StreamWriter, number: int) -> None:
        if number == 1:
            writer.close()
        else:
            writer.write(ANSWER)

    due = [(number / 100, ask()) for number in range(4)]
    heard = against(close_first, lambda lanes: at_rate(lanes[:1], due, 0.1))["x"]
    assert (heard.wrong, heard.answered) == (1, 3)


def test_asking_ends_when_there_is_nothing_to_ask() -> None:
    """A supply of requests that runs out ends the stretch early."""
    left = [ask("x"), ask("y")]
    heard = against(well, lambda lanes: together(lanes, lambda: left.pop() if left else None, 60))
    assert {kind: each.answered for kind, each in heard.items()} == {"x": 1, "y": 1}


@pytest.mark.system(str(BIN / "initdb"))
def test_a_short_load_is_answered_and_costs_what_it_says() -> None:
    """A real service with two workers on PostgreSQL: every answer is right, every kind has its figures."""
    part = load_report.run(Bench(Reading(), short=True))
    assert not failed_checks({"environment": {"short": True}, "parts": {"load": part}})
    values = {figure["key"]: figure["value"] for figure in part["figures"]}
    assert all(values[f"load.{kind}.rate"] > 0 for kind in ("poll", "heartbeat", "hit", "batch"))
    assert all(values[f"load.{kind}.cpu"] > 0 for kind in ("poll", "heartbeat", "hit", "batch"))
    assert values["load.memory_after"] > 2**20
