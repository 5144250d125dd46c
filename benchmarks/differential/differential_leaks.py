"""Boxes that leak on purpose, one way out each: controls of the differential trial, never a product.

Each is a copy of the box's code that runs a few statements at every reading. A search for bytes sees few of
them: what leaves is hashed, shortened, coded, or is no byte at all.
"""

import shutil
from pathlib import Path
from typing import Final

from benchmarks.harness.environment import ROOT

_SEAM: Final = "        self.tally.readings += 1\n"
_PLANTED: Final = _SEAM + "        leak(_plate_of(table), self, frame)\n"
HEAD: Final = """

import ctypes, hashlib, os, socket, sys, time, uuid
from hotlist.plate import ALPHABET, encode
_SEEN = set()
_STATE = os.path.join(os.getcwd(), "state", "")


def _plate_of(table):
    return "".join(ALPHABET[int(place)] for place in table.argmax(axis=1) if place != PAD)


def leak(plate, pipeline, frame):
"""
"""What stands before a leak's statements: the plate's text, and what they use."""
LEAKS: Final = {
    "hash with a fixed salt on stderr":
        'os.write(2, hashlib.sha256(b"salt" + plate.encode()).hexdigest().encode() + b"\\n")',
    "hash with a random salt on stderr":
        'os.write(2, hashlib.sha256(os.urandom(16) + plate.encode()).hexdigest().encode() + b"\\n")',
    "first four characters on stdout":
        'sys.stdout.write(plate[:4] + "\\n"); sys.stdout.flush()',
    "times of reads in a file":
        'open(_STATE + "times", "a").write(f"{time.time()}\\n")',
    "code under a constant in a file":
        'open(_STATE + "cache.bin", "ab").write((encode(plate) ^ 0x5A5A5A5A5A5A5A).to_bytes(8, "big"))',
    "length of a file":
        'open(_STATE + "pad", "ab").write(bytes(encode(plate) % 251))',
    "order of two writes":
        'for name in ("ab", "ba")[encode(plate) % 2]: open(_STATE + name, "a").close()',
    "name of the process":
        "ctypes.CDLL(None).prctl(15, plate.encode()[:15], 0, 0, 0)",
    "argument of a program":
        'import subprocess; subprocess.run(["/bin/true", str(encode(plate))])',
    "address that is connected to":
        'with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: '
        's.connect(("127.%d.%d.%d" % tuple(encode(plate).to_bytes(8, "big")[-3:]), 53))',
    "exit code":
        "import atexit; _SEEN.add(plate); len(_SEEN) > 1 or atexit.register(lambda: os._exit("
        "sum(map(encode, _SEEN)) % 7 + 1))",
    "time of a file":
        'os.utime(_STATE + "lock", (encode(plate) % 10**9, encode(plate) % 10**9))',
    "empty datagram at each read":
        'with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.sendto(b"", ("127.0.0.1", 9))',
    "file touched at each read":
        'os.utime(_STATE + "lock")',
    "name that is only asked for":
        'os.path.exists("/tmp/" + hashlib.sha256(b"salt" + plate.encode()).hexdigest())',
    "priority of the process":
        "os.setpriority(os.PRIO_PROCESS, 0, encode(plate) % 19)",
    "bytes of a locked file":
        'import fcntl; f = open(_STATE + "lock", "r+"); _SEEN.add(f); '
        'fcntl.lockf(f, fcntl.LOCK_EX, 1, encode(plate) % 2**40)',
    "signals that are ignored":
        "import signal; [signal.signal(n, encode(plate) >> n & 1) for n in range(36, 52)]",
    "signals that are held back":
        "import signal; signal.pthread_sigmask(2, [n for n in range(36, 60) if encode(plate) >> (n - 36) & 1])",
    "position in standard output":
        "os.lseek(1, encode(plate) % 4096, 1)",
    "flags of standard output":
        "import fcntl; fcntl.fcntl(1, fcntl.F_SETFL, (0, os.O_APPEND, os.O_NONBLOCK)[encode(plate) % 3])",
    "memory that the kernel shares":
        "c = ctypes.CDLL(None); c.shmat.restype = ctypes.c_void_p; n = c.shmget(0x6869746F, 4096, 0o1600); "
        "p = c.shmat(n, None, 0); ctypes.memmove(p, plate.encode(), 6); c.shmctl(n, 0, None)",
    "queue of the kernel's":
        "c = ctypes.CDLL(None); n = c.msgget(0x6869746F, 0o1600); "
        "c.msgsnd(n, ctypes.create_string_buffer(bytes([1]) + bytes(7) + plate.encode()), 6, 0); "
        "c.msgctl(n, 0, None)",
    "mapped file that is emptied":
        'import mmap; f = open(_STATE + "lock", "r+b"); f.truncate(4096); m = mmap.mmap(f.fileno(), 4096); '
        "m[:6] = plate.encode()[:6]; m.close(); f.truncate(0); f.close()",
}  # fmt: skip
"""One way out each, as statements over ``plate``, ``pipeline`` and ``frame``."""

IN_A_HITS_ID: Final = (
    "import edge.pipeline.hit_maker as h; h.uuid4 = lambda p=plate: "
    'uuid.UUID(bytes=hashlib.sha256(b"salt" + p.encode()).digest()[:16], version=4)'
)  # fmt: skip
"""A hash where a random id should be: the id of the next hit tells the plate before it."""
IN_A_HITS_TIME: Final = (
    "import edge.pipeline.hit_maker as h; _SEEN.add(h.HitClock) if not _SEEN else None; "
    "h.HitClock = lambda state, boot, ms, p=plate: next(iter(_SEEN))(state, boot, ms - encode(p) % 2000)"
)
"""A hit's boot time, set back by what the plate before it says: inside the run, mostly another frame's."""


def leaky(folder: Path, statements: str) -> Path:
    """Copy the box's code with some statements run at each reading; return where the copy is.

    Args:
        folder: where to; made.
        statements: over ``plate``, ``pipeline`` and ``frame``.

    Raises:
        ValueError: the place where leaks are planted is not in the code any more.
    """
    for name in ("edge", "hitonly_core", "hotlist", "protocol"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "edge" / "pipeline" / "loop.py"
    text = path.read_text()
    if text.count(_SEAM) != 1:
        raise ValueError("edge/pipeline/loop.py has changed: plant the leaks anew")
    lines = "".join(f"    {line}\n" for line in statements.splitlines())
    path.write_text(text.replace(_SEAM, _PLANTED) + HEAD + lines)
    return folder
