"""Carries sealed hits to the department, and deletes each when the department's signed word for it is here.

Delivery is idempotent: a hit is sent again until its acknowledgement verifies, and the service keeps one. No
hit holds up the others:

- one that the service refuses for good (malformed, matched against a list that was not in force, of a revoked
  box) is set aside, said once, and forgotten by its deadline (`edge.department.spool`); a person may have it
  offered again;
- one that the service cannot take now, or acknowledges with another key, waits ten minutes for its next try.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final
from uuid import UUID

from edge.department.link import Link
from edge.department.spool import REFUSED_KEPT, REFUSED_MOST, Spool
from edge.errors import LinkError, RevokedError, StorageError
from hitonly_core.clock import NS, Clock
from hitonly_core.keys import VerifyKey
from hitonly_core.wall_clock import ClockState, clock_state
from protocol.acknowledgement import AckError, read_acknowledgement
from protocol.messages import HITS_PATH

BATCH: Final = 16
_FIRST_WAIT_NS: Final = NS
_LONGEST_WAIT_NS: Final = 60 * NS
_LATER_NS: Final = 600 * NS
_TIDY_NS: Final = 60 * NS
_TURN_NS: Final = 10 * NS
_WORDS: Final = 80


@dataclass(slots=True)
class Courier:
    """Delivers the spool; `work` is called often and does something when it is time.

    Attributes:
        spool: where sealed hits wait.
        link: the way to the service.
        service: the key that acknowledgements are signed with.
        clock: boot time for the pauses, the wall clock for the deadline of refused hits.
        say: is told of trouble and its end, in sentences without plates.
        state: says whether the wall clock can be believed.
        delivered: hits acknowledged so far.
        refused: hits set aside so far, because the service refuses them for good.
        forgotten: refused hits whose deadline came so far.
        later: hits that the service could not take, with when to try again.
        trouble: what keeps hits from the department now, or empty.
    """

    spool: Spool
    link: Link
    service: VerifyKey
    clock: Clock
    say: Callable[[str], None]
    state: Callable[[], ClockState] = clock_state
    delivered: int = 0
    refused: int = 0
    forgotten: int = 0
    later: dict[UUID, int] = field(default_factory=dict)
    trouble: str = ""
    _wait_ns: int = 0
    _next_ns: int = 0
    _tidy_ns: int = 0
    _stuck: bool = False

    def work(self) -> None:
        """Deliver what waits, when it is time, for ten seconds at most: cancelled entries arrive between (R7).

        Trouble makes the next try later, up to a minute.
        """
        now = self.clock.boot_ns()
        self._tidy(now)
        if now < self._next_ns:
            return
        self._offer([each for each in self.spool.pending() if self.later.get(each[0], 0) <= now], now)

    def offer_refused(self) -> None:
        """Offer what was set aside once more, because a person asks; its deadline stays."""
        self._offer(list(self.spool.refused()), self.clock.boot_ns())

    def _offer(self, hits: Sequence[tuple[UUID, Path]], now: int) -> None:
        """Deliver hits batch by batch; trouble is said once, and its end too."""
        try:
            for first in range(0, len(hits), BATCH):
                self._deliver(hits[first : first + BATCH], now)
                if self.clock.boot_ns() - now > _TURN_NS:
                    break
        except (LinkError, StorageError) as problem:
            if not self._wait_ns:
                self.say(f"hits wait on the spool: {problem}")
            self.trouble = str(problem)
            self._wait_ns = min(max(2 * self._wait_ns, _FIRST_WAIT_NS), _LONGEST_WAIT_NS)
            self._next_ns = now + self._wait_ns
        else:
            if self._wait_ns:
                self.say("the department is reached again")
            self.trouble, self._wait_ns = "", 0

    def _deliver(self, batch: Sequence[tuple[UUID, Path]], now: int) -> None:
        """Deliver one batch.

        Raises:
            LinkError: the service cannot be reached or refuses the whole request.
            StorageError: a hit cannot be removed, or set aside.
        """
        envelopes = [_read(path) for _, path in batch]
        # What a dying disk made of an envelope may be no text: the service refuses it by itself, not the batch.
        texts = [envelope.decode("ascii", "replace") for envelope in envelopes]
        body = json.dumps({"envelopes": texts}).encode()
        try:
            answer = self.link.json("POST", HITS_PATH, body)
        except RevokedError:
            self._set_aside((hit for hit, _ in batch), "this box is revoked")
            return
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list) or len(results) != len(batch):
            raise LinkError("the department's answer does not fit the request")
        for (hit, _), envelope, result in zip(batch, envelopes, results, strict=True):
            self._settle(hit, envelope, result, now)

    def _settle(self, hit: UUID, envelope: bytes, result: object, now: int) -> None:
        """Delete an acknowledged hit; set aside a refused one; leave another for a while.

        Raises:
            StorageError: the disk refuses.
        """
        if _refuses_for_good(result):
            self._set_aside([hit], _reason(result))
            return
        ack = result.get("ack") if isinstance(result, dict) else None
        try:
            acknowledged = read_acknowledgement(
                ack, envelope=envelope, device=self.link.device, key=self.service
            )
        except AckError as problem:
            if hit not in self.later:
                self.say(f"hit {hit} stays on the spool: {_reason(result) or problem}")
            self.later[hit] = now + _LATER_NS
            return
        self.spool.remove(acknowledged)
        self.later.pop(hit, None)
        self.delivered += 1

    def _set_aside(self, hits: Iterable[UUID], why: str) -> None:
        """Set hits aside that the department will never take, and say so: none is lost in silence.

        Raises:
            StorageError: the disk refuses.
        """
        for hit in hits:
            self.later.pop(hit, None)
            words = f"the department refuses hit {hit}: {why}"
            if self.spool.set_aside(hit, self.clock.utc()):
                self.refused += 1
                words += f"; kept for {REFUSED_KEPT.days} days, then forgotten"
            self.say(words)

    def _tidy(self, now: int) -> None:
        """Forget the refused hits whose deadline has come, once a minute; a disk that refuses is asked again."""
        if now < self._tidy_ns:
            return
        self._tidy_ns = now + _TIDY_NS
        try:
            sure = self.state() is ClockState.SYNCHRONISED
            forgotten = self.spool.forget_refused(self.clock.utc(), sure=sure)
        except StorageError as problem:
            if not self._stuck:
                self.say(f"refused hits stay: {problem}")
            self._stuck = True
            return
        self._stuck = False
        if forgotten:
            self.forgotten += forgotten
            kept = f"kept for {REFUSED_KEPT.days} days, {REFUSED_MOST} at most"
            self.say(f"refused hits forgotten: {forgotten} ({kept})")


def _read(path: Path) -> bytes:
    """Return an envelope; nothing where it cannot be read, which the service refuses."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _problem(result: object) -> dict[str, object]:
    """Return the problem document of one hit, if the service sent one."""
    problem = result.get("problem") if isinstance(result, dict) else None
    return problem if isinstance(problem, dict) else {}


def _refuses_for_good(result: object) -> bool:
    """Whether the service says that this hit is at fault (4xx), and not that it cannot take it now."""
    status = _problem(result).get("status")
    if not isinstance(status, int) or status == HTTPStatus.TOO_MANY_REQUESTS:
        return False
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR


def _reason(result: object) -> str:
    """Return the title of a problem document, in a few printable words; empty if there is none."""
    title = _problem(result).get("title")
    words = str(title) if title else ""
    return "".join(letter if letter.isprintable() else " " for letter in words)[:_WORDS]
