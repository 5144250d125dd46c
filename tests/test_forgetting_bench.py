"""The evidence itself: the search finds what is there, and a short run of the real edge leaves nothing."""

import base64
import ctypes
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fixtures.roads import LISTED_EVERY, Road, Scene, cast
from benchmarks.forgetting import crash, lateness
from benchmarks.forgetting.abort import core_dumped
from benchmarks.forgetting.forgetting_trial import measured
from benchmarks.forgetting.known import telling
from benchmarks.forgetting.live_control import blind
from benchmarks.forgetting.trace import read_trace
from benchmarks.forgetting.trial import Trial
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.memory_scan import Coverage, Found, Pattern, Scanner, search_process
from benchmarks.leaks import held
from benchmarks.leaks.builds import Remembering
from benchmarks.patterns import canaries as clip_of
from benchmarks.patterns.canaries import FPS
from benchmarks.patterns.encoded import ENCODED, Gallery, Searcher
from benchmarks.patterns.picture_forms import frame_patterns, packet_patterns
from benchmarks.patterns.plants import plant, plants
from benchmarks.patterns.text_forms import PART, Parts, text_patterns
from edge.flow import Pixels
from hitonly_core.clock import NS

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


def test_memory_that_changes_while_it_is_searched_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
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

        appeared: list[int] = []

        def changing(memory: int, size: int, at: int) -> bytes:
            """Have the process change its mappings when the search has come to the first of them."""
            block = read(memory, size, at)
            if not appeared and at <= start < at + len(block):
                print(file=asked, flush=True)
                appeared.append(int(answer.readline()))
            return block

        read = os.pread
        monkeypatch.setattr("benchmarks.harness.memory_scan.os.pread", changing)
        coverage = Coverage()
        scanner = Scanner([Pattern(bytes(range(65, 91)), 1, "x")])
        found = {each.address for each in search_process(child.pid, scanner, coverage)}
        child.communicate("")
    assert appeared, "the search never came to the mapping"
    assert {start, appeared[0] + (16 << 20) - 26} <= found
    assert coverage.whole, dict(coverage.skipped)


def test_a_process_that_ends_is_searched_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ends after its memory was copied is searched all the same; one that ends before proves nothing."""
    if os.geteuid() != 0:
        pytest.skip("reading another process's memory takes root")
    code = "import sys; word = bytes(range(65, 91)) * 4; print(flush=True); sys.stdin.read()"

    class Ending(Scanner):
        """Ends the process before the copy is searched."""

        def search(self, block: bytes | memoryview, place: str = "", base: int = 0) -> Iterator[Found]:
            child.kill()
            child.wait()
            return super().search(block, place, base)

    def started() -> "subprocess.Popen[str]":
        line, pipe = [sys.executable, "-c", code], subprocess.PIPE
        child = subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True)
        assert child.stdout is not None
        child.stdout.readline()
        return child

    patterns = [Pattern(bytes(range(65, 91)), 1, "x")]
    with started() as child:
        coverage = Coverage()
        assert search_process(child.pid, Ending(patterns), coverage)
        assert coverage.whole

    def killing(memory: int, size: int, at: int) -> bytes:
        child.kill()
        child.wait()
        return read(memory, size, at)

    read = os.pread
    with started() as child:
        monkeypatch.setattr("benchmarks.harness.memory_scan.os.pread", killing)
        coverage = Coverage()
        with pytest.raises(ProcessLookupError):
            search_process(child.pid, Scanner(patterns), coverage)
        assert coverage == Coverage()


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


def test_every_form_of_a_text_is_in_what_the_leaky_build_keeps() -> None:
    """Each form, made by other code: else the control of the search would be blind for it."""
    kept = held._texts("QX77ZZT")
    words = [each.encode() if isinstance(each, str) else each for each in kept]
    content = b"\n".join(each for each in words if isinstance(each, bytes))
    for form in ("UTF-16, big-endian", "UTF-32, big-endian", "lower case, UTF-16", "reversed, lower case",
                 "base32", "a number to base 36, decimal", "ASCII", "hex"):  # fmt: skip
        wanted = [each.content for each in text_patterns(3, "QX77ZZT") if each.form == form]
        assert len(wanted) == 1, form
        assert wanted[0] in content, form


def test_a_code_is_looked_for_as_python_keeps_its_ints() -> None:
    """The form's bytes are those of a live int object of this very interpreter."""
    forms = {pattern.form: pattern.content for pattern in text_patterns(3, "QX77ZZT")}
    code = int.from_bytes(forms["code, big-endian"], "big")
    assert forms["code, Python int"] in ctypes.string_at(id(code), sys.getsizeof(code))


@pytest.mark.parametrize("before", ["", "?", "??", "{'plate': '"])
def test_base64_is_found_wherever_the_plate_begins(before: str) -> None:
    """One of the three forms lies in the base64 of a longer text."""
    whole = base64.b64encode(f"{before}QX77ZZT and more".encode())
    contents = [each.content for each in text_patterns(3, "QX77ZZT") if each.form.startswith("base64")]
    assert sum(content in whole for content in contents) == 1


def test_a_part_of_a_plate_is_found_as_a_word_and_not_inside_one() -> None:
    """Four characters are found in a line of output; a longer word that holds them is not one."""
    people = cast(24, 3)
    parts = Parts(people.unlisted)
    text = people.unlisted[0].text
    assert [each.form for each in parts.search(f'{{"seen": "{text[:4]}"}}'.encode())] == [PART]
    assert list(parts.search(f"x{text[:4]}y deadbeef 12345678 BEEF".encode())) == []


@pytest.mark.parametrize(
    ("kind", "quality"), [(".jpg", 35), (".jpg", 71), (".jpg", 98), (".png", 3), (".webp", 60)]
)
def test_a_crop_is_found_whatever_coder_and_quality_it_was_encoded_with(kind: str, quality: int) -> None:
    """Between other bytes, an encoded crop of a canary is found; another picture is not."""
    scene = Scene(Road.ONE_CAR, cast(12, 3), 3, 12)
    picture, (canary, (left, top, right, bottom)) = next(
        (p, places[0]) for p, places in scene.frames() if places
    )
    crop = picture[top:bottom, left:right]
    flags = {
        ".jpg": cv2.IMWRITE_JPEG_QUALITY,
        ".png": cv2.IMWRITE_PNG_COMPRESSION,
        ".webp": cv2.IMWRITE_WEBP_QUALITY,
    }
    gallery = Gallery([(canary.number, crop)])

    def found(of: Pixels) -> list[tuple[int, str, int]]:
        encoded = cv2.imencode(kind, of, [flags[kind], quality])[1].tobytes()
        return [(e.canary, e.form, e.address) for e in gallery.search(b"x" * 99 + encoded + b"y" * 99)]

    assert found(crop) == [(canary.number, ENCODED, 99)]
    assert found(np.random.default_rng(1).integers(0, 255, crop.shape, np.uint8)) == []


def test_a_part_of_a_packet_that_another_picture_has_too_tells_no_plate() -> None:
    """Two key pictures are encoded alike where nothing has changed; what only a plate's picture has is kept."""
    rng = np.random.default_rng(1)
    ground, plate = rng.bytes(600), rng.bytes(600)
    patterns = list(packet_patterns(1, ground + plate))
    kept = telling(patterns, [rng.bytes(50) + ground + rng.bytes(500)])
    assert kept == [each for each in patterns if each.content in plate]
    assert len(kept) == len(patterns) / 2


def test_a_form_that_was_not_seen_live_makes_the_gate_blind() -> None:
    """A gate that has not found a form in the edge itself says so by the form's name."""
    assert "edge: ASCII" in blind({"edge": Counter({"hex": 1})}, frozenset({"ASCII", "hex"}))
    assert "edge: hex" not in blind({"edge": Counter({"hex": 1})}, frozenset({"ASCII", "hex"}))


def test_controls_are_planted_into_another_processs_own_memory_and_found() -> None:
    """Every form of a plate that was never shown is found where it was written: in its stack, from outside."""
    if os.geteuid() != 0:
        pytest.skip("reading another process's memory takes root")
    code = "import sys; print(1, flush=True); sys.stdin.read()"
    command = [sys.executable, "-I", "-S", "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        patterns, crops = plants("watchdog", 2, 5)
        plant(child.pid, patterns, crops)
        found = search_process(child.pid, Searcher(patterns, Gallery(crops)), Coverage())
        child.communicate("")
    wanted = {(each.canary, each.form) for each in patterns} | {(number, ENCODED) for number, _ in crops}
    assert {(each.canary, each.form) for each in found} == wanted


def test_the_same_traffic_can_be_drawn_with_other_plates() -> None:
    """Only the characters of unlisted plates differ: their places, formats and the listed plates are the same."""
    ours, others = cast(24, 3), cast(24, 3, other=1)
    assert ours.listed == others.listed
    assert not {each.text for each in ours.unlisted} & {each.text for each in others.unlisted}
    assert [each.form for each in ours.canaries] == [each.form for each in others.canaries]
    for road in Road:
        first, second = (Scene(road, each, 3, 30) for each in (ours, others))
        assert first.shown_s == second.shown_s
        boxes = [[[box for _, box in places] for places in scene.places()] for scene in (first, second)]
        assert boxes[0] == boxes[1]


def test_cars_that_stop_are_kept_by_a_background_of_pixels() -> None:
    """The road with stopped cars can fail: a gate that learns pixels at rest still has rows of their plates."""
    people = cast(12, 3)
    scene = Scene(Road.STOPPED, people, 3, 60)
    background, patterns = Remembering(), []
    for number, (picture, places) in enumerate(scene.frames()):
        background.look(np.ascontiguousarray(picture[::4, ::4, 1]), number * NS // FPS)
        if number == round(scene.shown_s * FPS) - 100:
            patterns = [
                each for canary, box in places for each in frame_patterns(canary.number, picture, box)
            ]
    assert background.background is not None
    found = {each.form for each in Scanner(patterns).search(background.background.tobytes())}
    assert found == {"thinned by 4"}


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
    assert set(outcome.planted) == {"edge", "capture process", "watchdog"}
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
    command = [sys.executable, "-m", "benchmarks.forgetting.crash", "--points", "40", "--seed", "7"]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=120)
    assert ended.returncode == 0, ended.stdout
    assert crash._PLATE.encode() not in ended.stderr


def test_the_purges_lateness_is_measured_for_every_read() -> None:
    """Each of the reads is destroyed by the purge and has its lateness; what is early is not late."""
    late = lateness.measure(200, seconds=0.5, busy=1)
    assert len(late) == 200
    assert float(np.min(late)) >= 0
