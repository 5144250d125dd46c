"""The pattern of a plate: where it has letters and where digits. Codes only, no text.

Authorities issue plates in patterns (three letters and four digits, say), so the pattern says how many plates
could look like one, and so how likely a passing vehicle is to carry just that one.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from hotlist.plate import BASE, MAX_LENGTH

Codes = npt.NDArray[np.uint64]

_DIGIT, _LETTER = 1, 2
_CLASSES: Final = np.array([0] + [_DIGIT] * 10 + [_LETTER] * 26, np.uint32)
_VALUES: Final = np.array([BASE**place for place in range(MAX_LENGTH - 1, -1, -1)], np.uint64)
_CHOICES: Final = np.array([1, 10, 26])
_POWERS: Final = 3 ** np.arange(MAX_LENGTH - 1, -1, -1, dtype=np.uint32)


def digits_of(codes: Codes) -> npt.NDArray[np.uint8]:
    """Return the codes' base-37 digits: (n x 10) uint8, 0 for padding, then ``0-9A-Z``."""
    return (codes[:, None] // _VALUES % np.uint64(BASE)).astype(np.uint8)


def choices_of(codes: Codes) -> npt.NDArray[np.intp]:
    """Return how many characters of its kind each place has: (n x 10); 1 for padding, 10 or 26."""
    choices: npt.NDArray[np.intp] = _CHOICES[_CLASSES[digits_of(codes)]]
    return choices


def patterns_of(codes: Codes) -> npt.NDArray[np.uint32]:
    """Return a number for each code's pattern: equal for plates of the same length, letters and digits."""
    patterns: npt.NDArray[np.uint32] = (_CLASSES[digits_of(codes)] * _POWERS).sum(axis=1, dtype=np.uint32)
    return patterns


def log_sizes(patterns: npt.NDArray[np.uint32]) -> npt.NDArray[np.float64]:
    """Return the logarithm of how many plates each pattern holds."""
    classes = (patterns[:, None] // _POWERS) % 3
    sizes: npt.NDArray[np.float64] = np.log(_CHOICES)[classes].sum(axis=1)
    return sizes
