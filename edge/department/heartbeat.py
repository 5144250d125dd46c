"""What the box says of itself to the department, and what it hears back: every 20 s, versions and states only.

The box sends versions, camera states, what is degraded, and its newest receipts. No count of reads is among
them: what changes with every vehicle would tell when it passed (R22). The answer names
the newest hot list, which is fetched where it is another than the last one (so a cancelled entry is gone from
the box in well under a minute, R7), and the end of the department's audit log, with the proof that it continues
the end that the box holds (edge/department/audit_memory.py): a department that cuts or rewrites its log
contradicts what its own boxes remember.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import httpx
from pydantic import ValidationError

from edge.department.audit_memory import AuditMemory
from edge.department.ledger import read_lines
from edge.department.link import Link
from edge.errors import LinkError, StorageError
from hitonly_core.clock import NS, Clock
from hitonly_core.files import write_durably
from protocol.audit_end import AuditEnd
from protocol.messages import HEARTBEAT_PATH, HOT_LIST_PATH, MAX_DEGRADED, MAX_RECEIPTS, HeldReceipt, word
from protocol.messages import Heartbeat as Message
from protocol.receipts import Anchor

PERIOD_NS: Final = 20 * NS


@dataclass(frozen=True, slots=True)
class Condition:
    """How the box is, at one moment.

    Attributes:
        software: name and version.
        models: SHA-256 of detector and reader, and of the region model where one is.
        list_version: of the hot list in use, 0 for none.
        cameras: state by camera name.
        degraded: what is not as it should be, in a few words each.
        last_receipt: number of the newest receipt, or -1.
        boot: the kernel's random name of this boot, or empty.
        boot_ms: boot time, milliseconds: it tells the department the true time of hits whose clock was not set.
    """

    software: str
    models: tuple[str, ...]
    list_version: int
    cameras: Mapping[str, str]
    degraded: tuple[str, ...]
    last_receipt: int
    boot: str = ""
    boot_ms: int = 0


@dataclass(slots=True)
class HeartbeatSender:
    """Speaks to the department when it is time; `work` is called often.

    Attributes:
        link: the way to the service.
        state: folder of receipts.
        memory: what the box remembers of the department's audit log.
        hot_list: file that a fetched list is written to.
        condition: says how the box is.
        clock: boot time, for the period.
        say: is told of trouble and its end, in sentences without plates.
    """

    link: Link
    state: Path
    memory: AuditMemory
    hot_list: Path
    condition: Callable[[], Condition]
    clock: Clock
    say: Callable[[str], None]
    _next_ns: int = field(init=False)
    _known: Anchor | None = None
    _list: str = ""
    _trouble: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self._next_ns = self.clock.boot_ns()

    def work(self) -> None:
        """Send a heartbeat when it is due; trouble is said once, and tried again at the next."""
        now = self.clock.boot_ns()
        if now < self._next_ns:
            return
        self._next_ns = now - (now - self._next_ns) % PERIOD_NS + PERIOD_NS
        try:
            self._beat()
        except (LinkError, StorageError) as problem:
            if not self._trouble:
                self.say(f"no heartbeat: {problem}")
            self._trouble = str(problem)
        else:
            self._trouble = ""

    def _beat(self) -> None:
        """Send one heartbeat and act on the answer.

        Raises:
            LinkError: the service cannot be reached, or refuses.
            StorageError: the receipts cannot be read.
        """
        condition, held = self.condition(), self.memory.held()
        answer = self.link.json("POST", HEARTBEAT_PATH, self._body(condition, held))
        try:
            receipt, newest, shown = answer["receipt"], answer["hot_list"], answer["checkpoint"]
            known = _anchor(HeldReceipt.model_validate(receipt)) if receipt else None
        except (KeyError, TypeError, ValidationError):
            raise LinkError("the department's answer is not an answer to a heartbeat") from None
        behind = known != self._known and (known.sequence if known else -1) < condition.last_receipt
        self._known = known
        self.memory.take(shown, answer.get("consistency"), held)
        if isinstance(newest, str) and newest != self._list:
            self._fetch_list()
        if behind:
            self._next_ns -= PERIOD_NS

    def _body(self, condition: Condition, held: AuditEnd | None) -> bytes:
        lines = self._receipts(condition.last_receipt)
        trouble = [self.memory.trouble] if self.memory.trouble else []
        message = Message(
            software=word(condition.software),
            models=[word(each) for each in condition.models],
            list_version=condition.list_version,
            cameras={word(name): word(state) for name, state in condition.cameras.items()},
            degraded=[word(each) for each in (*trouble, *condition.degraded)][:MAX_DEGRADED],
            boot=condition.boot,
            boot_ms=condition.boot_ms,
            receipts=[line.decode().rstrip("\n") for line in lines],
            audit_end=held.to_json() if held else None,
        )
        return message.model_dump_json().encode()

    def _receipts(self, last: int) -> Iterator[bytes]:
        """Return the receipts from the one that the department knows, if there are newer ones."""
        first = self._known.sequence if self._known else 0
        if last < 0 or (self._known and last == first):
            return iter(())
        lines = (line for line in read_lines(self.state, since=first) if _sequence(line) >= first)
        return islice(lines, MAX_RECEIPTS)

    def _fetch_list(self) -> None:
        """Fetch the newest list into the file that the box watches; the box itself decides whether to trust it.

        Raises:
            LinkError: the service cannot be reached, or the disk refuses.
        """
        answer = self.link.send("GET", HOT_LIST_PATH, headers={"If-None-Match": self._list})
        if answer.status_code == httpx.codes.OK:
            try:
                write_durably(self.hot_list, answer.content)
            except OSError as problem:
                raise LinkError(f"{self.hot_list} cannot be written: {problem.strerror}") from None
            self._list = answer.headers.get("etag", "")
        elif answer.status_code != httpx.codes.NOT_MODIFIED:
            raise LinkError(f"{self.link.url} gave no hot list ({answer.status_code})")


def _anchor(held: HeldReceipt) -> Anchor:
    return Anchor(held.sequence, held.digest)


def _sequence(line: bytes) -> int:
    """Return a receipt's number without checking it; -1 for a line that is none."""
    try:
        return int(json.loads(line)["body"]["sequence"])
    except (ValueError, KeyError, TypeError):
        return -1
