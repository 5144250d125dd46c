"""Exit codes and `check --json`, as machines use them: what is documented is what comes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import Exit as EdgeExit
from hotlist.commands.common import EPILOG
from hotlist.errors import Exit as HotListExit
from tests.box_kit import ROOT, Department, alpr_edge, events

BIN = Path(sys.executable).parent
FIELDS = {
    "finding": {"event", "what", "found", "good", "hint"},
    "measure": {"event", "name", "state", "reason"},
    "checked": {"event", "wrong"},
}


def ended(*command: str | Path) -> int:
    """Return how a command ends."""
    return subprocess.run(command, capture_output=True, check=False, timeout=110).returncode


def test_check_says_what_is_wrong_to_machines(tmp_path: Path) -> None:
    """One object a line with the documented fields; what is wrong has a hint, is counted, and is exit code 3."""
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    department = Department(tmp_path)
    department.publish("ZZ99QQQ")
    config = department.configure('source = { kind = "file", path = "clip.mp4" }')
    done = alpr_edge("check", "--config", str(config), "--json")
    lines = events(done)
    assert done.returncode == EdgeExit.CONFIG
    assert all(set(line) == FIELDS[line["event"]] for line in lines)
    wrong = [line for line in lines if line["event"] == "finding" and not line["good"]]
    assert [line["what"] for line in wrong] == ["camera north"]
    assert all(line["hint"] for line in wrong)
    assert {line["event"] for line in lines} == set(FIELDS)
    assert lines[-1] == {"event": "checked", "wrong": 1}
    page = (ROOT / "docs" / "configuration.md").read_text()
    for event, fields in FIELDS.items():
        told = re.search(rf"`{event}`\s\(([^)]*)\)", page)
        assert told
        assert set(re.findall(r"`(\w+)`", told[1])) == fields - {"event"}


def test_the_hot_lists_codes_are_in_its_help_and_its_page() -> None:
    """Each code of `alpr-hotlist` but the one for faults is in `--help`, and each is in docs/hotlist.md."""
    assert set(map(int, re.findall(r"\b(\d) ", EPILOG))) == {int(code) for code in HotListExit} - {
        HotListExit.FAULT
    }
    page = (ROOT / "docs" / "hotlist.md").read_text().split("## Exit codes")[1].split("\n## ")[0]
    told = {int(code) for code in re.findall(r"\b(\d)\b", page)}
    assert told >= {int(code) for code in HotListExit} - {HotListExit.FAULT}


@pytest.mark.parametrize("tool", ["alpr-edge", "alpr-api", "alpr-hotlist"])
def test_a_wrong_command_line_is_two_and_help_is_zero(tool: str) -> None:
    """The same in every tool."""
    assert ended(BIN / tool, "no-such-command") == 2
    assert ended(BIN / tool, "--help") == 0


def test_a_failure_of_the_service_is_one(tmp_path: Path) -> None:
    """`alpr-api` with a key that is none; a file that is absent is a wrong command line."""
    export, key = tmp_path / "export.ndjson", tmp_path / "service.pub"
    export.write_text("")
    assert ended(BIN / "alpr-api", "audit", "verify", export, "--key", key) == 2
    key.write_text("no key")
    assert ended(BIN / "alpr-api", "audit", "verify", export, "--key", key) == 1
