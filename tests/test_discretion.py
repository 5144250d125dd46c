"""What a fault and a log record say, word for word: type and place, never a value."""

import re
import subprocess
import sys

import pytest

from edge.hardening.redaction import describe
from tests.box_kit import ROOT

CANARY = "CANARY77"
START = f"""
import faulthandler, logging, sys, threading
faulthandler.enable()
from edge.hardening.redaction import be_discreet
be_discreet()
be_discreet()
assert not faulthandler.is_enabled()
log = logging.getLogger("x")
logging.basicConfig(format="%(levelname)s %(message)s")
def fail():
    plate = "{CANARY}"
    raise ValueError(plate)
def inner():
    fail()
"""


def _said(code: str) -> str:
    """Return all that a program says which is discreet, its two outputs together."""
    done = subprocess.run(
        [sys.executable, "-c", START + code],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("inner()", r"alpr-edge: ValueError at <string>:\d+ in fail\n"),
        (
            "t = threading.Thread(target=inner, name='north'); t.start(); t.join()",
            r"alpr-edge: ValueError at <string>:\d+ in fail, thread north\n",
        ),
        (
            "class A:\n    def __del__(self):\n        fail()\nA()",
            r"alpr-edge: ValueError at <string>:\d+ in fail\n",
        ),
        (
            "try:\n    fail()\nexcept ValueError:\n    log.exception('no list')",
            r"ERROR no list \[ValueError at <string>:\d+ in fail\]\n",
        ),
        (
            "try:\n    fail()\nexcept ValueError:\n    log.warning('100 %% of %s', 'it', exc_info=True)",
            r"WARNING 100 % of it \[ValueError at <string>:\d+ in fail\]\n",
        ),
        ("log.warning('%s %d %s', 'words', 3, ['CANARY77'])", r"WARNING words 3 <list>\n"),
        ("log.warning('%(a)s', {'a': b'CANARY77'})", r"WARNING <bytes>\n"),
        ("log.warning(ValueError('CANARY77'))", r"WARNING <ValueError>\n"),
        ("log.warning('half %d', 'CANARY77')", ""),
        ("log.warning('where', stack_info=True)", r"WARNING where\n"),
    ],
)
def test_a_fault_is_its_type_and_place_and_a_record_is_plain(code: str, words: str) -> None:
    """Promise 3: uncaught, in a thread, in a destructor or logged: exactly these words and nothing else."""
    said = _said(code)
    assert re.fullmatch(words, said), said
    assert CANARY not in said


def test_the_plain_hooks_would_have_shown_it() -> None:
    """The positive control: the same fault under Python's own hook quotes the value."""
    assert CANARY in _said("sys.excepthook = sys.__excepthook__\ninner()")


def _fail() -> None:
    raise KeyError(CANARY)


def test_a_fault_is_described_without_a_trace_too() -> None:
    """What has no traceback is its type; what has no type is a fault."""
    assert describe(ValueError, None) == "ValueError"
    assert describe(None, None) == "fault"
    with pytest.raises(KeyError) as caught:
        _fail()
    said = describe(KeyError, caught.value.__traceback__)
    place = r"KeyError at tests/test_discretion.py:\d+ in _fail"
    assert re.fullmatch(place, said), "the file with its folder, the line, the function"
