"""Several readings of one plate become one: probabilities fused place by place, in log space.

A reading with a missing or extra character is first aligned to what is already known. Readings of one pass
are not independent (the same dirt, the same angle), so n of them count as the square root of n.
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


def log_table(table: Table) -> npt.NDArray[np.float32]:
    """Return the logarithm of a table, no lower than that of 0.00001."""
    logs: npt.NDArray[np.float32] = np.log(np.maximum(table, _FLOOR), dtype=np.float32)
    return logs


def posterior(evidence: npt.NDArray[np.float32], weight: float, readings: int) -> Table:
    """Return the fused table of a pass.

    Args:
        evidence: (10 x 37) float32, the sum of weighted log probabilities.
        weight: the sum of the weights.
        readings: how many readings went in; at least one.
    """
    scaled: Table = evidence * np.float32(math.sqrt(readings) / weight)
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def aligned(logs: npt.NDArray[np.float32], known: Table) -> npt.NDArray[np.float32]:
    """Return a reading's log table moved so that it fits what is known, with one character in or out.

    The score of a candidate is the log of the probability that both say the same, summed over the places.

    Args:
        logs: (10 x 37) log probabilities of the new reading.
        known: (10 x 37) probabilities fused so far.
    """
    flat = np.full((1, COLUMNS), -math.log(COLUMNS), np.float32)
    blank = np.full((1, COLUMNS), math.log(_FLOOR), np.float32)
    blank[0, PAD] = 0.0
    candidates = np.empty((2 * SLOTS + 1, SLOTS, COLUMNS), np.float32)
    candidates[0] = logs
    for place in range(SLOTS):
        candidates[1 + place] = np.concatenate([logs[:place], flat, logs[place:-1]])
        candidates[1 + SLOTS + place] = np.concatenate([logs[:place], logs[place + 1 :], blank])
    agreement = np.log(np.maximum((np.exp(candidates) * known).sum(axis=2), _FLOOR)).sum(axis=1)
    agreement[1:] -= _SHIFT_COST
    chosen = candidates[int(agreement.argmax())].copy()
    candidates[:] = 0.0
    return chosen


def sureness(table: Table) -> float:
    """Return the probability of the likeliest reading, 0 to 1, without saying what it is."""
    return float(np.prod(table.max(axis=1)))
