import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.flow import COLUMNS, SLOTS, Table
from edge.pipeline import fusion
from hotlist.plate import ALPHABET, PAD


def table_of(text: str, sure: float = 0.9) -> Table:
    """Return a table that reads a text, with a probability at each place."""
    columns = [ALPHABET.index(character) for character in text] + [PAD] * (SLOTS - len(text))
    table = np.full((SLOTS, COLUMNS), (1 - sure) / (COLUMNS - 1), np.float32)
    table[np.arange(SLOTS), columns] = sure
    return table


def text_of(table: Table) -> str:
    """Return the likeliest text of a table."""
    return "".join(ALPHABET[column] for column in table.argmax(axis=1) if column != PAD)


def fused(*tables: Table, weights: tuple[float, ...] = ()) -> Table:
    """Fuse tables as a pass does."""
    logs = np.stack([fusion.log_table(table) for table in tables])
    return fusion.fuse(logs, np.array(weights or (1.0,) * len(tables), np.float32))


@given(st.text(ALPHABET, min_size=2, max_size=10), st.floats(0.3, 0.999))
def test_one_reading_fuses_to_itself(text: str, sure: float) -> None:
    """A pass of one reading has that reading's probabilities, whatever its weight."""
    table = table_of(text, sure)
    assert np.allclose(fused(table, weights=(37.5,)), table, atol=1e-4)


@given(st.text(ALPHABET, min_size=2, max_size=10), st.integers(1, 6))
def test_a_fused_table_is_a_distribution(text: str, count: int) -> None:
    """Every place sums to one, and agreement makes it surer."""
    result = fused(*[table_of(text, 0.8)] * count)
    assert np.allclose(result.sum(axis=1), 1.0, atol=1e-4)
    assert text_of(result) == text
    assert fusion.sureness(result) >= fusion.sureness(table_of(text, 0.8)) - 1e-4


def test_two_of_three_readings_win() -> None:
    """One misread among three does not change the text, and is remembered as a doubt."""
    result = fused(table_of("AB12CDE"), table_of("A812CDE"), table_of("AB12CDE"))
    assert text_of(result) == "AB12CDE"
    assert result[1, ALPHABET.index("8")] > result[1, ALPHABET.index("X")]


@pytest.mark.parametrize("misread", ["B12CDE", "AB2CDE", "AB112CDE", "1AB12CDE", "AB12CDEE"])
def test_a_missing_or_extra_character_is_aligned(misread: str) -> None:
    """A reading that lost or gained one character supports the plate instead of blurring it."""
    result = fused(table_of("AB12CDE"), table_of(misread), table_of("AB12CDE"))
    assert text_of(result) == "AB12CDE"
    other = table_of("AB12CDE") ** 2 * table_of(misread)
    blurred = (other / other.sum(axis=1, keepdims=True)) ** (1 / 3**0.5)
    assert fusion.sureness(result) > fusion.sureness(blurred / blurred.sum(axis=1, keepdims=True))


def test_the_first_reading_does_not_decide_the_length() -> None:
    """A far reading that lost a character comes first; the surer ones after it win."""
    far, near = table_of("AB12DE", 0.5), table_of("AB12CDE", 0.95)
    assert text_of(fused(far, near, near)) == "AB12CDE"
    assert text_of(fused(far, far, near, weights=(1.0, 1.0, 1.0))) == "AB12CDE"
    assert text_of(fused(near, table_of("AB12DE", 0.97), table_of("AB12DE", 0.97))) == "AB12DE"


def test_readings_in_place_are_not_moved() -> None:
    """Alignment leaves agreeing readings alone."""
    logs = fusion.log_table(table_of("AB12CDE"))
    assert np.array_equal(fusion.aligned(logs, table_of("AB12CDE")), logs)
