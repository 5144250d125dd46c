"""Several readings of one plate become one: probabilities fused place by place, in log space.

First the readings vote on how many characters there are, each by its weight and by how sure it is of itself;
a far, blurred reading often loses one. The best reading of the winning length is the measure, and the others
are aligned to it, with one character in or out. Readings of one pass are not independent (the same dirt, the
same angle), so n of them count as the square root of n.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.flow import COLUMNS, SLOTS, Table
from hotlist.plate import PAD

_FLOOR: Final = 1e-5
_SHIFT_COST: Final = 3.0
"""How many nats better a shifted reading must fit than one in place: shifts are rare."""

Logs = npt.NDArray[np.float32]


def log_table(table: Table) -> Logs:
    """Return the logarithm of a table, no lower than that of 0.00001."""
    logs: Logs = np.log(np.maximum(table, _FLOOR), dtype=np.float32)
    return logs


def fuse(logs: Logs, weights: npt.NDArray[np.float32]) -> Table:
    """Return the fused (10 x 37) table of a pass; the caller overwrites it after use.

    Args:
        logs: (n x 10 x 37) float32, log probabilities of n readings, n >= 1.
        weights: (n,) float32, how much each counts; positive.
    """
    measure = np.exp(logs[_measure(logs, weights)])
    total: Table = np.zeros((SLOTS, COLUMNS), np.float32)
    for reading, weight in zip(logs, weights, strict=True):
        moved = aligned(reading, measure)
        total += moved * weight
        moved[:] = 0.0
    measure[:] = 0.0
    total *= np.float32(math.sqrt(len(logs)) / float(weights.sum()))
    total -= total.max(axis=1, keepdims=True)
    np.exp(total, out=total)
    total /= total.sum(axis=1, keepdims=True)
    return total


def aligned(logs: Logs, measure: Table) -> Logs:
    """Return a reading's log table moved so that it fits the measure, with one character in or out.

    The score of a candidate is the log of the probability that both say the same, summed over the places.

    Args:
        logs: (10 x 37) log probabilities of the reading.
        measure: (10 x 37) probabilities of the reading that the others are measured by.
    """
    flat = np.full((1, COLUMNS), -math.log(COLUMNS), np.float32)
    blank = np.full((1, COLUMNS), math.log(_FLOOR), np.float32)
    blank[0, PAD] = 0.0
    candidates = np.empty((2 * SLOTS + 1, SLOTS, COLUMNS), np.float32)
    candidates[0] = logs
    for place in range(SLOTS):
        candidates[1 + place] = np.concatenate([logs[:place], flat, logs[place:-1]])
        candidates[1 + SLOTS + place] = np.concatenate([logs[:place], logs[place + 1 :], blank])
    agreement = np.log(np.maximum((np.exp(candidates) * measure).sum(axis=2), _FLOOR)).sum(axis=1)
    agreement[1:] -= _SHIFT_COST
    chosen: Logs = candidates[int(agreement.argmax())].copy()
    candidates[:] = 0.0
    return chosen


def sureness(table: Table) -> float:
    """Return the probability of the likeliest reading, 0 to 1, without saying what it is."""
    return float(np.prod(table.max(axis=1)))


def legibility(table: Table) -> float:
    """Return how plainly a reading reads, 0 to 1: the geometric mean of its places' likeliest probabilities.

    A lamp or a sign that a pass began with can be larger and sharper than the plate. It must neither keep the
    plate from being read nor be the picture that a hit shows.
    """
    return float(sureness(table) ** (1 / SLOTS))


def _measure(logs: Logs, weights: npt.NDArray[np.float32]) -> int:
    """Return which reading the others are measured by: the best of the length that wins the vote."""
    lengths = (logs.argmax(axis=2) != PAD).sum(axis=1)
    votes = weights * np.exp(logs.max(axis=2).sum(axis=1))
    by_length = np.bincount(lengths, weights=votes, minlength=SLOTS + 1)
    votes[lengths != by_length.argmax()] = 0.0
    return int(votes.argmax())
