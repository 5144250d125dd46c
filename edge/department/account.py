"""The account that a box gives of its reads: one receipt at the start, one a step that may be told, one at the end.

`edge.department.steps` says when and with which counts, `edge.department.ledger` writes. Nothing else tells
counts of a live camera.
"""

import logging
from dataclasses import dataclass, field

from edge.department.ledger import Ledger
from edge.department.steps import Steps
from edge.errors import StorageError
from edge.retention.window import Window
from hitonly_core.clock import Clock
from protocol.counts import Counts
from protocol.receipts import Reason

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Account:
    """One run's account. A disk that refuses a receipt is no reason to stop: the next one covers more.

    Attributes:
        window: whose reads are counted.
        ledger: where receipts are written.
        clock: boot time.
        silent: whether the disk refused the last receipt.
    """

    window: Window
    ledger: Ledger
    clock: Clock
    silent: bool = False
    _steps: Steps = field(init=False)

    def __post_init__(self) -> None:
        run = self.ledger.run
        self._steps = Steps(self.window, self.clock, run.step_ns, run.at_least)

    @property
    def published(self) -> Counts:
        """What this run's receipts have told so far."""
        return self._steps.published

    @property
    def begun_ns(self) -> int:
        """When the present step began, boot time in nanoseconds, whole seconds."""
        return self._steps.begun_ns

    def begin(self, list_version: int) -> None:
        """Write the receipt of the start."""
        self._write(Reason.START, self.published, list_version)

    def turn(self, list_version: int) -> None:
        """Write a step's receipt when there is one to be written; call it at least once a second."""
        step = self._steps.turn()
        if step and self._write(Reason.STEP, step.counts, list_version, at_ns=step.end_ns):
            self._steps.accept(step)

    def end(self, list_version: int, *, late: bool, lost: int = 0) -> None:
        """Write the last receipt: it tells no counts that were not told before.

        Args:
            list_version: of the hot list in use.
            late: whether the run ended because the window was not kept; then the step's beginning is its time.
            lost: hits that no disk took.
        """
        if late:
            self._write(Reason.RETENTION, self.published, list_version, at_ns=self._steps.begun_ns, lost=lost)
        else:
            self._write(Reason.STOP, self.published, list_version, lost=lost)

    def _write(
        self, reason: Reason, counts: Counts, list_version: int, *, at_ns: int | None = None, lost: int = 0
    ) -> bool:
        kept = self.window.kept and reason is not Reason.RETENTION
        try:
            self.ledger.write(reason, counts, kept=kept, list_version=list_version, at_ns=at_ns, lost=lost)
        except StorageError as problem:
            if not self.silent:
                log.warning("no receipt: %s", problem)
            self.silent = True
        else:
            self.silent = False
        return not self.silent
