"""What can stop the whole box from outside, as far as a process can see it: for ``alpr-edge check``.

Nothing on a box that stands still can destroy a read (docs/threat-model.md, "A box that is paused"). These are
statements about the machine; the edge cannot change them.
"""

from pathlib import Path

from hitonly_core.safeguard import Measure, State

SLEEP_TARGETS = ("sleep.target", "suspend.target", "hibernate.target")


def pauses(root: Path = Path("/")) -> tuple[Measure, ...]:
    """Look at what can pause this machine.

    Args:
        root: where /proc, /sys, /etc and /run are looked for.
    """
    return (
        _measure("no-sleep", _sleep(root)),
        _measure("no-virtual-machine", _virtual(root)),
        _measure("no-container", _container(root)),
        _measure("killed-while-frozen", _freezer(root)),
        _measure("one-thread-a-core", _threads(root)),
    )


def _measure(name: str, reason: str) -> Measure:
    return Measure(name, State.ABSENT if reason else State.APPLIED, reason)


def _sleep(root: Path) -> str:
    states = _text(root / "sys/power/state").split()
    able = [words for state, words in (("mem", "suspend"), ("disk", "hibernate")) if state in states]
    masks = (root / "etc/systemd/system" / target for target in SLEEP_TARGETS)
    if not able or all(mask.is_symlink() and str(mask.readlink()) == "/dev/null" for mask in masks):
        return ""
    return f"this machine can {' and '.join(able)}, and nothing forbids it: mask the sleep targets"


def _virtual(root: Path) -> str:
    flags = (line for line in _text(root / "proc/cpuinfo").splitlines() if line.startswith("flags"))
    if any("hypervisor" in line.split() for line in flags):
        return "a virtual machine: its host can pause it, copy its memory and move it"
    return ""


def _container(root: Path) -> str:
    if any((root / name).exists() for name in (".dockerenv", "run/.containerenv")):
        return "a container: its engine can pause it"
    return ""


def _freezer(root: Path) -> str:
    """In the first cgroups a frozen process does not end when it is killed."""
    controllers = (
        line.split(":")[1].split(",") for line in _text(root / "proc/self/cgroup").splitlines() if ":" in line
    )
    if any("freezer" in names for names in controllers):
        return "cgroup version 1: a frozen service ends only when it is thawed"
    return ""


def _threads(root: Path) -> str:
    if _text(root / "sys/devices/system/cpu/smt/active").strip() == "1":
        return "two threads share a core: run nothing else on this box"
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
