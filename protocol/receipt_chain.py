"""A chain of receipts, checked: is every read accounted for, and is every receipt there?

`verify` reads a chain and reports, in this order for each line (docs/forgetting.md has the same numbers):

1. the line is a receipt: canonical, exactly the known members;
2. the signature is this device's;
3. the number is one more than the last, else receipts are missing (or told twice);
4. the line before is the one it names;
5. the sum holds: reads == hits + destroyed + live;
6. retention was kept: no read outlived the window, and no read of an ended step is live;
7. within one run nothing counts backwards, and only a step tells new counts;
8. no receipt is too fine: its step has at least its hour, and it covers at least 20 reads without a hit, or a day;
9. to be noticed, without being a fault: a run that ended without its last receipt, a running box without a
   receipt for more than a day and two steps, a wall clock that did not go with boot time;
10. at the end, the receipt that the department knew last is in the chain, else the end was cut off.

Whether a box is alive its heartbeats tell, not its receipts. What a run had not published when it ended is in no
receipt: at most its reads of a day, which `Verdict.runs` counts once for each run.

Pure functions, and no vision package: the department's service imports this module too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hitonly_core.clock import NS
from hitonly_core.keys import VerifyKey
from protocol.receipts import (
    AT_LEAST,
    DAY_NS,
    FIRST,
    STEP_NS,
    Anchor,
    Kind,
    Reason,
    Receipt,
    ReceiptError,
    digest,
    from_line,
)

_ROUNDED_NS: Final = 2 * NS
"""Two times in whole seconds differ by this much only when the clocks differ by more than a second."""
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
        runs: how many runs the chain tells of; the reads after the last step of each are in no receipt.
        findings: in order; empty when all is well.
    """

    receipts: int
    first: int
    anchor: Anchor | None
    totals: Mapping[str, int]
    runs: int
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether there is no fault; what is only to be noticed does not count."""
        return not any(finding.kind.is_fault for finding in self.findings)


def verify(lines: Iterable[bytes], key: VerifyKey, *, known: Anchor | None = None) -> Verdict:
    """Check a chain of receipts, steps 1 to 10 of this module; never raises for what the lines hold.

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
        self._first, self._count, self._line, self._runs = 0, 0, 0, 0
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
        return Verdict(
            self._count, self._first, anchor, dict(self._totals), self._runs, tuple(self._findings)
        )

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
        self._runs += 1
        for name in self._totals:
            self._totals[name] += getattr(last.counts, name)


def _alone(receipt: Receipt) -> Iterable[tuple[Kind, str]]:
    """Steps 5, 6 and the settings of 8."""
    counts, run = receipt.counts, receipt.run
    if not counts.balanced:
        yield (
            Kind.SUM,
            f"{counts.reads} reads, but {counts.hits} hits, {counts.destroyed} destroyed, {counts.live} live",
        )
    if not receipt.kept or receipt.reason is Reason.RETENTION:
        yield Kind.RETENTION, "a read outlived the window, or the watch over it was lost"
    elif counts.live:
        yield Kind.RETENTION, f"{counts.live} reads of a step that had ended were still live"
    if receipt.lost:
        yield Kind.LOST, f"{receipt.lost} hits were lost: no disk took them until the box ended"
    if run.step_ns < STEP_NS or run.at_least < AT_LEAST:
        step, least = run.step_ns / NS, run.at_least
        yield Kind.FINE, f"steps of {step:g} s and {least} reads; at least {STEP_NS // NS} s and {AT_LEAST}"
    if receipt.reason is Reason.START and counts.reads:
        yield Kind.FINE, "a receipt of a start tells counts"


def _since(last: Receipt, receipt: Receipt) -> Iterable[tuple[Kind, str]]:
    """Steps 7 to 9."""
    passed = receipt.boot_ns - last.boot_ns
    if last.run.run != receipt.run.run:
        if last.reason not in _LAST:
            yield Kind.UNFINISHED, "the run before ended without a last receipt"
        if receipt.reason is not Reason.START:
            yield Kind.BACKWARDS, "a run that does not begin with its start"
    else:
        yield from _within_run(last, receipt, passed)
    if not receipt.clock_kept:
        yield Kind.CLOCK, "the wall clock did not go with boot time"
    elif last.run.boot == receipt.run.boot:
        wall = round((receipt.utc - last.utc).total_seconds() * NS)
        if abs(wall - passed) >= _ROUNDED_NS:
            yield Kind.CLOCK, f"the wall clock went {(wall - passed) // NS:+d} s against boot time"


def _within_run(last: Receipt, receipt: Receipt, passed: int) -> Iterable[tuple[Kind, str]]:
    """Steps 7, 8 and the silence of 9, for two receipts of one run."""
    run, before, counts = receipt.run, last.counts, receipt.counts
    back = [name for name in ("reads", "hits", "destroyed") if getattr(counts, name) < getattr(before, name)]
    if back or passed < 0 or last.run != run or receipt.reason is Reason.START or last.reason in _LAST:
        yield (
            Kind.BACKWARDS,
            f"within one run: {', '.join(back) or 'time, settings, or a start or end inside'}",
        )
    if receipt.reason is not Reason.STEP:
        if counts != before:
            yield Kind.FINE, "new counts at the end of a run"
    elif passed < run.step_ns:
        yield Kind.FINE, f"a receipt {passed // NS} s after the last; a step has {run.step_ns // NS} s"
    elif passed < DAY_NS and counts.non_hits - before.non_hits < run.at_least:
        fresh = counts.non_hits - before.non_hits
        yield Kind.FINE, f"a receipt of {fresh} reads without a hit; at least {run.at_least}, or a day"
    if passed > DAY_NS + 2 * run.step_ns:
        yield Kind.SILENCE, f"no receipt for {passed // (3600 * NS)} hours of a run"
