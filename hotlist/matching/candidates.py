"""Every plate that a reading may be, likeliest first to be kept, as 64-bit codes: no text is ever made here.

The reading is a table (slots x characters): the probability that the plate in view has a character in a
slot. Its likeliest plate is the *base*. Every other plate is the base with some *edits* (another character
in a slot) and at most one *shift* (a character too many, or one missing); each has a *penalty*, the log
probability that it costs. A code is a sum over the slots, so an edit adds a number to it, and all plates
with one more edit are one outer sum. The probabilities sum to one, so at most 1/p plates are likelier than
p: the search is small because the threshold is high, however long the hot list is.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hotlist.matching.confusion import COLUMNS, SLOTS, Kernel, Table
from hotlist.matching.plate_index import Codes
from hotlist.plate import BASE, PAD

Places = npt.NDArray[np.intp]

LIMIT: Final = 2048
"""Candidates of one look-up; where more are likely enough, the least likely are left out."""

_EXTRA: Final = 1
_MISSING: Final = 1 + SLOTS


def _place_values() -> Codes:
    """Return what one unit of a slot's digit adds to the code, per shift: (shifts x slots) uint64.

    Shift 0 is none; 1 + i: slot i holds a character too many; 11 + i: a character before slot i is missing.
    A slot that falls out of the plate has the value 0.
    """
    values = [BASE ** (SLOTS - 1 - place) for place in range(SLOTS)]
    extra = [[*values[:slot], 0, *values[slot:-1]] for slot in range(SLOTS)]
    missing = [[*values[:slot], *values[slot + 1 :], 0] for slot in range(SLOTS)]
    return np.array([values, *extra, *missing], np.uint64)


_VALUES: Final = _place_values()
_DIGITS: Final = (np.arange(COLUMNS, dtype=np.uint64) + 1) % BASE
_DIGIT_OF: Final = np.tile(_DIGITS, SLOTS)
_SLOT_OF: Final = np.repeat(np.arange(SLOTS), COLUMNS)
_SLOTS: Final = np.arange(SLOTS)


@dataclass(frozen=True, slots=True, eq=False)
class _Edits:
    """Every single change of a character that the slack allows.

    Attributes:
        penalty: (e,) float32.
        slot: (e,) intp, ascending.
        step: (shifts x e) uint64; what each adds to the code under each shift, modulo 2**64.
    """

    penalty: Table
    slot: Places
    step: Codes


class Candidates:
    """Generates the plates that a reading may be. Keeps its buffers from one look-up to the next.

    Not for two threads at once. `wipe` overwrites everything from which a plate could be worked out.

    Args:
        kernel: how often the OCR mistakes what for what.
    """

    __slots__ = ("_best", "_change", "_code", "_digits", "_kernel", "_last", "_logs", "_penalty", "_shift",
                 "_shifted", "_to", "_used", "scratch")  # fmt: skip

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._logs = np.zeros((SLOTS, COLUMNS), np.float32)
        self._best = np.zeros(SLOTS, np.intp)
        self._digits = np.zeros(SLOTS, np.uint64)
        self._shifted = np.zeros(len(_VALUES), np.uint64)
        self._change = np.zeros(SLOTS * COLUMNS, np.uint64)
        self._to = np.zeros(SLOTS * COLUMNS, np.uint64)
        self._code = np.zeros(LIMIT, np.uint64)
        self._penalty = np.zeros(LIMIT, np.float32)
        self._shift = np.zeros(LIMIT, np.intp)
        self._last = np.zeros(LIMIT, np.intp)
        self._used = 0
        self.scratch = np.zeros(LIMIT, np.uint64)

    def generate(self, table: Table, threshold: float) -> tuple[Codes, Table]:
        """Return the codes of the plates that may be in view, and the log probability of each.

        All plates at or above `threshold` are among them; where these are more than `LIMIT`, the likeliest
        of every number of edits. A code can come twice (a character too many in a doubled one), and some are
        no plate's. Both arrays are views of buffers, good until the next call or `wipe`.

        Args:
            table: (10 x 37) float32, each row a distribution (`edge.flow.Reading`).
            threshold: the least log probability, below 0.
        """
        logs = self._kernel.log_likelihood(table, out=self._logs)
        logs.argmax(axis=1, out=self._best)
        top = logs[_SLOTS, self._best]
        base = float(top.sum())
        self._used = 0
        if base >= threshold:
            self._start(top, base - threshold)
            edits = self._edits(top, base - threshold)
            if len(edits.slot):
                self._extend(edits, base - threshold)
            edits.step.fill(0)
        scores = self._penalty[: self._used]
        np.subtract(base, scores, out=scores)
        return self._code[: self._used], scores

    def wipe(self) -> None:
        """Overwrite everything from which a plate could be worked out (promise 4)."""
        for array in (self._logs, self._best, self._digits, self._shifted, self._change, self._to):
            array.fill(0)
        for column in (self._code, self._penalty, self._shift, self._last, self.scratch):
            column[: self._used] = 0

    def _start(self, top: Table, slack: float) -> None:
        """Put down the base, and the base with one character fewer or more, as far as the slack allows."""
        _DIGITS.take(self._best, out=self._digits, mode="clip")
        np.matmul(_VALUES, self._digits, out=self._shifted)
        self._put(self._shifted[:1], 0.0, 0)
        pads = np.flatnonzero(self._best == PAD)
        length = int(pads[0]) if len(pads) else SLOTS
        penalties = top[:length] - self._kernel.spurious_at(length)
        slots = np.flatnonzero(penalties <= slack)
        if len(slots):
            shifted = self._shifted[_EXTRA + slots]
            self._put(shifted, penalties[slots], _EXTRA + slots)
            shifted.fill(0)
        if length == SLOTS:
            return
        penalties = top[-1] - self._logs[-1, PAD] - self._kernel.missing
        symbols = np.flatnonzero(penalties <= slack)
        if len(symbols):
            places = np.arange(length + 1)
            added = np.multiply.outer(_VALUES[0, places], _DIGITS[symbols])
            # In a buffer that is wiped: a sum that broadcasts the codes would leave a copy in NumPy's own.
            inserted = self.scratch[: added.size].reshape(added.shape)
            inserted[:] = self._shifted[_MISSING : _MISSING + len(places), None]
            inserted += added
            likely = np.broadcast_to(penalties[symbols], inserted.shape)
            self._put(inserted.ravel(), likely.ravel(), (_MISSING + places).repeat(len(symbols)))

    def _put(self, codes: Codes, penalty: Table | float, shift: Places | int) -> None:
        """Append candidates without edits; they are few against `LIMIT`."""
        place = slice(self._used, self._used + len(codes))
        self._used = place.stop
        self._code[place] = codes
        self._penalty[place] = penalty
        self._shift[place] = shift
        self._last[place] = -1

    def _edits(self, top: Table, slack: float) -> _Edits:
        """Return the single changes within the slack; turns the log probabilities into penalties."""
        penalties = np.subtract(top[:, None], self._logs, out=self._logs)
        penalties[_SLOTS, self._best] = np.inf
        flat = penalties.reshape(-1)
        cells = np.flatnonzero(flat <= slack)
        slots = _SLOT_OF[cells]
        change = self._digits.take(slots, out=self._change[: len(slots)], mode="clip")
        np.subtract(_DIGIT_OF.take(cells, out=self._to[: len(slots)], mode="clip"), change, out=change)
        edits = _Edits(flat[cells], slots, _VALUES[:, slots] * change)
        cells.fill(0)
        return edits

    def _extend(self, edits: _Edits, slack: float) -> None:
        """Append the candidates with one edit, two edits and so on, each in a later slot than the last."""
        least = float(edits.penalty.min())
        count = len(edits.slot)
        begin = 0
        while begin < self._used < LIMIT:
            rows = np.flatnonzero(self._penalty[begin : self._used] <= slack - least) + begin
            total = self._penalty[rows, None] + edits.penalty
            allowed = total <= slack
            np.logical_and(allowed, self._last[rows, None] < edits.slot, out=allowed)
            cells = np.flatnonzero(allowed)
            penalty = total.reshape(-1)[cells]
            room = LIMIT - self._used
            if len(cells) > room:
                kept = penalty.argpartition(room - 1)[:room]
                cells, penalty = cells[kept], penalty[kept]
            row, edit = np.divmod(cells, count)
            begin, place = self._used, slice(self._used, self._used + len(cells))
            parent = rows[row]
            shift = self._shift[parent]
            code = self._code.take(parent, out=self.scratch[place], mode="clip")
            step = edits.step.reshape(-1).take(shift * count + edit, out=self._code[place], mode="clip")
            step += code
            self._penalty[place] = penalty
            self._shift[place] = shift
            self._last[place] = edits.slot[edit]
            self._used = place.stop
