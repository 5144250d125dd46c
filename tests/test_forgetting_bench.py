"""The evidence itself: the search finds what is there, and a short run of the real edge leaves nothing."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import canaries as clip_of
from benchmarks import crash, lateness
from benchmarks.abort import core_dumped
from benchmarks.canaries import text_patterns
from benchmarks.department import Reading
from benchmarks.forgetting import LISTED_EVERY, measured
from benchmarks.scan import Coverage, Found, Pattern, Scanner, search_process
from benchmarks.trace import read_trace
from benchmarks.trial import Trial

ROOT = Path(__file__).resolve().parents[1]
WORDS = st.binary(min_size=6, max_size=90).filter(lambda word: len(set(word)) > 1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(WORDS, min_size=1, max_size=12, unique=True), st.data())
def test_every_planted_pattern_is_found_wherever_it_lies(words: list[bytes], data: st.DataObject) -> None:
    """At every offset, beside zeros or noise: the search finds what `bytes.find` finds, and nothing else."""
    noise = data.draw(st.binary(min_size=0, max_size=200))
    block = bytearray(noise)
    for word in words:
        block += bytes(data.draw(st.integers(0, 9))) + word
    scanner = Scanner([Pattern(word, number, "x") for number, word in enumerate(words)])
    found = {(each.canary, each.address) for each in scanner.search(bytes(block))}
    expected = set()
    for number, word in enumerate(words):
        place = block.find(word)
        while place >= 0:
            expected.add((number, place))
            place = block.find(word, place + 1)
    assert found == expected


def test_another_processs_memory_is_searched_across_blocks() -> None:
    """Patterns planted in a child's memory, at block borders too, are found from outside with their address."""
    if os.geteuid() != 0:
        pytest.skip("reading another process's memory takes root")
    code = """
import ctypes, sys
size = 3 << 20
block = ctypes.create_string_buffer(size)
start = ctypes.addressof(block)
for place in (0, 1000, size - 40, -start % (1 << 18) + (1 << 18) - 7):
    ctypes.memmove(start + place, bytes(range(65, 91)), 26)
print(start, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        start = int(child.stdout.readline())
        coverage = Coverage()
        found = search_process(child.pid, Scanner([Pattern(bytes(range(65, 91)), 1, "x")]), coverage)
        child.communicate("")
    inside = [each.address - start for each in found if start <= each.address < start + (3 << 20)]
    assert len(inside) == 4
    assert coverage.scanned > 3 << 20


def test_memory_that_changes_while_it_is_searched_is_not_passed_over() -> None:
    """A mapping loses its end and another one appears in mid-search: what stays and what came are both searched."""
    if os.geteuid() != 0:
        pytest.skip("reading another process's memory takes root")
    code = """
import ctypes, mmap, sys
word, size = bytes(range(65, 91)), 8 << 20
libc = ctypes.CDLL(None)
block = mmap.mmap(-1, size)
block[:26] = word
start = ctypes.addressof(ctypes.c_char.from_buffer(block))
print(start, flush=True)
sys.stdin.readline()
libc.munmap(ctypes.c_void_p(start + size // 2), ctypes.c_size_t(size // 2))
other = mmap.mmap(-1, 2 * size)
other[-26:] = word
print(ctypes.addressof(ctypes.c_char.from_buffer(other)), flush=True)
sys.stdin.read()
import os; os._exit(0)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        start, asked, answer = int(child.stdout.readline()), child.stdin, child.stdout

        class Changing(Scanner):
            """Has the process change its mappings when the search has come to the first of them."""

            other = 0

            def search(self, block: bytes | memoryview, place: str = "", base: int = 0) -> Iterator[Found]:
                yield from super().search(block, place, base)
                if not self.other and base <= start < base + len(block):
                    print(file=asked, flush=True)
                    self.other = int(answer.readline())

        coverage = Coverage()
        scanner = Changing([Pattern(bytes(range(65, 91)), 1, "x")])
        found = {each.address for each in search_process(child.pid, scanner, coverage)}
        child.communicate("")
    assert scanner.other, "the search never came to the mapping"
    assert {start, scanner.other + (16 << 20) - 26} <= found
    assert coverage.whole, dict(coverage.skipped)


def test_a_search_that_passed_memory_over_proves_nothing() -> None:
    """Zero occurrences are no evidence when the heap was not read, nor when nothing was."""
    searched = Coverage(scanned=1, skipped=Counter({"[vvar]": 1, "not readable by the process itself": 1}))
    assert searched.whole
    assert not Coverage().whole
    for missed in ("[heap]", "anonymous", "the kernel refused"):
        assert not Coverage(scanned=1, skipped=searched.skipped | Counter({missed: 1})).whole


def test_a_plate_is_looked_for_in_every_form() -> None:
    """Text in four encodings, the matching code in both byte orders, indices in four widths."""
    forms = {pattern.form: pattern.content for pattern in text_patterns(3, "QX77ZZT")}
    assert forms["ASCII"] == b"QX77ZZT"
    assert forms["UTF-32"] == "QX77ZZT".encode("utf-32-le")
    assert forms["code, big-endian"] == forms["code, little-endian"][::-1]
    assert [len(forms[f"indices, {width} byte{'s' * (width > 1)}"]) for width in (1, 2, 4, 8)] == [
        7,
        14,
        28,
        56,
    ]


def test_canaries_are_many_and_long_enough() -> None:
    """A thousand different plates of seven or more characters: none occurs by chance."""
    canaries = clip_of.draw_canaries(1000, 1)
    assert len({canary.text for canary in canaries}) == 1000
    assert min(len(canary.text) for canary in canaries) == 7


@pytest.mark.system("strace")
def test_the_record_of_writes_shows_every_byte(tmp_path: Path) -> None:
    """What a program writes to files, pipes and sockets, in one piece or several, is all in the record."""
    code = """
import os, socket, threading
def work(number):
    with open(f"made-{number}", "wb") as file: file.write(b"SECRET-%d" % number)
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
left, right = socket.socketpair()
left.sendmsg([b"AB", b"CD"]); os.writev(left.fileno(), [b"EF", b"GH"])
try: open("/nowhere/x", "w")
except OSError: pass
"""
    trace = tmp_path / "trace.txt"
    command = ["strace", "-f", "-xx", "-yy", "-s", "100000", "-o", str(trace), sys.executable, "-c", code]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    written = read_trace(trace)
    for number in range(8):
        assert b"SECRET-%d" % number in written.data
        assert f"made-{number}" in written.made
    assert {b"AB", b"CD", b"EF", b"GH"} <= set(written.data)
    assert not any("nowhere" in name for name in written.made)


@pytest.mark.system("strace")
def test_a_short_run_of_the_real_edge_leaves_nothing() -> None:
    """The real edge reads 24 plates; after the window no form of any is anywhere, and every control works."""
    if os.geteuid() != 0:
        pytest.skip("reading another process's memory takes root")
    outcome = measured(Trial(plates=24, window_s=3, quiet_s=240, seed=3))
    assert outcome.forgotten, repr(outcome)
    assert outcome.exact >= 0.7 * (24 - 24 / LISTED_EVERY)
    assert outcome.live_forms["pixels, BGR"] > 0
    assert outcome.receipts_hold
    assert outcome.exit_code == 0


def test_an_aborted_run_dumps_no_core() -> None:
    """SIGABRT while reads are live leaves no core file, where this machine would leave one."""
    if os.geteuid() != 0:
        pytest.skip("reading another process's memory takes root")
    dumped, comparable = core_dumped(Reading())
    assert not dumped
    if not comparable:
        pytest.skip("this machine dumps no cores at all: nothing to compare with")


def test_killed_at_random_points_no_hit_is_lost_twice_or_in_the_clear() -> None:
    """Kill -9 while hits are spooled, sent and deleted: each reported hit arrives, once, and only sealed."""
    command = [sys.executable, "-m", "benchmarks.crash", "--points", "40", "--seed", "7"]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=120)
    assert ended.returncode == 0, ended.stdout
    assert crash._PLATE.encode() not in ended.stderr


def test_the_purges_lateness_is_measured_for_every_read() -> None:
    """Each of the reads is destroyed by the purge and has its lateness; what is early is not late."""
    late = lateness.measure(200, seconds=0.5, busy=1)
    assert len(late) == 200
    assert float(np.min(late)) >= 0
