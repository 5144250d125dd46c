"""Carries sealed hits to the department, and deletes each when the department's signed word for it is here.

Delivery is idempotent: a hit is sent again until its acknowledgement verifies, and the service keeps one. A
hit that the service refuses stays on the spool, is named in the report, and does not hold up the others.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from edge.ack import AckError, read_acknowledgement
from edge.clock import NS, Clock
from edge.department import Link
from edge.errors import LinkError, StorageError
from edge.spool import Spool
from hotlist.keys import VerifyKey

BATCH: Final = 16
_FIRST_WAIT_NS: Final = NS
_LONGEST_WAIT_NS: Final = 60 * NS
_REFUSED_WAIT_NS: Final = 600 * NS
_TURN_NS: Final = 10 * NS


@dataclass(slots=True)
class Courier:
    """Delivers the spool; `work` is called often and does something when it is time.

    Attributes:
        spool: where sealed hits wait.
        link: the way to the service.
        service: the key that acknowledgements are signed with.
        clock: boot time, for the pauses.
        say: is told of trouble and its end, in sentences without plates.
        delivered: hits acknowledged so far.
        refused: hits that the service refuses, with when to try again.
    """

    spool: Spool
    link: Link
    service: VerifyKey
    clock: Clock
    say: Callable[[str], None]
    delivered: int = 0
    refused: dict[UUID, int] = field(default_factory=dict)
    _wait_ns: int = 0
    _next_ns: int = 0

    def work(self) -> None:
        """Deliver what waits, when it is time, for ten seconds at most: cancelled entries arrive between (R7).

        Trouble makes the next try later, up to a minute.
        """
        now = self.clock.boot_ns()
        if now < self._next_ns:
            return
        waiting = [each for each in self.spool.pending() if self.refused.get(each[0], 0) <= now]
        try:
            for first in range(0, len(waiting), BATCH):
                self._deliver(waiting[first : first + BATCH], now)
                if self.clock.boot_ns() - now > _TURN_NS:
                    break
        except (LinkError, StorageError) as problem:
            if not self._wait_ns:
                self.say(f"hits wait on the spool: {problem}")
            self._wait_ns = min(max(2 * self._wait_ns, _FIRST_WAIT_NS), _LONGEST_WAIT_NS)
            self._next_ns = now + self._wait_ns
        else:
            if self._wait_ns:
                self.say("the department is reached again")
            self._wait_ns = 0

    def _deliver(self, batch: Sequence[tuple[UUID, Path]], now: int) -> None:
        """Deliver one batch.

        Raises:
            LinkError: the service cannot be reached or refuses the whole request.
            StorageError: an acknowledged hit cannot be removed.
        """
        envelopes = [_read(path) for _, path in batch]
        # What a dying disk made of an envelope may be no text: the service refuses it by itself, not the batch.
        texts = [envelope.decode("ascii", "replace") for envelope in envelopes]
        body = json.dumps({"envelopes": texts}).encode()
        answer = self.link.json("POST", "/v1/hits", body)
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list) or len(results) != len(batch):
            raise LinkError("the department's answer does not fit the request")
        for (hit, _), envelope, result in zip(batch, envelopes, results, strict=True):
            self._settle(hit, envelope, result, now)

    def _settle(self, hit: UUID, envelope: bytes, result: object, now: int) -> None:
        """Delete an acknowledged hit; set a refused one aside for a while."""
        ack = result.get("ack") if isinstance(result, dict) else None
        try:
            acknowledged = read_acknowledgement(
                ack, envelope=envelope, device=self.link.device, key=self.service
            )
        except AckError as problem:
            if hit not in self.refused:
                self.say(f"hit {hit} stays on the spool: {_reason(result) or problem}")
            self.refused[hit] = now + _REFUSED_WAIT_NS
            return
        self.spool.remove(acknowledged)
        self.refused.pop(hit, None)
        self.delivered += 1


def _read(path: Path) -> bytes:
    """Return an envelope; nothing where it cannot be read, which the service refuses."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _reason(result: object) -> str:
    """Return the title of a problem document, if the service sent one."""
    problem = result.get("problem") if isinstance(result, dict) else None
    return str(problem.get("title", "refused")) if isinstance(problem, dict) else ""
