"""The differential trial sees each kind of leak in a real record, and is quiet where nothing leaks."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.differential.differential_compare import Told, compare, compare_times, faults, told
from benchmarks.differential.differential_leaks import HEAD, LEAKS, leaky
from benchmarks.differential.differential_names import hit_sizes, strange
from benchmarks.differential.differential_road import SHEET, Road, draw_vehicles, drawn_again, is_listed
from benchmarks.differential.outflow import Call, FileLeft, Outflow, changed_since, files_in
from benchmarks.differential.outflow_rules import Keys
from benchmarks.differential.outflow_trace import read_outflow, tracer
from hitonly_core.keys import SealKey, SigningKey

ROOT = Path(__file__).resolve().parents[1]
KEYS = Keys(SigningKey.generate(), SealKey.generate())
PLATES, OTHERS = ("ZK15SXA", "XDVX338", "UJ382JP"), ("ZY62QWN", "XKBH697", "UY280MF")
ROUND_THE_RECORD = ("memory that the kernel shares", "mapped file that is emptied")
"""Leaks whose calls are the same whatever the plate is: nothing but an allow-list sees them."""
NEVER_THE_SAME = (
    "hash with a random salt on stderr", "times of reads in a file", "name of the process",
    "memory that the kernel shares", "queue of the kernel's",
)  # fmt: skip
"""Leaks that look another way each time; the kernel numbers its queues anew."""
PROGRAM = f"""from hotlist.plate import PAD
{HEAD}    {{}}

for plate in sys.stdin.read().split():
    leak(plate, None, None)
"""


def recorded(folder: Path, statements: str, plates: tuple[str, ...]) -> Outflow:
    """Run a leak's statements over plates in a small process, traced as the box is."""
    box = folder / "box"
    subprocess.run(["rm", "-rf", str(box)], check=True)
    (box / "state").mkdir(parents=True)
    (box / "state" / "lock").touch()
    given = files_in(box)
    with (box / "out.txt").open("wb") as out, (box / "err.txt").open("wb") as err:
        done = subprocess.run(
            [*tracer(folder / "record"), sys.executable, "-c", PROGRAM.format(statements)],
            cwd=box, env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            input=" ".join(plates).encode(), stdout=out, stderr=err, check=False,
        )  # fmt: skip
    run = read_outflow(folder / "record")
    run.exit_code, run.left = done.returncode, changed_since(given, box)
    assert b"Traceback" not in (box / "err.txt").read_bytes()
    return run


def told_of(run: Outflow) -> Told:
    """Apply the rules."""
    return told(run, KEYS)


@pytest.mark.system("strace")
def test_a_program_that_tells_nothing_is_quiet(tmp_path: Path) -> None:
    """Plates that are only counted and hashed in memory leave no difference, no fault and nothing strange."""
    work = "import hashlib; hashlib.sha256(plate.encode()).digest(); _SEEN.add(plate)"
    runs = [recorded(tmp_path, work, plates) for plates in (PLATES, OTHERS, PLATES, PLATES[:1])]
    first, *rest = map(told_of, runs)
    assert [str(each) for other in rest for each in compare(first, other)] == []
    assert faults([first, *rest]) == []
    assert not [each for run in runs for each in strange(run, str(tmp_path / "box"))]


@pytest.mark.system("strace")
@pytest.mark.parametrize("kind", LEAKS)
def test_each_kind_of_leak_is_seen(kind: str, tmp_path: Path) -> None:
    """Other plates, or fewer, change what the record shows, whatever the leak's form is."""
    first, other, again, fewer = (
        told_of(recorded(tmp_path, LEAKS[kind], plates)) for plates in (PLATES, OTHERS, PLATES, PLATES[:2])
    )
    assert compare(first, fewer)
    if kind not in {"empty datagram at each read", "file touched at each read", *ROUND_THE_RECORD}:
        assert compare(first, other)
    if kind not in NEVER_THE_SAME:
        assert not compare(first, again), "what hangs on the plates alone is told from what is random"


@pytest.mark.system("strace")
@pytest.mark.parametrize(
    "kind",
    ["times of reads in a file", "code under a constant in a file", "length of a file", "order of two writes",
     "address that is connected to", "empty datagram at each read", *ROUND_THE_RECORD],
)  # fmt: skip
def test_what_no_allow_list_names_is_strange(kind: str, tmp_path: Path) -> None:
    """One run alone shows a file, a size or an address that a box has no business with."""
    run = recorded(tmp_path, LEAKS[kind], PLATES)
    assert list(strange(run, str(tmp_path / "box")))


def test_names_and_sizes_are_held_to_the_allow_list() -> None:
    """A known name passes; the same file with a byte in it, a plate for an id, a link, a folder do not."""

    def left(name: str, size: int = 0) -> list[str]:
        return list(strange(Outflow(left={name: FileLeft(size, 0o100600, 0.0, b"")}), "/box"))

    assert not left("state/lock")
    for size in hit_sizes():
        assert not left("spool/85224184-601d-4707-848f-78af403517cf.hit", size)
        assert left("spool/85224184-601d-4707-848f-78af403517cf.hit", size - 1)
    assert left("state/lock", 1)
    assert left("spool/85224184-601d-1707-848f-78af403517cf.hit", min(hit_sizes())), "not version 4"
    assert left("spool/85224184-601d-4707-848f-78af403517cf.hit", 1 << 20)
    assert left("spool/.85224184-601d-4707-848f-78af403517cf.hit.0011223344556677.part", 10), "unfinished"
    assert left("state/ZK15SXA")
    assert left("state/receipts-2026.jsonl", 100)
    assert left("elsewhere/lock")


def test_a_file_made_and_removed_meanwhile_is_strange() -> None:
    """What is gone at the end was on record all the same; so is a name that is only linked or renamed to."""
    for name in ("openat", "rename", "link", "symlink", "mkdir", "unlink"):
        assert list(strange(Outflow(calls=[Call("edge 0", name, "/box/state/ZK15SXA")]), "/box"))
        assert list(strange(Outflow(calls=[Call("edge 0", name, "/elsewhere")]), "/box"))
    assert not list(strange(Outflow(calls=[Call("edge 0", "openat", "/box/state/lock")]), "/box"))
    assert list(strange(Outflow(unseen=["splice"]), "/box"))


def test_only_the_departments_address_may_be_spoken_to() -> None:
    """Bytes to the department pass; to any other address, port or socket they do not."""

    def spoken(target: str) -> list[str]:
        return list(
            strange(Outflow(calls=[Call("edge 5", "sendto", target, "", b"x")]), "/box", "127.0.0.1:80")
        )

    assert not spoken("TCP 127.0.0.1:80")
    for other in ("TCP 127.0.0.1:8080", "TCP 127.0.0.2:80", "UDP 127.0.0.1:80", "UNIX:[]", ""):
        assert spoken(other)


def test_times_are_compared_to_the_stated_step_only() -> None:
    """A write that comes six seconds earlier differs at a step of five; one second does not."""
    runs = [
        Outflow(calls=[Call("edge 0", "write", "/box/x", "", b"x", at)], started=100.0)
        for at in (110, 111, 116)
    ]
    first, near, far = map(told_of, runs)
    assert not compare_times(first, near, 5.0)
    assert compare_times(first, far, 5.0)
    assert not compare(first, far)


def test_the_order_in_which_files_were_changed_is_compared() -> None:
    """Two threads may each change a file of their own; which was first can tell a bit."""

    def changed(lock: float, receipts: float) -> Outflow:
        times = {"state/lock": lock, "trust/lock": receipts}
        left = {name: FileLeft(0, 0o100600, at, b"") for name, at in times.items()}
        return Outflow(left=left, started=100.0, ended=110.0)

    first, same, swapped = map(told_of, (changed(101, 102), changed(103, 109), changed(102, 101)))
    assert not compare(first, same)
    assert [str(each) for each in compare(first, swapped)] == [
        "files left: state/lock and trust/lock changed in another order"
    ]


def test_a_road_drawn_again_has_the_same_vehicles_with_other_plates() -> None:
    """The same formats and lengths; each non-hit's text is another, at nearly every place; hits stay."""
    shown = draw_vehicles(16, 1)
    for one, other in zip(shown, drawn_again(shown, 2), strict=True):
        assert (one.number, one.form, len(one.text)) == (other.number, other.form, len(other.text))
        assert (one.text == other.text) == is_listed(one)


def test_listed_vehicles_pass_among_themselves() -> None:
    """No frame shows a listed plate beside another; nobody is lost, or shown twice, late or not."""
    shown = draw_vehicles(20, 1)
    late = frozenset(each.number for each in shown[:6] if not is_listed(each))
    for road in (Road(shown), Road(shown, late=late)):
        sheets = road.sheets()
        assert all(len(sheet) <= SHEET for sheet in sheets)
        assert sorted(each.number for sheet in sheets for each in sheet) == list(range(20))
        assert all(len({is_listed(each) for each in sheet}) <= 1 for sheet in sheets)
    assert {each.number for each in Road(shown, late=late).sheets()[-1]} == late
    assert not {each.number for sheet in Road(shown, absent=late).sheets() for each in sheet} & late


def test_a_leak_is_planted_in_the_code_as_it_stands(tmp_path: Path) -> None:
    """The copy's pipeline calls the leak at each reading, and is a program."""
    for number, statements in enumerate(LEAKS.values()):
        path = leaky(tmp_path / str(number), statements) / "edge" / "pipeline" / "loop.py"
        compile(path.read_text(), str(path), "exec")
        assert path.read_text().count("leak(") == 2
