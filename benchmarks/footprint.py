"""What a running edge holds of the machine: memory, descriptors and threads of each of its processes."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.scan import descendants

ROLES: Final = {"edge.sources.capture": "capture", "watchdog.py": "watchdog"}
"""Part of a process's command line, and what it is then; any other is the edge itself."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """One look at one process.

    Attributes:
        role: edge, capture or watchdog.
        own_mib: what it has made itself: anonymous pages, and its share of the frames' shared memory. Pages of
            programs and libraries are left out: how many of them are in memory depends on the whole machine.
        rss_mib: resident set size: all pages that it uses, shared ones in full.
        files: open descriptors.
        threads: how many.
    """

    role: str
    own_mib: float
    rss_mib: float
    files: int
    threads: int


def look(edge: int) -> list[Footprint]:
    """Return what the edge and its processes hold now; one that ends meanwhile is left out."""
    return [found for pid in descendants(edge) if (found := _one(Path(f"/proc/{pid}"))) is not None]


def _one(process: Path) -> Footprint | None:
    try:
        command = (process / "cmdline").read_bytes().decode(errors="replace")
        sizes = _kib((process / "smaps_rollup").read_text(encoding="ascii").splitlines())
        files, threads = len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))
    except OSError:
        return None
    role = next((role for part, role in ROLES.items() if part in command), "edge")
    return Footprint(
        role, (sizes["Anonymous"] + sizes["Pss_Shmem"]) / 1024, sizes["Rss"] / 1024, files, threads
    )


def _kib(lines: Iterable[str]) -> dict[str, int]:
    found = {"Anonymous": 0, "Pss_Shmem": 0, "Rss": 0}
    for line in lines:
        name, _, rest = line.partition(":")
        if name in found:
            found[name] = int(rest.split()[0])
    return found
