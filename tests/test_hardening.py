"""Every measure is tried in a process of its own, because none can be taken back."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from edge.hardening.renewal import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[1]
PLATE = "QX77ZZT"


def _run(code: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    program = textwrap.dedent(code)
    known = {key: value for key, value in os.environ.items() if key not in ENVIRONMENT}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={**known, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _answer(code: str, *arguments: str, **environment: str) -> dict[str, Any]:
    ended = _run(code, *arguments, **environment)
    assert ended.returncode == 0, ended.stderr
    answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return answer


HARDEN = """
import json, os, sys
from pathlib import Path
from edge.hardening import process as hardening
from edge.hardening.renewal import renew
from edge.hardening.landlock import Allowed
renew()
allowed = Allowed((Path(sys.argv[1]),), connect=(9,))
states = {m.name: [m.state, m.reason] for m in hardening.harden(allowed)}
"""


def test_every_measure_is_reported(tmp_path: Path) -> None:
    """Each of the numbered measures is there by name; what is not applied says why."""
    states = _answer(HARDEN + "print(json.dumps(states))", str(tmp_path))
    assert set(states) == {
        "freed-memory-overwritten", "no-core-dump", "not-dumpable", "no-new-privileges", "memory-locked",
        "no-swap", "files-limited", "tcp-limited", "discreet-faults", "kernel-zeroes-freed-pages",
    }  # fmt: skip
    for state, reason in states.values():
        assert (state == "applied") == (reason == "")


def test_the_kernel_confirms_what_was_applied(tmp_path: Path) -> None:
    """The process's own status and limits agree with the report."""
    code = """
    import resource
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    memory = open("/proc/self/smaps").read() if os.getuid() == 0 else ""
    print(json.dumps({
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "privileges": status["NoNewPrivs"].strip(),
        "owner": os.stat("/proc/self/status").st_uid,
        "locked": int(status["VmLck"].split()[0]) > 0,
        "said": states["memory-locked"][0],
        "swap": int(status["VmSwap"].split()[0]),
    }))
    """
    answer = _answer(HARDEN + textwrap.dedent(code), str(tmp_path))
    assert answer["core"] == [0, 0]
    assert answer["privileges"] == "1"
    assert answer["owner"] == 0  # an undumpable process's files belong to root
    assert answer["locked"] == (answer["said"] == "applied")
    assert answer["swap"] == 0


def test_freed_memory_is_overwritten_from_a_new_start_only(tmp_path: Path) -> None:
    """The allocator's settings hold after `renew`; without it the measure is reported as refused."""
    with_it = _answer(HARDEN + "print(json.dumps(states))", str(tmp_path))
    without = _answer(HARDEN.replace("renew()\n", "") + "print(json.dumps(states))", str(tmp_path))
    assert without["freed-memory-overwritten"][0] == "refused"
    assert with_it["freed-memory-overwritten"][0] == "applied"


def test_files_are_written_in_the_allowed_folders_only(tmp_path: Path) -> None:
    """After hardening the spool can be written and nothing else, by this process and its children."""
    code = """
    if states["files-limited"][0] != "applied":
        print(json.dumps({"absent": states["files-limited"]})); sys.exit()
    inside, outside = Path(sys.argv[1]), Path(sys.argv[2])
    def tried(act):
        try:
            act()
        except PermissionError:
            return "refused"
        return "done"
    part = inside / "x.part"
    print(json.dumps({
        "write": tried(lambda: part.write_text("x")),
        "move": tried(lambda: part.rename(inside / "x")),
        "remove": tried((inside / "x").unlink),
        "null": tried(lambda: Path("/dev/null").write_text("x")),
        "outside": tried(lambda: (outside / "y").write_text("x")),
        "truncate": tried(lambda: os.truncate(outside / "there", 0)),
        "append": tried(lambda: open(outside / "there", "a")),
        "delete": tried((outside / "there").unlink),
        "link": tried(lambda: (inside / "l").symlink_to("/etc")),
        "child": os.waitstatus_to_exitcode(os.system(f"echo x > {outside}/z 2>/dev/null")) != 0,
        "read": tried(lambda: (outside / "there").read_text()),
    }))
    """
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
    (outside / "there").write_text("kept")
    answer = _answer(HARDEN + textwrap.dedent(code), str(inside), str(outside))
    if "absent" in answer:
        pytest.skip("the kernel has no Landlock")
    assert answer == {
        "write": "done", "move": "done", "remove": "done", "null": "done", "outside": "refused",
        "truncate": "refused", "append": "refused", "delete": "refused", "link": "refused", "child": True,
        "read": "done",
    }  # fmt: skip
    assert [path.name for path in outside.iterdir()] == ["there"]
    assert (outside / "there").read_text() == "kept"


def test_tcp_goes_to_the_allowed_ports_only(tmp_path: Path) -> None:
    """The department's port may be tried; every other is refused before a packet leaves."""
    code = """
    import errno, socket
    def tried(act, port):
        with socket.socket() as line:
            try:
                act(line, ("127.0.0.1", port))
            except OSError as error:
                return errno.errorcode[error.errno]
        return "done"
    print(json.dumps({
        "said": states["tcp-limited"][0],
        "allowed": tried(socket.socket.connect, 9),
        "other": tried(socket.socket.connect, 10),
        "listen": tried(socket.socket.bind, 45678),
    }))
    """
    answer = _answer(HARDEN + textwrap.dedent(code), str(tmp_path))
    if answer["said"] != "applied":
        pytest.skip("the kernel's Landlock does not limit TCP")
    assert answer["allowed"] == "ECONNREFUSED"
    assert answer["other"] == "EACCES"
    assert answer["listen"] == "EACCES"


def test_threads_that_run_already_are_not_passed_over(tmp_path: Path) -> None:
    """Landlock would not bind them, so the measure says refused rather than applied."""
    code = HARDEN.replace(
        "renew()\n",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n",
    )
    states = _answer(code + "print(json.dumps(states))", str(tmp_path))
    assert states["files-limited"][0] == "refused"
    assert "threads" in states["files-limited"][1]


def test_no_core_is_dumped(tmp_path: Path) -> None:
    """An abort leaves no core, although the limit was raised before; without hardening it would leave one."""
    code = """
    import os, resource, sys
    os.chdir(sys.argv[1])
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    """
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith(("|", "/")):
        pytest.skip("cores go elsewhere on this machine")
    free, hardened = tmp_path / "free", tmp_path / "hardened"
    for folder in (free, hardened):
        folder.mkdir()
    _run(textwrap.dedent(code) + "os.abort()", str(free))
    _run(textwrap.dedent(code) + HARDEN + "os.abort()", str(hardened))
    assert list(hardened.iterdir()) == []
    if not list(free.iterdir()):
        pytest.skip("this machine dumps no cores at all: nothing to compare with")


@pytest.mark.parametrize(
    ("allow", "ends"), [("False", "reads could reach swap: 1 swap area(s)"), ("True", "started")]
)
def test_unlocked_memory_beside_swap_refuses_to_start(tmp_path: Path, allow: str, ends: str) -> None:
    """Swap in use and memory that cannot be locked: no start, unless the unsafe key says so (R2)."""
    code = f"""
    import sys
    from pathlib import Path
    from edge.hardening import process as hardening
    from edge.errors import ConfigError, Exit
    from edge.hardening.landlock import Allowed
    from hitonly_core.safeguard import Measure, State
    hardening.lock_everything = lambda: Measure("memory-locked", State.REFUSED, "the limit is 64 kB")
    hardening.SWAPS = Path(sys.argv[1]) / "swaps"
    try:
        hardening.harden(Allowed(()), unsafe_allow_swap={allow})
    except ConfigError as error:
        assert error.exit_code is Exit.CONFIG and "unsafe_allow_swap" in error.hint
        sys.exit(str(error))
    sys.exit("started")
    """
    (tmp_path / "swaps").write_text("Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n")
    assert _run(code, str(tmp_path)).stderr.startswith(ends)


FAULTS = {
    "uncaught": "raise ValueError(PLATE)",
    "in a thread": "t = threading.Thread(target=lambda: {}[PLATE]); t.start(); t.join()",
    "unraisable": "class A:\n    def __del__(self): raise OSError(PLATE)\nA()",
    "logged": "try:\n    int(PLATE)\nexcept ValueError:\n    log.exception('it failed: %s', 'here')",
    "logged value": "log.error('cannot read %s', ValueError(PLATE))",
    "logged array": "log.error('table %s of %s', np.frombuffer(PLATE.encode(), np.uint8), PLATE.encode())",
    "logged object": "log.error(np.array([PLATE]))",
    "logged by name": "log.error('%(x)s', {'x': [PLATE]})",
    "malformed": "log.error('%d %d', [PLATE])",
    "chained": "try:\n    int(PLATE)\nexcept ValueError as e:\n    raise RuntimeError(PLATE) from e",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_no_fault_and_no_log_shows_a_value(fault: str) -> None:
    """However a fault comes out, its type and place are said, and nothing of what it held (R2)."""
    code = """
    import logging, sys, threading
    import numpy as np
    if {hook}:
        from edge.hardening.redaction import be_discreet
        be_discreet()
    logging.basicConfig(level=logging.DEBUG)
    log = logging.getLogger("edge.somewhere")
    PLATE = "QX77" + "ZZT"
    """
    program = textwrap.dedent(code) + fault
    marks = (PLATE, "81, 88", "81  88", "81 88")
    shown = _run(program.replace("{hook}", "True")).stderr
    assert not any(mark in shown for mark in marks), "a value came out"
    assert shown or "%d" in fault, "nothing was said at all"  # a malformed call is dropped whole
    bare = _run(program.replace("{hook}", "False")).stderr
    assert any(mark in bare for mark in marks), "the control shows nothing, so this test could not fail"


def test_our_own_errors_keep_their_words() -> None:
    """What an operator needs stays: our errors promise to hold no plate, so they are shown as they are."""
    code = """
    import logging
    from edge.hardening.redaction import be_discreet
    from edge.errors import StorageError
    be_discreet()
    logging.basicConfig()
    logging.getLogger("x").error("%s at %d of %s", StorageError("the spool is full"), 3, "five")
    """
    assert "the spool is full at 3 of five" in _run(code).stderr
