"""A build that is broken on purpose fails the benchmark: the fault is planted in a copy of the code itself."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.forgetting.forgetting_report import report_trial
from benchmarks.forgetting.forgetting_trial import measured
from benchmarks.forgetting.trial import Trial
from benchmarks.harness.results import Part, assemble, failed_checks
from benchmarks.patterns.encoded import ENCODED
from benchmarks.patterns.text_forms import PART

ROOT = Path(__file__).resolve().parents[1]
SLOWED = (
    "edge/pipeline/loop.py",
    "for detection in detections_of(self.camera.detector, frame.pixels)",
    "for detection in [detections_of(self.camera.detector, frame.pixels) for _ in range(6)][-1]",
)
LOST = (
    "edge/pipeline/loop.py",
    '        if hit is not None:\n            with self.stages.of("seal")',
    '        if hit is not None and self.tally.hits % 2:\n            with self.stages.of("seal")',
)
IN_MEMORY = {
    "READER_FLOATS": "reader's input, float32",
    "I420_FRAMES": "Y plane, converted",
    "GATE_FRAMES": "thinned by 4",
    "INTS": "code, Python int",
    "PNGS": ENCODED,
    "HALF_TABLES": "probabilities, float16",
    "TEXTS": "ASCII",
}
"""Leaky builds, each with a form in which the search must find it in memory."""
LEFT_BEHIND = {
    "PREFIX_ON_STDOUT": PART,
    "HASH_ON_STDERR": "sha256, hex",
    "JPEGS": ENCODED,
    "PICKLES": "ASCII",
}
"""And in files and output."""
ENTRY = "from benchmarks.cli import main; main()"
VIDEO = """
from pathlib import Path
from benchmarks.speed import video
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.environment import describe
from benchmarks.harness.results import assemble, failed_checks, save
from benchmarks.harness.runner import Bench
part = video.run(Bench(Reading(), short=True), sweep=False)
results = assemble({**describe({}, 1), "data": [], "short": True}, [part])
Path("out").mkdir()
save(results, Path("out/results.json"))
raise SystemExit(bool(failed_checks(results)))
"""


def build(folder: Path, *faults: tuple[str, str, str]) -> Path:
    """Copy the code and plant faults in the copy: file, what stands there once, what stands there then."""
    for name in ("api", "benchmarks", "edge", "hitonly_core", "hotlist", "protocol"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, before, after in faults:
        text = (folder / name).read_text()
        assert text.count(before) == 1, f"{name} has changed: plant the fault anew"
        (folder / name).write_text(text.replace(before, after))
    return folder


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a build."""
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def video(folder: Path) -> tuple[int, dict[str, Any], str]:
    """Run the video part shortly, without its sweep; return its exit code, its results and what it said."""
    done = run(folder, "-c", VIDEO)
    file = folder / "out" / "results.json"
    return done.returncode, json.loads(file.read_text()) if file.is_file() else {}, done.stdout + done.stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build without a fault, measured: the control, and the baseline."""
    folder = build(tmp_path_factory.mktemp("whole"))
    code, _, said = video(folder)
    assert code == 0, said
    return folder


def test_a_slowed_stage_fails_the_comparison(whole: Path, tmp_path: Path) -> None:
    """Six detections where one was: every check passes, and the comparison with the whole build fails."""
    slow = build(tmp_path / "slow", SLOWED)
    code, _, said = video(slow)
    assert code == 0 or "less processor time" in said, said
    words = ("-c", ENTRY, "compare", "--portable", "--limit", "0.5")
    same = run(whole, *words, "out/results.json", "out/results.json")
    assert same.returncode == 0, same.stdout
    compared = run(slow, *words, str(whole / "out" / "results.json"), "out/results.json")
    assert compared.returncode == 1, compared.stdout
    assert "REGRESSED" in compared.stdout


def test_a_lost_hit_fails_the_run(whole: Path, tmp_path: Path) -> None:
    """Every other hit is decided and never sealed: the run itself exits 1 and says that plates were missed."""
    del whole
    code, found, said = video(build(tmp_path / "lossy", LOST))
    assert code == 1, said
    failed = [check for check in found["parts"]["video"]["checks"] if not check["passed"]]
    assert any("every listed plate is hit once" in check["name"] for check in failed)


@pytest.mark.system("strace")
def test_leaks_of_every_kind_fail_the_trial() -> None:
    """A build with eleven leaks at once: each is found where it was planted, and the trial's check fails."""
    if os.geteuid() != 0:
        pytest.skip("reading another process's memory takes root")
    leak = ",".join((*IN_MEMORY, *LEFT_BEHIND))
    outcome = measured(Trial(plates=12, window_s=3, quiet_s=240, seed=3, leak=leak))
    assert not outcome.forgotten
    missed = {name for name, form in IN_MEMORY.items() if not outcome.memory[form]}
    missed |= {name for name, form in LEFT_BEHIND.items() if not outcome.files[form]}
    assert not missed, (outcome.memory, outcome.files)
    part = Part("forgetting", "", "")
    report_trial(outcome, part)
    assert failed_checks(assemble({}, [part.to_json()]))
