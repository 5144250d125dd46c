"""Hot lists that could be real: plates with the labelled sets' patterns, and how likely each is to be listed."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from hotlist.patterns import Codes, choices_of, digits_of, log_sizes, patterns_of
from hotlist.plate import BASE, MAX_LENGTH, encode

_VALUES: Final = np.array([BASE**place for place in range(MAX_LENGTH - 1, -1, -1)], np.uint64)


class Plausible:
    """Plates drawn at random with the letters and digits of given plates in the same places.

    Args:
        plates: what to draw like.
        kept: how many of the first characters are kept too: plates issued in sequence share theirs.
    """

    def __init__(self, plates: Sequence[str], *, kept: int = 0) -> None:
        self._like = np.array([encode(plate) for plate in plates], np.uint64)
        self._kept = kept
        self._groups, self._counts = np.unique(self._group(self._like), axis=0, return_counts=True)

    def draw(self, count: int, seed: int) -> Codes:
        """Return the codes of `count` plates; a plate can come twice."""
        rng = np.random.default_rng(seed)
        like = self._like[rng.integers(len(self._like), size=count)]
        choices, digits = choices_of(like), digits_of(like)
        drawn = rng.integers(0, choices) + np.where(choices == 1, 0, np.where(choices == 10, 1, 11))
        drawn[:, : self._kept] = digits[:, : self._kept]
        codes: Codes = drawn.astype(np.uint64) @ _VALUES
        return codes

    def probability(self, codes: Codes) -> npt.NDArray[np.float64]:
        """Return the probability that one drawn plate is just this one, for each code."""
        if not len(codes):
            return np.zeros(0)
        same = (self._group(codes)[:, None, :] == self._groups[None, :, :]).all(axis=2)
        kept = np.log(choices_of(codes)[:, : self._kept]).sum(axis=1)
        sizes = np.exp(log_sizes(patterns_of(codes)) - kept)
        shares: npt.NDArray[np.float64] = same @ self._counts / len(self._like) / sizes
        return shares

    def _group(self, codes: Codes) -> npt.NDArray[np.uint32]:
        """Return what drawn plates share: the pattern, and the first characters where these are kept."""
        kept = digits_of(codes)[:, : self._kept].astype(np.uint32)
        return np.concatenate([patterns_of(codes)[:, None], kept], axis=1)
