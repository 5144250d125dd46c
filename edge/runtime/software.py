"""What software this is: its version, and a digest over the modules that are installed."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Final

NAME: Final = "hitonly"
_PACKAGES: Final = ("edge", "hitonly_core", "hotlist", "protocol")
_ROOT: Final = Path(__file__).resolve().parents[2]


def software() -> str:
    """Return name and version."""
    return f"{NAME} {version(NAME)}"


def software_digest() -> str:
    """Return the SHA-256 over the names and contents of the edge's modules and of those it imports, hexadecimal."""
    total = hashlib.sha256()
    paths = (path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py"))
    for path in sorted(paths):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{content}  {path.relative_to(_ROOT)}\n".encode())
    return total.hexdigest()


def boot_id() -> str:
    """Return the kernel's id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
