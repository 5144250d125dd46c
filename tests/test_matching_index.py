import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.models import manifest
from hotlist.matching.confusion import COLUMNS, Kernel, default, named
from hotlist.matching.plate_index import Index
from hotlist.plate import ALPHABET, PAD, encode
from tests.matching_reference import entry

PLATES = st.text(ALPHABET, min_size=2, max_size=10)


@given(listed=st.lists(PLATES, max_size=30), asked=st.lists(PLATES, min_size=1, max_size=30))
def test_the_index_answers_as_a_dictionary_would(listed: list[str], asked: list[str]) -> None:
    """Of any asked plates just the listed are found, with all their entries in the list's order."""
    entries = [entry(plate, name=str(place)) for place, plate in enumerate(listed)]
    index = Index.build(3, entries)
    codes = np.array([encode(plate) for plate in [*asked, *listed]], np.uint64)
    found = set(index.listed(codes, np.zeros(len(codes), np.uint64)).tolist())
    everything = [*asked, *listed]
    assert found == {place for place, plate in enumerate(everything) if plate in listed}
    for plate in set(everything):
        expected = [each.id for each in entries if each.plate == plate]
        assert [each.id for each in index.of(encode(plate))] == expected


def test_a_large_index_is_small_and_misses_nothing() -> None:
    """Two hundred thousand plates take under 30 bytes each; every one is found, and no other."""
    rng = np.random.default_rng(2)
    codes = rng.choice(37**10, 200_000, replace=False).astype(np.uint64)
    index = Index.from_codes(1, (), codes)
    assert index.nbytes < 30 * len(codes)
    others = np.setdiff1d(rng.integers(37**9, 37**10, 50_000).astype(np.uint64), codes)
    scratch = np.zeros(len(codes), np.uint64)
    assert len(index.listed(codes, scratch)) == len(codes)
    assert not len(index.listed(others, scratch))


@pytest.mark.parametrize("reader", ["cct-xs-v2-global", "hitonly-ocr"])
def test_a_kernel_is_a_probability_and_says_where_it_is_from(reader: str) -> None:
    """Rows sum to one, padding stays padding, characters mostly stay what they are, with a provenance."""
    kernel = named(reader)
    assert kernel.confusion.sum(axis=1) == pytest.approx(np.ones(COLUMNS), abs=1e-5)
    assert kernel.confusion[PAD, PAD] == 1.0
    assert (kernel.confusion.argmax(axis=1) == np.arange(COLUMNS)).all()
    assert (kernel.spurious < 0).all()
    assert (kernel.missing < 0).all()
    assert kernel.provenance["reader"] == reader
    assert {"crops", "written_by"} <= set(kernel.provenance)
    assert (np.diff(kernel.soft[0]) > 0).all()
    assert (np.diff(kernel.soft[1]) <= 0).all()


@pytest.mark.parametrize("reader", ["cct-xs-v2-global", "hitonly-ocr"])
def test_a_kernel_was_measured_with_the_weights_in_the_manifest(reader: str) -> None:
    """An OCR that was trained again needs its kernel measured again: the digests are the same."""
    assert named(reader).provenance["sha256"] == next(iter(manifest()[reader].files.values()))


def test_an_unknown_reader_gets_the_default_kernel() -> None:
    """An OCR without a kernel of its own, or a path for a name, gets that of the bundled one."""
    assert named("somebody-elses").provenance == default().provenance
    assert named("../kernels/hitonly-ocr").provenance == default().provenance


@pytest.mark.parametrize("reader", ["cct-xs-v2-global", "hitonly-ocr"])
def test_a_kernels_file_holds_no_plate(reader: str) -> None:
    """Of the crops it was measured on, the file keeps single characters and pairs only."""
    raw = json.loads(files("hotlist.matching").joinpath("kernels", f"{reader}.json").read_text("utf-8"))
    assert all(len(pair) == 3 and pair[1] == ">" for pair in raw["confusion"])
    assert all(len(symbol) == 1 for symbol in raw["missing"])
    assert set(raw) == {"floor", "confusion", "spurious", "missing", "soft", "provenance"}


def test_a_kernel_is_read_as_written() -> None:
    """A named confusion has its probability, the others the floor; shifts are logarithms."""
    raw = {
        "floor": 0.001,
        "confusion": {"O>0": 0.3},
        "spurious": {"first": 0.02, "inner": 0.002, "last": 0.01},
        "missing": dict.fromkeys(ALPHABET, 0.004),
        "soft": {"threshold": [-8, -1], "plates": [5, 0.1]},
        "provenance": {"reader": "x"},
    }
    kernel = Kernel.from_json(json.dumps(raw))
    letter, digit = ALPHABET.index("O"), ALPHABET.index("0")
    assert kernel.confusion[letter, digit] == pytest.approx(0.3)
    assert kernel.confusion[digit, letter] == pytest.approx(0.001)
    assert kernel.confusion[letter, letter] == pytest.approx(1 - 0.3 - 34 * 0.001)
    assert np.exp(kernel.spurious_at(4)) == pytest.approx([0.02, 0.002, 0.002, 0.01])
    assert np.exp(kernel.missing) == pytest.approx(np.full(PAD, 0.004))
