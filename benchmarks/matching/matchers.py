"""The ways to match that are compared: each says which plates it would take a reading for.

A method is a function from a reading to the codes that it accepts, so that its false hits are not counted on
one drawn list but worked out over all lists: the sum of the probabilities that an accepted plate is listed.
"""

from collections.abc import Callable, Iterable
from itertools import product

import numpy as np

from hotlist.matching.candidates import Candidates
from hotlist.matching.confusion import COLUMNS, Kernel, Table
from hotlist.matching.patterns import Codes
from hotlist.matching.traffic import LOOSEST, Thresholds
from hotlist.plate import ALPHABET, CONFUSABLE, MAX_LENGTH, MIN_LENGTH, PAD, encode

Method = Callable[[Table], Codes]

_CLASS = {character: "".join(group) for group in CONFUSABLE for character in group}


def text_of(table: Table) -> str:
    """Return the likeliest text, its padding left out wherever it stands."""
    return "".join(ALPHABET[column] for column in table.argmax(axis=1) if column < PAD)


def exact(table: Table) -> Codes:
    """Accept the likeliest text: what a plain user of an OCR's text gets."""
    return _codes([text_of(table)])


def confusable(table: Table) -> Codes:
    """Accept every text that is the likeliest with characters swapped within their confusable class."""
    return _codes(_folded(text_of(table)))


def edit_distance(table: Table) -> Codes:
    """Accept every text within Levenshtein distance 1 of the likeliest."""
    text = text_of(table)
    places = range(len(text) + 1)
    return _codes(
        {text}
        | {text[:place] + text[place + 1 :] for place in places}
        | {text[:place] + character + text[place:] for place in places for character in ALPHABET}
        | {text[:place] + character + text[place + 1 :] for place in places for character in ALPHABET}
    )


def likeliest_folded(kernel: Kernel, number: int) -> Method:
    """Accept what is in the confusable classes of the `number` likeliest texts."""
    nothing = np.full_like(kernel.missing, -np.inf)
    plain = Kernel(np.eye(COLUMNS, dtype=np.float32), nothing[:3], nothing, kernel.soft, {})
    candidates = Candidates(plain)

    def accept(table: Table) -> Codes:
        codes, scores = candidates.generate(table, 2 * LOOSEST)
        best = codes[np.argsort(-scores, kind="stable")[:number]]
        texts = (_text(int(code)) for code in best)
        return _codes({other for text in texts for other in _folded(text)})

    return accept


def posterior(kernel: Kernel, thresholds: Thresholds | float) -> Method:
    """Accept what the project's matching does.

    Args:
        kernel: the OCR's known mistakes.
        thresholds: the list's, or one least log probability for all patterns.
    """
    candidates = Candidates(kernel)
    loosest = thresholds if isinstance(thresholds, float) else thresholds.loosest

    def accept(table: Table) -> Codes:
        codes, scores = candidates.generate(table, loosest)
        needed = thresholds if isinstance(thresholds, float) else thresholds.of(codes)
        return np.unique(codes[scores >= needed])

    return accept


def _folded(text: str) -> Iterable[str]:
    return map("".join, product(*(_CLASS.get(character, character) for character in text)))


def _codes(texts: Iterable[str]) -> Codes:
    plates = {text for text in texts if MIN_LENGTH <= len(text) <= MAX_LENGTH}
    return np.array(sorted(encode(plate) for plate in plates), np.uint64)


def _text(code: int) -> str:
    digits = [code // 37**place % 37 for place in range(MAX_LENGTH - 1, -1, -1)]
    return "".join(ALPHABET[digit - 1] for digit in digits if digit)
