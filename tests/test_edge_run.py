"""The box as installed: the real command line on drawn clips, with the bundled weights."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.fixtures.ground_truth import Truth
from benchmarks.fixtures.render import RenderSpec, render
from edge.department.ledger import read_lines
from edge.errors import Exit
from protocol.receipt_chain import verify
from protocol.receipts import Reason
from tests.box_kit import ROOT, Department, alpr_edge, events


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """Render ten seconds of road with its truth."""
    path = tmp_path_factory.mktemp("clip") / "road.mp4"
    return path, render(RenderSpec(seed=7, seconds=10, traffic=30), path)


@pytest.fixture
def department(tmp_path: Path) -> Department:
    """Make a department and its box."""
    return Department(tmp_path)


def source(path: Path, extra: str = "") -> str:
    """Return the camera's source line for a clip."""
    return f'source = {{ kind = "file", path = {json.dumps(str(path))}{extra} }}'


def test_hits_are_found_sealed_and_everything_else_is_destroyed(
    clip: tuple[Path, Truth], department: Department
) -> None:
    """The listed plates that passed are the hits, once each; the ledger adds up; no output holds any plate."""
    path, truth = clip
    passed = [each.plate for each in truth.passes]
    listed = passed[::2]
    department.publish(*listed, "ZZ99QQQ")
    done = alpr_edge("run", "--config", str(department.configure(source(path))), "--json")
    assert done.returncode == 0, done.stderr
    assert sorted(hit.matches[0].entry.plate for hit in department.hits()) == sorted(listed)
    counts = events(done)[-1]["counts"]
    assert counts["reads"] >= len(passed)
    assert counts["hits"] == len(listed)
    assert (counts["destroyed"], counts["live"]) == (counts["reads"] - len(listed), 0)
    camera = events(done)[-1]["cameras"]["north"]
    assert camera["frames"] == truth.frames  # every picture was decoded,
    assert camera["looked"] <= camera["watched"] < truth.frames / 2  # and most were not needed
    output = done.stdout + done.stderr
    assert not [plate for plate in passed if plate in output]
    written = b"".join(each.read_bytes() for each in department.folder.rglob("*") if each.is_file())
    assert not [plate for plate in passed if plate.encode() in written]
    assert department.hits()[0].plate_read.encode() in repr(listed).encode(), "the positive control"


def test_the_receipts_of_a_run_verify(clip: tuple[Path, Truth], department: Department) -> None:
    """A run leaves a start and a stop receipt, chained and signed; `receipts verify` says that they hold."""
    department.publish("ZZ99QQQ")
    config = department.configure(source(clip[0], ", every = 10"))
    for _ in range(2):
        assert alpr_edge("run", "--config", str(config)).returncode == 0
    state = department.folder / "state"
    verdict = verify(read_lines(state), department.device.public)
    assert verdict.holds
    assert verdict.receipts == 4
    key = str(department.folder / "signing.pub")
    assert "holds" in alpr_edge("receipts", "verify", str(state), "--key", key).stdout
    lines = (state / "receipts.jsonl").read_bytes().splitlines(keepends=True)
    assert Reason.STOP.value.encode() in lines[-1]
    (state / "receipts.jsonl").write_bytes(b"".join([lines[0], *lines[2:]]))
    broken = alpr_edge("receipts", "verify", str(state), "--key", key)
    assert broken.returncode == Exit.FAULT
    assert "DOES NOT HOLD" in broken.stdout


def test_a_stale_list_does_not_alert(clip: tuple[Path, Truth], department: Department) -> None:
    """R7: with a list older than 24 h the box reads, forgets, never alerts, and says so."""
    department.publish(clip[1].passes[0].plate, issued=datetime.now(UTC) - timedelta(hours=25))
    done = alpr_edge("run", "--config", str(department.configure(source(clip[0], ", every = 5"))), "--json")
    assert done.returncode == 0, done.stderr
    summary = events(done)[-1]
    assert summary["counts"]["hits"] == 0
    assert summary["list_state"] != "fresh"
    assert any("refused" in each.get("text", "") for each in events(done))


def test_a_cancelled_entry_stops_alerting_while_the_box_runs(
    clip: tuple[Path, Truth], department: Department
) -> None:
    """A new version without the entry, published before the vehicle comes, ends its alerts at once."""
    last = clip[1].passes[-1].plate
    department.publish(last)
    config = department.configure(source(clip[0], ", realtime = true"))
    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as edge:
        lines = iter(edge.stdout or ())
        assert any('"reading"' in line for line in lines)
        department.publish("ZZ99QQQ")
        output = "".join(lines)
    assert edge.returncode == 0
    assert "version 2" in output
    assert json.loads(output.splitlines()[-1])["counts"]["hits"] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly(number: int, clip: tuple[Path, Truth], department: Department) -> None:
    """Ctrl-C and SIGTERM: live reads are destroyed, the ledger is printed, the last receipt written, exit 0."""
    department.publish("ZZ99QQQ")
    config = department.configure(source(clip[0], ", realtime = true"))
    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as edge:
        lines = iter(edge.stdout or ())
        assert any('"reading"' in line for line in lines)
        time.sleep(1)
        os.kill(edge.pid, number)
        output = "".join(lines)
    assert edge.returncode == 0
    assert json.loads(output.splitlines()[-1])["counts"]["live"] == 0
    assert verify(read_lines(department.folder / "state"), department.device.public).holds


@pytest.mark.parametrize(
    ("spoil", "code", "word"),
    [
        (lambda box: (box.folder / "hotlist.sealed").write_bytes(b"garbage"), Exit.OK, "refused"),
        (lambda box: (box.folder / "signing.key").unlink(), Exit.KEY, "signing.key"),
        (lambda box: (box.folder / "sealing.key").chmod(0o644), Exit.KEY, "others can read"),
        (lambda box: (box.folder / "department.pub").write_text("{}"), Exit.KEY, "department.pub"),
        (lambda box: (box.folder / "spool").write_text(""), Exit.STORAGE, "spool"),
        (lambda box: (box.folder / "clip.mp4").write_bytes(b""), Exit.SOURCE, "clip.mp4"),
        (lambda box: (box.folder / "clip.mp4").unlink(), Exit.SOURCE, "clip.mp4"),
        (lambda box: (box.folder / "trust" / "trust.json").write_text("{"), Exit.OK, "trust.json"),
    ],
)
def test_bad_input_is_one_clear_line_and_a_documented_code(
    spoil: object, code: int, word: str, clip: tuple[Path, Truth], department: Department
) -> None:
    """What is wrong, where, and how to mend it; never a traceback; nothing half-written."""
    (department.folder / "clip.mp4").write_bytes(clip[0].read_bytes())
    department.publish("ZZ99QQQ")
    config = department.configure(source(department.folder / "clip.mp4", ", every = 20"))
    spoil(department)  # type: ignore[operator]
    done = alpr_edge("run", "--config", str(config))
    assert done.returncode == code, done.stderr
    assert word in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not list(department.folder.rglob("*.part"))


def test_check_says_what_is_wrong_and_what_protects(clip: tuple[Path, Truth], department: Department) -> None:
    """`alpr-edge check` exits 0 on a good box, 3 on a bad one, and lists every protective measure."""
    department.publish("ZZ99QQQ")
    config = department.configure(source(clip[0]))
    good = alpr_edge("check", "--config", str(config))
    assert good.returncode == 0, good.stdout + good.stderr
    for what in ("models", "hot list", "camera north", "no-core-dump", "memory-locked"):
        assert what in good.stdout
    (department.folder / "department.pub").unlink()
    bad = alpr_edge("check", "--config", str(config))
    assert bad.returncode == Exit.CONFIG
    assert "wrong" in bad.stdout


@pytest.mark.parametrize("limited", [False, True])
def test_frames_that_are_not_locked_are_named(
    clip: tuple[Path, Truth], department: Department, *, limited: bool
) -> None:
    """A box that may not lock its memory says so of each camera's frames, in `check` and in a run."""
    department.publish("ZZ99QQQ")
    config = str(department.configure(source(clip[0], ", every = 20")))
    if os.geteuid() != 0:
        pytest.skip("giving up the right to lock memory takes having it: root")
    limit = ["prlimit", "--memlock=65536:65536", "setpriv", "--bounding-set=-ipc_lock,-sys_resource"]
    done = {}
    for word in ("check", "run"):
        plain = [sys.executable, "-m", "edge.cli", word, "--config", config]
        command = [*limit, *plain] if limited else plain
        done[word] = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
        ).stdout
    assert ("NOT locked in RAM" in done["check"]) is limited
    assert ("frames locked in RAM" in done["check"]) is not limited
    assert ("frames-locked (north)" in done["run"]) is limited


def test_keygen_makes_private_keys_once(tmp_path: Path) -> None:
    """Two pairs, the private halves 0600; a second run changes nothing and says why."""
    assert alpr_edge("keygen", str(tmp_path / "keys")).returncode == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    assert set(before) == {"signing.key", "signing.pub", "sealing.key", "sealing.pub"}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").glob("*.key")} == {0o600}
    assert alpr_edge("keygen", str(tmp_path / "keys")).returncode == Exit.KEY
    assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before
