"""The machine, the software and the noise of a run: without these a figure means nothing."""

import hashlib
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = (
    "hitonly", "fast-alpr", "fast-plate-ocr", "open-image-models", "onnxruntime", "opencv-python-headless",
    "numpy", "cryptography",
)  # fmt: skip
NOISY: Final = 1.25
"""A fixed piece of work that takes this many times its best at the 90th percentile means a noisy machine."""
HOT: Final = 80.0
"""Degrees Celsius from which boards commonly throttle."""


def describe(models: Mapping[str, str], seed: int) -> dict[str, Any]:
    """Return what identifies a run: machine, software, model digests, seed, commit, time."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "os": f"{platform.system()} {platform.release()}",
        "board": _board(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "models": dict(models),
        "seed": seed,
        "commit": _commit(),
    }


def fingerprint(environment: Mapping[str, Any]) -> str:
    """Return a short name of the machine, by which two runs on the same one are known."""
    parts = [str(environment[key]) for key in ("cpu", "architecture", "cores", "memory_gib")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@dataclass(slots=True)
class Noise:
    """Times a fixed piece of work now and then, to tell a busy machine from a slow program."""

    samples: list[float] = field(default_factory=list)
    hottest: float | None = None
    throttled: int = 0
    _before: int | None = field(init=False)

    def __post_init__(self) -> None:
        self._before = _throttles()

    def sample(self, turns: int = 12) -> None:
        """Do the work some times, and look at the temperature."""
        block = np.arange(160_000, dtype=np.float64).reshape(400, 400) / 1e5
        for _ in range(turns):
            start = time.perf_counter()
            np.sort(np.sin(block), axis=None)
            hashlib.sha256(block.tobytes()).digest()
            self.samples.append((time.perf_counter() - start) * 1000)
        now = temperature()
        if now is not None:
            self.hottest = max(now, self.hottest or now)

    def to_json(self) -> dict[str, Any]:
        """Return the verdict and what it rests on."""
        best, late = (float(part) for part in np.percentile(self.samples, [10, 90]))
        after = _throttles()
        throttled = after - self._before if after is not None and self._before is not None else None
        return {
            "ratio": round(late / best, 3),
            "noisy": late / best > NOISY,
            "load": round(os.getloadavg()[0], 2),
            "samples": len(self.samples),
            "hottest_celsius": self.hottest,
            "throttled": throttled,
            "sentence": _sentence(late / best, self.hottest, throttled),
        }


def temperature(folder: Path = Path("/sys/class/thermal")) -> float | None:
    """Return the hottest zone in degrees Celsius, or None where the board reports none."""
    found = [_integer(zone / "temp") for zone in folder.glob("thermal_zone*")]
    known = [each / 1000 for each in found if each is not None and each > 0]
    return max(known, default=None)


def _sentence(ratio: float, hottest: float | None, throttled: int | None) -> str:
    quiet = f"A fixed piece of work took {ratio:.2f} times its best time at the 90th percentile"
    verdict = (
        f"{quiet}: something else was running. Times are not to be trusted; ratios measured side by side are."
        if ratio > NOISY
        else f"{quiet}: the machine was quiet."
    )
    heat = (
        f" Hottest: {hottest:.0f} degrees Celsius." if hottest is not None else " No temperature is reported."
    )
    if throttled or (hottest is not None and hottest >= HOT):
        heat += " The processor was throttled or about to be: expect less in the long run."
    return verdict + heat


def _throttles(folder: Path = Path("/sys/devices/system/cpu")) -> int | None:
    """Return how often the cores were throttled since boot, or None where that is not counted."""
    found = [_integer(path) for path in folder.glob("cpu*/thermal_throttle/core_throttle_count")]
    return sum(each for each in found if each is not None) if found else None


def _integer(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _cpu() -> str:
    """Return the processor's name as the kernel gives it, or the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for key in ("model name", "Hardware", "CPU part"):
        for line in lines:
            if line.startswith(key):
                return line.partition(":")[2].strip()
    return platform.machine()


def _board() -> str:
    """Return a single-board computer's own name, or nothing."""
    try:
        return Path("/proc/device-tree/model").read_text(encoding="utf-8").rstrip("\0\n")
    except OSError:
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "from the checkout" if package == "hitonly" else "absent"


def _commit() -> str:
    """Return the checkout's commit, marked when files differ from it."""
    found = _git("rev-parse", "--short=12", "HEAD")
    return found + ("+changes" if found and _git("status", "--porcelain", "-uno") else "")


def _git(*words: str) -> str:
    command: Sequence[str] = ("git", "-C", str(ROOT), *words)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
