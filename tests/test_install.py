"""`deploy/install.sh` replayed in a tree of its own: real venvs, real pip with hashes, real systemd tools.

The release is a small stand-in made here, because the real one's packages take minutes to fetch: what is tried is
the installer, and that it takes only what has the hash in the lock.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.box_kit import ROOT

DEPLOY = ROOT / "deploy"
TOOLS = [shutil.which(name) for name in ("systemd-sysusers", "systemd-tmpfiles")]
replayed = pytest.mark.skipif(
    os.geteuid() != 0 or None in TOOLS, reason="needs root, systemd-sysusers and systemd-tmpfiles"
)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_installer_is_linted(tmp_path: Path) -> None:
    """Shellcheck finds nothing; the control is found."""
    bad = tmp_path / "bad.sh"
    bad.write_text("#!/bin/sh\nrm -rf $1/*\n")
    lint = [str(shutil.which("shellcheck"))]
    assert subprocess.run([*lint, str(bad)], check=False, capture_output=True).returncode
    done = subprocess.run([*lint, str(DEPLOY / "install.sh")], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> str:
    """Write a wheel; return its line for a lock."""
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    members = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{member},,\n" for member in [*members, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**members, f"{info}/RECORD": record}.items():
            archive.writestr(member, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


BACKEND = """\
import shutil, pathlib
NAME = {name!r}
def build_wheel(folder, config_settings=None, metadata_directory=None):
    shutil.copy(pathlib.Path({source!r}) / NAME, folder)
    return NAME
"""


class Release:
    """A checkout's stand-in: the real installer, units and folders, with small packages."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root, self.packages = folder / "checkout", folder / "root", folder / "packages"
        self.root.mkdir()
        self.packages.mkdir()
        shutil.copytree(DEPLOY, self.folder / "deploy")
        (self.root / "etc").mkdir()

    def version(self, version: str, *, says: str = "print('alpr-edge', 'x')") -> None:
        """Make it the release of a version, whose program does something."""
        info = f"hitonly-{version}.dist-info"
        scripts = "[console_scripts]\nalpr-edge = standin:main\n"
        code = f"def main():\n    {says}\n"
        wheel(self.packages, "hitonly", version, {"standin.py": code, f"{info}/entry_points.txt": scripts})
        backend = BACKEND.format(name=f"hitonly-{version}-py3-none-any.whl", source=str(self.packages))
        build = wheel(self.packages, "standinbuild", "1.0", {"standinbuild.py": backend})
        (self.folder / "deploy" / "build.lock").write_text(build)
        (self.folder / "deploy" / "edge.lock").write_text(
            wheel(self.packages, "part", version, {"part.py": ""})
        )
        project = (
            '[build-system]\nrequires = ["standinbuild"]\nbuild-backend = "standinbuild"\n'
            f'[project]\nname = "hitonly"\nversion = "{version}"\n'
        )
        (self.folder / "pyproject.toml").write_text(project)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the installer into the tree."""
        command = [str(self.folder / "deploy" / "install.sh"), *words, "--root", str(self.root)]
        environment = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.packages)}
        return subprocess.run(
            [*command, "--python", sys.executable],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            timeout=600,
        )

    @property
    def used(self) -> str:
        """The release in use."""
        return (self.root / "opt/hitonly/bin").readlink().parts[1]


@replayed
def test_install_upgrade_rollback_and_uninstall(tmp_path: Path) -> None:
    """Each step as a person takes it; state and settings outlive all but `--purge`."""
    release = Release(tmp_path)
    release.version("1.0")
    done = release.run("edge", "install")
    assert done.returncode == 0, done.stderr
    assert "alpr-edge setup" in done.stdout
    root = release.root
    assert "hitonly:" in (root / "etc/passwd").read_text()
    state = root / "var/lib/hitonly"
    assert state.stat().st_mode & 0o777 == 0o700
    owner = next(
        line for line in (root / "etc/passwd").read_text().splitlines() if line.startswith("hitonly:")
    )
    assert state.stat().st_uid == int(owner.split(":")[2]) != 0
    unit = (root / "etc/systemd/system/alpr-edge.service").read_text()
    assert unit == (DEPLOY / "alpr-edge.service").read_text()
    assert "/opt/hitonly/bin/alpr-edge" in unit
    assert (root / "opt/hitonly/bin/alpr-edge").exists()
    (state / "kept").touch()
    first = release.used

    release.version("2.0")
    assert release.run("edge", "install").returncode == 0
    second = release.used
    assert second != first

    release.version("3.0", says="raise SystemExit(1)")
    broken = release.run("edge", "install")
    assert broken.returncode
    assert "does not start" in broken.stderr
    assert release.used == second, "a release that does not start changes nothing"
    assert len(list((root / "opt/hitonly/releases").iterdir())) == 2

    assert release.run("edge", "rollback").returncode == 0
    assert release.used == first
    assert release.run("api", "uninstall").returncode, "the other part is not here"

    assert release.run("edge", "uninstall").returncode == 0
    assert not (root / "opt/hitonly").exists()
    assert not (root / "etc/systemd/system/alpr-edge.service").exists()
    assert (state / "kept").exists()
    assert release.run("edge", "uninstall", "--purge").returncode == 0
    assert not state.exists()


@replayed
def test_a_file_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    """One altered package: the installer ends, and nothing is in use."""
    release = Release(tmp_path)
    release.version("1.0")
    with (release.packages / "part-1.0-py3-none-any.whl").open("ab") as file:
        file.write(b"\0")
    done = release.run("edge", "install")
    assert done.returncode
    assert "HASH" in done.stderr.upper()
    assert not (release.root / "opt/hitonly/bin").exists()
    assert not list((release.root / "opt/hitonly/releases").iterdir())
