"""The real edge as a process, watched from outside: started with its command line, its arena read as root."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.scan import Region, descendants, regions
from edge.passes import READ_DTYPE

ROOT: Final = Path(__file__).resolve().parents[1]
_PAGE: Final = resource.getpagesize()
STRIDE: Final = -(-READ_DTYPE.itemsize // _PAGE) * _PAGE
WRITING: Final = (
    "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,splice,vmsplice,tee,"
    "copy_file_range,process_vm_writev,io_uring_setup,open,openat,openat2,creat,rename,renameat,renameat2,"
    "link,linkat,symlink,symlinkat,mknod,mknodat,mkdir,mkdirat,truncate,connect"
)
"""Every system call that can hand bytes to a file, a socket or another process, or make a file."""

CONFIG: Final = """\
{tables}
[storage]
spool = "spool"
state = "state"

[retention]
window_seconds = {window}
slots = {slots}

[models]
detector = "{detector}"
reader = "{reader}"
{folder}
[[cameras]]
name = "bench"
place = "a drawn road"
source = {source}
"""


@dataclass(slots=True)
class Edge:
    """A running edge.

    Attributes:
        process: what was started: the edge, or the tracer that started it.
        pid: the edge's own process.
        slots: of its arena.
    """

    process: "subprocess.Popen[bytes]"
    pid: int
    slots: int
    _arena: Region | None = field(default=None)

    def family(self) -> list[int]:
        """Return every process of the edge: itself, its capture process, its watchdog."""
        return descendants(self.pid)

    def arena(self) -> Region | None:
        """Return where its arena lies: the mapping of the right size that is left out of dumps and forks."""
        if self._arena is None:
            size = self.slots * STRIDE
            for region in regions(self.pid):
                if region.end - region.start == size and {"dd", "wf"} <= flags(self.pid, region.start):
                    self._arena = region
        return self._arena

    def reads(self) -> npt.NDArray[np.void]:
        """Return a copy of the reads that are live now, from outside the process."""
        region = self.arena()
        if region is None:
            return np.zeros(0, READ_DTYPE)
        with Path(f"/proc/{self.pid}/mem").open("rb", buffering=0) as memory:
            content = os.pread(memory.fileno(), region.end - region.start, region.start)
        rows = np.ndarray((self.slots,), READ_DTYPE, buffer=content, strides=(STRIDE,))
        return rows[rows["readings"] > 0].copy()

    def shared_files(self) -> set[str]:
        """Return the files that any of its processes has mapped for writing: a way round the record."""
        return {
            region.name
            for pid in self.family()
            for region in regions(pid)
            if region.rights == "rw-s" and region.name.startswith("/") and "/memfd:" not in region.name
        }

    def swapped(self) -> int:
        """Return how many bytes of it are in swap."""
        total = 0
        for pid in self.family():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmSwap:"):
                    total += int(line.split()[1]) * 1024
        return total

    def end(self, number: int = signal.SIGTERM, patience_s: float = 60) -> int:
        """Send the edge a signal and wait; return the exit code of what was started."""
        os.kill(self.pid, number)
        return self.process.wait(timeout=patience_s)


def role(pid: int) -> str:
    """Return which of the edge's processes this is; empty where it has just ended."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    for word, name in ((b"watchdog", "watchdog"), (b"capture", "capture process")):
        if word in command:
            return name
    return "edge"


def flags(pid: int, address: int) -> set[str]:
    """Return the kernel's flags of the mapping that begins at an address."""
    inside = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if bounds := re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line):
            inside = int(bounds[1], 16) == address
        elif inside and line.startswith("VmFlags:"):
            return set(line.split()[1:])
    return set()


@contextmanager
def running(
    folder: Path,
    settings: dict[str, Any],
    *,
    trace: Path | None = None,
    program: Sequence[str] = ("-m", "edge.cli"),
) -> Iterator[Edge]:
    """Run ``alpr-edge run`` over a department's folder while the block runs; end it after.

    Args:
        folder: what `benchmarks.department.found` made; output goes to ``out.txt`` and ``err.txt``.
        settings: the gaps of `CONFIG`.
        trace: where strace writes what every process of the edge writes, in full; None for no trace.
        program: what Python runs: the edge, or a leaky build of it (`benchmarks.leaks.program`).

    Raises:
        TimeoutError: it does not start within a minute.
    """
    config = folder / "edge.toml"
    config.write_text(CONFIG.format(**settings))
    command = [sys.executable, *program, "run", "--config", str(config), "--json"]
    if trace is not None:
        tracer = ["strace", "-f", "--seccomp-bpf", "-yy", "-xx", "-s", "1048576", "-o", str(trace)]
        command = [*tracer, "-e", f"trace={WRITING}", "-e", "signal=none", *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "out.txt").open("wb") as out, (folder / "err.txt").open("wb") as err:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        edge = Edge(process, process.pid, settings["slots"])
        try:
            _wait_for_start(edge, traced=trace is not None)
            yield edge
        finally:
            if process.poll() is None:
                edge.end(signal.SIGKILL)


def _wait_for_start(edge: Edge, *, traced: bool) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if edge.process.poll() is not None:
            raise ChildProcessError(f"the edge ended with {edge.process.returncode} before it began")
        family = descendants(edge.process.pid)
        if traced and len(family) > 1:
            edge.pid = family[1]
        try:
            if (not traced or edge.pid != edge.process.pid) and edge.arena() is not None:
                return
        except OSError:
            pass  # between two programs of the same process
        time.sleep(0.2)
    raise TimeoutError("the edge has not started within two minutes")
