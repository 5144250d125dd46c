"""docs/runtime.md names every thread and process that runs, and no other."""

import json
import re
import threading
from pathlib import Path

from benchmarks.fixtures.edge_process import role
from benchmarks.fixtures.render import RenderSpec, render
from benchmarks.harness.memory_scan import descendants
from edge.config import load_config
from edge.runtime.box import Box, Listener
from tests.box_kit import ROOT, Department
from tests.child import in_a_child

PAGE = (ROOT / "docs" / "runtime.md").read_text("utf-8")
EDGE, SERVICE = PAGE.split("## The camera unit")[1].split("## The department's service")


def first_cells(part: str) -> list[str]:
    """Return the first cell of each row of a part's tables."""
    return re.findall(r"^\| (.*?) \|", part, re.MULTILINE)


def run_a_unit(folder: str, clip: str) -> None:
    """Run a unit with two cameras, and compare what runs in the middle of it with the page."""
    department = Department(Path(folder))
    department.publish("ZZ99QQQ")
    source = f'source = {{ kind = "file", path = {json.dumps(clip)} }}'
    department.configure(f'{source}\n[[cameras]]\nname = "south"\n{source}')
    names: set[str] = set()
    kinds: set[str] = set()

    def turn(_box: Box) -> None:
        names.update(thread.name for thread in threading.enumerate())
        if not kinds:
            kinds.update(role(pid) for pid in descendants(_own_pid()))

    Box.assemble(load_config(department.folder / "edge.toml"), listener=Listener(turn=turn)).run()
    named = {name.strip("`") for name in first_cells(EDGE)}
    assert names <= {"MainThread", "purge", "housekeeping", "south"}
    assert {"MainThread", "purge", "housekeeping"} <= names & named
    assert kinds == {"edge", "capture process", "watchdog"}
    assert any("capture" in name for name in named)
    assert "watchdog" in named


def _own_pid() -> int:
    return int(Path("/proc/self").readlink().name)


def test_the_page_names_what_runs_in_a_unit(tmp_path: Path) -> None:
    """Threads by their names; processes by their kind."""
    clip = tmp_path / "road.mp4"
    render(RenderSpec(seed=7, seconds=4, traffic=10), clip)
    in_a_child(run_a_unit, str(tmp_path), str(clip))


def test_the_page_names_the_threads_of_the_service() -> None:
    """Those that a module of the service starts: each is named there, and on the page."""
    started = set()
    for path in (ROOT / "api").rglob("*.py"):
        text = path.read_text("utf-8")
        if "threading.Thread)" in text:
            started.update(re.findall(r'super\(\).__init__\(name=f?"([a-z]+)[-"]', text))
    named = {name.strip("`") for name in first_cells(SERVICE)}
    assert started == {"retention", "publication", "alerts"}
    assert started <= named


def test_the_page_names_the_locks_that_there_are() -> None:
    """Each lock of the unit has a row, under its class's name."""
    found = set()
    for path in (ROOT / "edge").rglob("*.py"):
        owner = ""
        for line in path.read_text("utf-8").splitlines():
            owner = match[1] if (match := re.match(r"class (\w+)", line)) else owner
            if (lock := re.search(r"self\.(\w+) = threading\.R?Lock\(\)", line)) and lock[1] != "_closing":
                found.add(f"{owner}.{lock[1]}")
    assert found
    assert found <= {name.strip("`") for name in first_cells(EDGE)}
