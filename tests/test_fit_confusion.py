"""The confusion kernel's fit: what labels can show, and what they cannot because they mix two characters."""

import numpy as np
import pytest

from benchmarks.fixtures.pictures import columns_of
from benchmarks.matching.fit_confusion import PRIOR_MISREAD, fit_confusion, prior
from edge.flow import COLUMNS
from hotlist.plate import ALPHABET


def fitted(read: str, stood: str, times: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the kernel fitted on sure readings of `ABC` and three characters more that stood there otherwise."""
    sure = 0.999 * np.eye(COLUMNS, dtype=np.float32)[columns_of(f"ABC{read * 3}")] + 0.001 / COLUMNS
    labels = np.array([columns_of(f"ABC{stood}{read * 2}")] * times)
    return fit_confusion(np.stack([sure] * times).astype(np.float32), labels, np.ones(times))


@pytest.mark.parametrize(("read", "stood"), [("O", "0"), ("0", "O")])
def test_labels_that_write_0_for_o_teach_no_confusion(read: str, stood: str) -> None:
    """A third of the sure readings of one is labelled as the other: the share stays that of the prior."""
    place, other = ALPHABET.index(read), ALPHABET.index(stood)
    kernel = fitted(read, stood, 100)
    assert kernel[place, other] == pytest.approx(PRIOR_MISREAD * prior()[place, other])
    assert kernel[place, place] > 0.95
    assert kernel.sum(1) == pytest.approx(1)


def test_a_confusion_that_labels_can_show_is_learned() -> None:
    """The positive control: of the sure readings of I a third stood as 1."""
    kernel = fitted("I", "1", 100)
    assert kernel[ALPHABET.index("I"), ALPHABET.index("1")] > 0.1
