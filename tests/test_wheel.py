"""What is shipped: three packages, their data, and nothing of the bench, the tests or the training."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Build the wheel with the pinned build backend and return the names inside."""
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        out,
        ROOT,
    ]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    (wheel,) = out.glob("hitonly-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_ships_our_packages_and_no_others(names: list[str]) -> None:
    """The five packages of the product, and the distribution's own folder; no benchmarks, tests or training."""
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "edge",
        "hotlist",
        "api",
        "protocol",
        "hitonly_core",
    }


def test_the_wheel_carries_its_data(names: list[str]) -> None:
    """The model manifest, the bundled weights, the type marker and the licence are in it."""
    assert "edge/weights/manifest.toml" in names
    assert {"edge/py.typed", "hotlist/py.typed", "api/py.typed"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    on_disk = {f"edge/weights/{path.name}" for path in (ROOT / "edge" / "weights").iterdir()}
    assert on_disk <= set(names)
