import os
import subprocess
import sys
from pathlib import Path

import pytest

from hitonly_core.keys import SealKey, SigningKey
from protocol.hit import hit_from_bytes, seal_hit
from tests.api_kit import PLATE, make_hit

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def box(tmp_path: Path) -> tuple[Path, SigningKey]:
    """Return a folder with the department's key and a spool of two hits, and the device's key."""
    department, device = SealKey.generate(), SigningKey.generate()
    department.save(tmp_path / "department.key")
    device.public.save(tmp_path / "device.pub")
    spool = tmp_path / "spool"
    spool.mkdir()
    for name in ("a", "b"):
        sealed = seal_hit(make_hit(), department=department.public, device_key=device)
        (spool / f"{name}.hit").write_bytes(sealed)
    (spool / ".c.part").write_bytes(b"half")
    return tmp_path, device


def run(box: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run `alpr-api open` as a process."""
    line = [sys.executable, "-c", "from api.cli import main; main()", "open"]
    line += ["--spool", str(box / "spool"), "--key", str(box / "department.key"), *more]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_opens_and_saves_every_sealed_hit_and_says_unverified(box: tuple[Path, SigningKey]) -> None:
    """The key's holder sees each hit, told that nobody has confirmed it; files are the owner's only."""
    folder, _ = box
    done = run(folder, "--out", str(folder / "out"), "--device-key", f"camera-1={folder / 'device.pub'}")
    assert done.returncode == 0, done.stderr
    assert "UNVERIFIED" in done.stdout
    assert PLATE in done.stdout
    assert "good" in done.stdout
    saved = sorted((folder / "out").glob("*.json"))
    assert len(saved) == 2
    assert all(hit_from_bytes(path.read_bytes()).plate_read == PLATE for path in saved)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder / "out").iterdir())


def test_without_the_devices_key_nobody_vouches_for_the_hit(box: tuple[Path, SigningKey]) -> None:
    """A signature that was not checked is said to be unchecked."""
    done = run(box[0])
    assert done.returncode == 0
    assert "not checked" in done.stdout
    assert "good" not in done.stdout


def test_an_altered_envelope_is_named_with_its_step_and_the_rest_opens(box: tuple[Path, SigningKey]) -> None:
    """A bad file fails alone, and the exit code says so."""
    folder, _ = box
    first = folder / "spool" / "a.hit"
    first.write_bytes(first.read_bytes().replace(b'"sealed":"', b'"sealed":"AAAA'))
    done = run(folder, "--device-key", f"camera-1={folder / 'device.pub'}")
    assert done.returncode == 1
    assert "step 2" in done.stdout
    assert PLATE in done.stdout


def test_another_key_opens_nothing(box: tuple[Path, SigningKey]) -> None:
    """Only the department's own key opens a hit (promise 6)."""
    folder, _ = box
    (folder / "department.key").unlink()
    SealKey.generate().save(folder / "department.key")
    done = run(folder)
    assert done.returncode == 1
    assert PLATE not in done.stdout


def test_a_key_that_others_can_read_is_refused_with_a_hint(box: tuple[Path, SigningKey]) -> None:
    """An operator's mistake is one sentence and a hint, not a traceback."""
    folder, _ = box
    (folder / "department.key").chmod(0o644)
    done = run(folder)
    assert done.returncode == 1
    assert "chmod 600" in done.stderr
    assert "Traceback" not in done.stderr
