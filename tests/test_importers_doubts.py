"""Plates that may be real and may be made up are read, and a person is told to look at them."""

import numpy as np
import pytest

from hotlist.importers.cells import plate_of
from hotlist.importers.doubts import (
    A_DATE,
    A_GROUP,
    A_PLACE,
    A_WORD,
    IN_ORDER,
    ONE_CHARACTER,
    SHORT,
    WITH_REGION,
    doubt,
)
from hotlist.matching.cost import predict
from hotlist.matching.match_settings import MatchSettings
from hotlist.plate import encode

REAL = (
    *("7KLM482", "GBR4417", "LVX903", "PKR2218", "HJT660", "MNY7735", "WDC158", "ZRT4402"),
    *("CXE319", "DKW8861", "BCE2473", "VWX3", "ABD123", "KZQ012"),
)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("AAAA", ONE_CHARACTER),
        ("1111", ONE_CHARACTER),
        ("ABC123", IN_ORDER),
        ("xyz-789", IN_ORDER),
        ("123 ABC", IN_ORDER),
        ("QQQ111", IN_ORDER),
        ("CBA321", IN_ORDER),
        ("QWERTY1234", IN_ORDER),
        ("ASDF456", IN_ORDER),
        ("1234", IN_ORDER),
        ("TEXAS", A_PLACE),
        ("New York", A_PLACE),
        ("ONTARIO", A_PLACE),
        ("MEXICO", A_PLACE),
        ("07", SHORT),
        ("A1", SHORT),
        ("B12", None),
        *((cell, A_GROUP) for cell in ("ABCABC", "123123", "121212", "TESTTEST")),
        *((cell, A_DATE) for cell in ("20261220", "12202026", "20122026", "05JAN26")),
        *((cell, A_PLACE) for cell in ("USA", "US-NH", "US NH", "CA-ON", "NEW YORK")),
        *(
            (cell, A_WORD)
            for cell in ("FORD", "BLUE", "WANTED", "WARRANT", "URGENT", "STOLENVEH", "CONTINUED")
        ),
        *((cell, A_WORD) for cell in ("FAKE1", "PLATE 01", "CAR123", "DEMO", "UNK TAG", "NONE1", "Reg No")),
        *((cell, IN_ORDER) for cell in ("QWERTZ", "AZERTY", "1QAZ2WSX")),
        *((cell, None) for cell in ("121215", "FORDY1", "JAN1234", "20261320", "ABCABD")),
    ],
)
def test_what_may_be_made_up_is_read_and_doubted(cell: str, why: str | None) -> None:
    """By a sentence that says why."""
    assert doubt(plate_of(cell)) == why


def test_the_plates_of_real_cars_are_not_doubted() -> None:
    """Neither those that come near, nor one in a thousand drawn at random."""
    assert not [plate for plate in REAL if doubt(plate)]
    drawn = np.random.default_rng(7)
    letters, digits = "ABCDEFGHJKLMNPRSTUVWXYZ", "0123456789"
    plates = [
        "".join(drawn.choice(list(letters), 3)) + "".join(drawn.choice(list(digits), 4))
        for _ in range(20_000)
    ]
    assert sum(doubt(plate) is not None for plate in plates) < 20


def test_nothing_of_the_plate_is_repeated() -> None:
    """The sentence may be shown and logged."""
    for plate in ("AAAA", "ABC123", "TEXAS", "07", "20261220", "FORD", "ABCABC"):
        assert plate not in (doubt(plate) or "").upper()


@pytest.mark.parametrize(
    ("plate", "region", "why"),
    [
        ("NHABC123", "US-NH", WITH_REGION),
        ("PKR2218NH", "US-NH", WITH_REGION),
        ("USNHPKR22", "US-NH", WITH_REGION),
        ("ONPKRT229", "CA-ON", WITH_REGION),
        ("NHA1234", "US-NH", None),
        ("GB12PKRT", "GB", None),
        ("NHPKR2218", "", None),
    ],
)
def test_a_plate_that_carries_its_regions_letters_is_doubted(
    plate: str, region: str, why: str | None
) -> None:
    """Where it is longer than plates of that country are: "NH PKR 2218" would never be read off a car."""
    assert doubt(plate, region) == why


def test_a_plate_that_takes_much_of_the_false_hits_is_counted() -> None:
    """Two digits on the list cost more than all the rest of it."""
    limits = MatchSettings()
    usual = np.array([encode(plate) for plate in REAL[:11]], np.uint64)
    assert predict(usual, limits).heavy(limits.max_false_hits_per_day) == 0
    short = np.append(usual, np.uint64(encode("07")))
    assert predict(short, limits).heavy(limits.max_false_hits_per_day) == 1
