"""A fault in any stage of the real edge ends it, destroys what is live, and shows nothing of a plate (R2)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fixtures.edge_process import CONFIG
from benchmarks.fixtures.feeds import Feed, fed, home, settings
from benchmarks.fixtures.roads import Road, Scene, cast
from benchmarks.harness.hotlist_fixture import Reading
from edge.department.ledger import read_lines
from hitonly_core.keys import VerifyKey
from protocol.receipt_chain import verify

ROOT = Path(__file__).resolve().parents[1]
MARK = "QX77ZZT"
STAGES = {
    "motion": ("edge.vision.motion", "MotionGate", "moving"),
    "detect": ("edge.vision.detector", "PlateDetector", "detect"),
    "read": ("edge.vision.reader", "PlateReader", "table"),
    "fuse": ("edge.pipeline.passes", "Pass", "add"),
    "match": ("hotlist.matching.matcher", "Matcher", "match"),
    "compose": ("edge.pipeline.hit_maker", "HitMaker", "compose"),
    "seal": ("edge.pipeline.hit_maker", "HitMaker", "spool_sealed"),
}
FAULT = """
import importlib, sys
module, owner, name = sys.argv[1:4]
kind = getattr(importlib.import_module(module), owner)
before = getattr(kind, name)
def failing(*arguments, **keywords):
    result = before(*arguments, **keywords)
    raise ValueError("QX77" + "ZZT", arguments, result)
setattr(kind, name, failing)
sys.argv[1:] = sys.argv[4:]
from edge.cli import main
main()
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a clip of twelve plates, all of them listed, and a department for it."""
    folder = tmp_path_factory.mktemp("box")
    people = cast(12, 9)
    scene = Scene(Road.SHEETS, people, 9, 4)
    everybody = [canary.text for canary in people.canaries]
    with (
        fed(Feed.FILE, scene, folder) as (source, _),
        home(folder / "box", everybody, linked=False) as tables,
    ):
        told = settings(Reading(), tables, source.replace("realtime = true", "realtime = false"), slots=64)
        (folder / "box" / "edge.toml").write_text(CONFIG.format(**told))
    return folder / "box"


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_a_fault_in_a_stage_shows_no_plate(box: Path, stage: tuple[str, str, str]) -> None:
    """An exception that carries plate and pixels ends the edge; its type and place are all that is said."""
    arguments = [*stage, "run", "--config", str(box / "edge.toml"), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", FAULT, *arguments],
        cwd=box,
        env=environment,
        capture_output=True,
        check=False,
        timeout=100,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert b"ValueError at " in said
    assert b"in failing" in said
    assert MARK.encode() not in said
    assert b"array(" not in said
    lines = list(read_lines(box / "state"))
    assert verify(lines, VerifyKey.load(box / "signing.pub")).holds
    last = json.loads(lines[-1])["body"]
    assert last["reason"] == "stop"
    assert last["counts"]["live"] == 0
