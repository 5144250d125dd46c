"""What `alpr-edge check` sees of what can pause the box: each present and absent, in a folder."""

from pathlib import Path

import pytest

from edge.hardening.pausing import SLEEP_TARGETS, pauses
from hitonly_core.safeguard import State

PRESENT = {
    "no-sleep": ("sys/power/state", "freeze mem disk"),
    "no-virtual-machine": ("proc/cpuinfo", "processor: 0\nflags\t\t: fpu vme hypervisor\n"),
    "no-container": (".dockerenv", ""),
    "killed-while-frozen": ("proc/self/cgroup", "6:freezer:/x\n0::/\n"),
    "one-thread-a-core": ("sys/devices/system/cpu/smt/active", "1\n"),
}
HARMLESS = {
    "sys/power/state": "freeze",
    "proc/cpuinfo": "flags\t\t: fpu vme\n",
    "proc/self/cgroup": "0::/system.slice/alpr-edge.service\n",
    "sys/devices/system/cpu/smt/active": "0\n",
}


def _write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize("name", PRESENT)
def test_each_is_seen_alone(name: str, tmp_path: Path) -> None:
    """One that is there is named with its reason, and only that one."""
    for path, text in HARMLESS.items():
        _write(tmp_path, path, text)
    assert {each.state for each in pauses(tmp_path)} == {State.APPLIED}
    _write(tmp_path, *PRESENT[name])
    assert {each.name for each in pauses(tmp_path) if each.state is State.ABSENT and each.reason} == {name}


def test_masked_targets_forbid_sleep(tmp_path: Path) -> None:
    """All three masked is enough; two of three are not."""
    _write(tmp_path, *PRESENT["no-sleep"])
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    for number, target in enumerate(SLEEP_TARGETS):
        assert pauses(tmp_path)[0].state is State.ABSENT, number
        (tmp_path / "etc/systemd/system" / target).symlink_to("/dev/null")
    assert pauses(tmp_path)[0].state is State.APPLIED
