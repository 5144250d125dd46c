"""A chain of receipts, checked: is every read accounted for, and is every receipt there?

`verify` reads a chain and reports, in this order for each line (docs/forgetting.md has the same numbers):

1. the line is a receipt: canonical, exactly the known members;
2. the signature is this device's;
3. the number is one more than the last, else receipts are missing (or told twice);
4. the line before is the one it names;
5. the sum holds: reads == hits + destroyed + live;
6. retention was kept: no purge later than the bound, no live read older than the window;
7. within one run nothing counts backwards;
8. to be noticed, without being a fault: a run that ended without its last receipt, silence for more than
   three minutes, a wall clock more than a second off;
9. at the end, the receipt that the department knew last is in the chain, else the end was cut off.

Pure functions, and no vision package: the department's service imports this module too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.clock import NS
from edge.receipts import FIRST, INTERVAL_NS, Anchor, Kind, Reason, Receipt, ReceiptError, digest, from_line
from hotlist.keys import VerifyKey

_SILENCE_NS: Final = 3 * INTERVAL_NS
_DRIFT_NS: Final = NS
_LAST: Final = frozenset({Reason.STOP, Reason.RETENTION})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, at one line (from 1)."""

    line: int
    kind: Kind
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a chain of receipts proves.

    Attributes:
        receipts: how many were well-formed and signed by the device.
        first: the first one's number; above 0 when older ones have been dropped.
        anchor: the last one, to be remembered for the next time; None for an empty chain.
        totals: reads, hits and destroyed over all runs.
        findings: in order; empty when all is well.
    """

    receipts: int
    first: int
    anchor: Anchor | None
    totals: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether there is no fault; what is only to be noticed does not count."""
        return not any(finding.kind.is_fault for finding in self.findings)


def verify(lines: Iterable[bytes], key: VerifyKey, *, known: Anchor | None = None) -> Verdict:
    """Check a chain of receipts, steps 1 to 9 of this module; never raises for what the lines hold.

    Args:
        lines: the lines, oldest first.
        key: the device's.
        known: the last receipt that was seen before, where somebody has kept it.
    """
    chain = _Chain(known)
    for number, line in enumerate(lines, 1):
        try:
            receipt = from_line(line, key)
        except ReceiptError as error:
            chain.note(number, error.kind, str(error))
            chain.broken(line)
            continue
        chain.add(number, line, receipt)
    return chain.verdict()


class _Chain:
    """The state of `verify` between two lines."""

    def __init__(self, known: Anchor | None) -> None:
        self._known = known
        self._seen = known is None
        self._findings: list[Finding] = []
        self._last: Receipt | None = None
        self._digest: str | None = None
        self._first, self._count, self._line = 0, 0, 0
        self._totals = {"reads": 0, "hits": 0, "destroyed": 0}

    def note(self, line: int, kind: Kind, message: str) -> None:
        """Add a finding."""
        self._findings.append(Finding(line, kind, message))
        self._line = line

    def broken(self, line: bytes) -> None:
        """Go on after a line that is no receipt; the next one names it all the same."""
        self._digest = digest(line)

    def add(self, number: int, line: bytes, receipt: Receipt) -> None:
        """Check one receipt against the one before."""
        self._line = number
        last = self._last
        for kind, message in (
            *self._order(receipt),
            *_alone(receipt),
            *(_since(last, receipt) if last else ()),
        ):
            self.note(number, kind, message)
        if last is None:
            self._first = receipt.sequence
        if last is not None and last.run.run != receipt.run.run:
            self._close_run(last)
        self._last, self._digest = receipt, digest(line)
        self._count += 1
        if self._known is not None and receipt.sequence == self._known.sequence:
            self._seen = True
            if self._digest != self._known.digest:
                self.note(number, Kind.BREAK, f"receipt {receipt.sequence} is not the one seen before")

    def verdict(self) -> Verdict:
        """Return what was found."""
        if self._last is not None:
            self._close_run(self._last)
        if not self._seen and self._known is not None:
            message = f"receipt {self._known.sequence}, seen before, is not there any more"
            self.note(self._line, Kind.CUT_OFF, message)
        anchor = Anchor(self._last.sequence, self._digest) if self._last and self._digest else None
        return Verdict(self._count, self._first, anchor, dict(self._totals), tuple(self._findings))

    def _order(self, receipt: Receipt) -> Iterable[tuple[Kind, str]]:
        """Steps 3 and 4."""
        expected = self._last.sequence + 1 if self._last else None
        if expected is not None and receipt.sequence != expected:
            yield Kind.GAP, f"receipt {receipt.sequence} where {expected} was due"
        elif self._digest is None and receipt.sequence == 0 and receipt.previous != FIRST:
            yield Kind.BREAK, "the first receipt names one before it"
        elif self._digest is not None and receipt.previous != self._digest:
            yield Kind.BREAK, f"receipt {receipt.sequence} names another line before it"

    def _close_run(self, last: Receipt) -> None:
        for name in self._totals:
            self._totals[name] += getattr(last.counts, name)


def _alone(receipt: Receipt) -> Iterable[tuple[Kind, str]]:
    """Steps 5 and 6."""
    counts = receipt.counts
    if not counts.balanced:
        yield (
            Kind.SUM,
            f"{counts.reads} reads, but {counts.hits} hits, {counts.destroyed} destroyed, {counts.live} live",
        )
    if counts.worst_late_ns > receipt.run.late_ns:
        yield Kind.RETENTION, f"a purge was {counts.worst_late_ns / NS:.1f} s late"
    if counts.oldest_live_ns > max(receipt.run.window_ns, receipt.run.late_ns):
        yield Kind.RETENTION, f"a live read was {counts.oldest_live_ns / NS:.1f} s old"


def _since(last: Receipt, receipt: Receipt) -> Iterable[tuple[Kind, str]]:
    """Steps 7 and 8."""
    passed = receipt.boot_ns - last.boot_ns
    if last.run.run != receipt.run.run:
        if last.reason not in _LAST:
            yield (
                Kind.UNFINISHED,
                f"the run before ended without a last receipt, {last.counts.live} reads live",
            )
    else:
        names = ("reads", "hits", "destroyed", "destroyed_early", "worst_late_ns")
        back = [name for name in names if getattr(receipt.counts, name) < getattr(last.counts, name)]
        if back or receipt.drops < last.drops or passed < 0 or last.run != receipt.run:
            yield Kind.BACKWARDS, f"within one run: {', '.join(back) or 'drops, time or settings'}"
        if passed > _SILENCE_NS:
            yield Kind.SILENCE, f"no receipt for {passed / NS:.0f} s"
    if last.run.boot == receipt.run.boot:
        wall = round((receipt.utc - last.utc).total_seconds() * NS)
        if abs(wall - passed) > _DRIFT_NS:
            yield Kind.CLOCK, f"the wall clock went {(wall - passed) / NS:+.1f} s against boot time"
