"""What the box remembers of its department's audit log: signed ends, and any that contradict each other (R12).

At every heartbeat the department proves that its log continues the end that the box holds (RFC 9162). An end that
is unsigned, or that no log can have, is never taken. One that is signed and does not continue the held one is kept
beside it: the two together prove that the log was cut off, rewritten or restored, and the box says so until a
person on it accepts the other log (`alpr-edge accept-audit-log`), which keeps the evidence.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.errors import StorageError
from hitonly_core.files import write_durably
from hitonly_core.keys import VerifyKey
from protocol.audit_end import AuditEnd, AuditEndError
from protocol.merkle import HASH_BYTES, continues

HELD: Final = "checkpoint.json"
"""The newest end that was proven."""
DAYS: Final = "audit-ends.jsonl"
"""The last end of each day, one a line, oldest first."""
CONTRADICTIONS: Final = "audit-contradictions.jsonl"
"""Ends that do not continue the held one, each with it, one pair a line and day."""
ACCEPTED: Final = "audit-accepted.jsonl"
"""Contradictions that a person accepted."""
DAYS_MOST: Final = 400
PAIRS_MOST: Final = 16
LARGEST: Final = 1 << 18
"""No file of these is larger, bytes."""


@dataclass(slots=True)
class AuditMemory:
    """The ends that one box holds; used by one thread.

    Attributes:
        state: folder to keep them in.
        key: the department's service key.
        say: is told of a contradiction, once each time it begins.
    """

    state: Path
    key: VerifyKey
    say: Callable[[str], None]
    unproven: str = ""
    _said: str = field(default="", repr=False)

    def held(self) -> AuditEnd | None:
        """Return the newest end that was proven; the last day's where its file is torn or not signed."""
        return next(iter(self._ends(HELD) or self._ends(DAYS)[-1:]), None)

    @property
    def trouble(self) -> str:
        """What is wrong with the department's log, in a few words; empty where nothing is."""
        if _lines(self.state / CONTRADICTIONS):
            return "the department's audit log contradicts this box's: see alpr-edge check"
        return self.unproven

    def take(self, shown: object, proof: object, held: AuditEnd | None) -> None:
        """Take what a heartbeat's answer says of the log.

        Args:
            shown: the member ``checkpoint``, as it came.
            proof: the member ``consistency``, as it came.
            held: the end that the proof must start from.

        Raises:
            StorageError: the folder cannot be written.
        """
        if shown is None and held is None:
            return
        try:
            end = AuditEnd.from_json(shown)
        except AuditEndError as problem:
            self._refuse(str(problem))
            return
        if not end.signed_by(self.key):
            self._refuse("its end is not signed by the service")
            return
        if held is not None and not continues(held.seq, held.root, end.seq, end.root, _hashes(proof)):
            self._contradict(held, end)
        else:
            self._hold(held, end)

    def accept(self) -> int:
        """Go on with the newest log that contradicts the held one; keep the evidence; return how many pairs.

        Raises:
            StorageError: the folder cannot be written.
        """
        path = self.state / CONTRADICTIONS
        pairs, held = _pairs(path), self.held()
        if pairs:
            self._write(ACCEPTED, [*_lines(self.state / ACCEPTED), *_lines(path)][-DAYS_MOST:])
            if held == pairs[-1][0]:  # else the log continued the held end again meanwhile
                self._write_day(held)
                self._write(HELD, [_line(pairs[-1][1])])
        self._write(CONTRADICTIONS, [])
        return len(pairs)

    def _hold(self, held: AuditEnd | None, end: AuditEnd) -> None:
        """Keep a proven end; the last one of each day for good, as far as there is room.

        Raises:
            StorageError: the folder cannot be written.
        """
        self.unproven = self._said = ""
        if held == end:
            return  # nothing new: a box's flash memory bears only so many writes
        if held is not None and held.day != end.day:
            self._write_day(held)
        self._write(HELD, [_line(end)])

    def _contradict(self, held: AuditEnd, shown: AuditEnd) -> None:
        """Keep both ends, and say once that they contradict each other.

        Raises:
            StorageError: the folder cannot be written.
        """
        words = (
            f"the department's audit log does not continue what this box was shown: it held record {held.seq} "
            f"of {held.at}, and is shown record {shown.seq} of {shown.at}. It was cut off, rewritten or restored"
        )
        path = self.state / CONTRADICTIONS
        known = _pairs(path)
        again = any(pair[0] == held and pair[1].day == shown.day for pair in known)
        if not again and len(known) < PAIRS_MOST:
            line = json.dumps({"held": held.to_json(), "shown": shown.to_json()}, sort_keys=True)
            self._write(CONTRADICTIONS, [*_lines(path), line])
        if self._said != "contradiction":
            self.say(words)
        self._said = "contradiction"

    def _refuse(self, words: str) -> None:
        """Take nothing, and say so once."""
        self.unproven = f"department's audit log unproven: {words}"[:80]
        if self._said != words:
            self.say(self.unproven)
        self._said = words

    def _write_day(self, end: AuditEnd) -> None:
        kept = [each for each in self._ends(DAYS) if each.day != end.day]
        self._write(DAYS, [_line(each) for each in [*kept, end][-DAYS_MOST:]])

    def _ends(self, name: str) -> list[AuditEnd]:
        """Return the ends of a file that the key signed; what is torn is passed over."""
        found = []
        for line in _lines(self.state / name):
            try:
                end = AuditEnd.from_json(json.loads(line))
            except (AuditEndError, ValueError):
                continue
            if end.signed_by(self.key):
                found.append(end)
        return found

    def _write(self, name: str, lines: Sequence[str]) -> None:
        try:
            write_durably(self.state / name, "".join(f"{line}\n" for line in lines).encode())
        except OSError as problem:
            raise StorageError(f"{self.state / name} cannot be written: {problem.strerror}") from None


def _line(end: AuditEnd) -> str:
    return json.dumps(end.to_json(), sort_keys=True)


def _lines(path: Path) -> list[str]:
    """Return a file's lines; none where it is absent, too large or not text."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        return content.decode().splitlines() if len(content) <= LARGEST else []
    except (OSError, UnicodeDecodeError):
        return []


def _pairs(path: Path) -> list[tuple[AuditEnd, AuditEnd]]:
    """Return the held and the shown ends of a file's pairs; what is torn is passed over."""
    found = []
    for line in _lines(path):
        try:
            body = json.loads(line)
            found.append((AuditEnd.from_json(body["held"]), AuditEnd.from_json(body["shown"])))
        except (AuditEndError, ValueError, KeyError, TypeError):
            continue
    return found


def _hashes(proof: object) -> list[bytes]:
    """Return a proof's hashes; one that is no hash becomes one that no proof can hold."""
    if not isinstance(proof, list) or len(proof) > 2 * 64:
        return [b""]
    try:
        found = [bytes.fromhex(each) for each in proof]
    except (TypeError, ValueError):
        return [b""]
    return found if all(len(each) == HASH_BYTES for each in found) else [b""]
