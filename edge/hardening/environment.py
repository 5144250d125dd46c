"""What of the environment the edge keeps: an allow-list, each name with its reason (promises 3 and 4).

Libraries take orders from the environment: to write traces of what they do into files (OPENCV_TRACE, FFREPORT,
SSLKEYLOGFILE), to load other code (LD_PRELOAD, PYTHONPATH), to log more (OPENCV_LOG_LEVEL), to keep freed memory
as it was (MALLOC_*). None of it reaches them: what is not listed here is gone before they are loaded.
"""

import re
import site
from collections.abc import Mapping
from pathlib import Path
from typing import Final

KEPT: Final = {
    "PATH": "programs are found by it; the edge itself starts none",
    "HOME": "libraries that look for a home folder must not guess one; nothing is written there",
    "LANG": "how text is written on the terminal",
    "LC_*": "the same, by category",
    "TZ": "times on the terminal",
    "TERM": "what the terminal can show",
    "COLUMNS": "its width",
    "NO_COLOR": "no colours on it",
    "NOTIFY_SOCKET": "systemd: where to say that the box is ready and alive",
    "WATCHDOG_USEC": "systemd: how often to say so",
    "WATCHDOG_PID": "systemd: who is to say so",
    "CUDA_VISIBLE_DEVICES": "which accelerator to use; its libraries are found by ldconfig, not LD_LIBRARY_PATH",
}
_KEPT: Final = re.compile("|".join(name.replace("*", "[A-Z]+") for name in KEPT))
_ROOT: Final = Path(__file__).resolve().parents[2]
"""Where this package lies: a checkout, or the folder of installed packages."""


def cleaned(environment: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Return what is kept of an environment, with our own settings put in.

    Args:
        environment: what the process was started with.
        own: names and values that are set whatever was there.
    """
    kept = {name: value for name, value in environment.items() if _KEPT.fullmatch(name)}
    return {**kept, **own, **_path()}


def _path() -> dict[str, str]:
    """Have a checkout's own folder searched for modules, not the one that it was started in."""
    installed = {Path(each).resolve() for each in [*site.getsitepackages(), site.getusersitepackages()]}
    return {} if _ROOT in installed else {"PYTHONPATH": str(_ROOT)}
