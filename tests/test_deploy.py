"""What a box and a service are installed from: the parts of the lock, and the images and units that use them."""

import re

import pytest

from tests.box_kit import ROOT

DEPLOY = ROOT / "deploy"


def _pinned(name: str) -> dict[str, set[str]]:
    """Return each pinned package with the hashes of its files."""
    text = (ROOT / name).read_text()
    parts = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    found = [
        (re.match(r"([\w.\[\],-]+==\S+)", part), set(re.findall(r"sha256:[0-9a-f]{64}", part)))
        for part in parts
    ]
    return {match[1]: hashes for match, hashes in found if match}


@pytest.mark.parametrize("part", ["edge", "api", "build"])
def test_a_part_of_the_lock_holds_the_same_files_as_the_whole(part: str) -> None:
    """A box is installed from exactly what the tests ran with: same versions, same hashes, none without."""
    whole, pinned = _pinned("requirements.lock"), _pinned(f"deploy/{part}.lock")
    assert pinned
    assert all(pinned.values())
    assert {name: whole.get(name) for name in pinned} == pinned


def test_the_box_has_no_web_framework_and_the_service_no_vision() -> None:
    """The arrows of the architecture hold for what is installed, too."""
    edge, api = (" ".join(_pinned(f"deploy/{part}.lock")) for part in ("edge", "api"))
    assert "fastapi" not in edge
    assert "sqlalchemy" not in edge
    assert "opencv" not in api
    assert "onnxruntime" not in api
    assert "opencv" in edge, "the positive control"


def test_the_images_install_nothing_without_its_hash() -> None:
    """Every `pip install` of the Dockerfile checks hashes, or installs our own wheel without dependencies."""
    installs = re.findall(r"pip install .*", (ROOT / "Dockerfile").read_text())
    assert len(installs) == 5
    for install in installs:
        assert "--require-hashes" in install or "--no-deps /wheels/" in install


@pytest.mark.parametrize("unit", ["alpr-edge.service", "alpr-api.service"])
def test_a_unit_is_started_again_for_ever(unit: str) -> None:
    """A box that nobody logs in to: whatever ends it, it is started again, and no limit stops that."""
    text = (DEPLOY / unit).read_text()
    for line in ("Restart=always", "StartLimitIntervalSec=0", "LimitCORE=0", "ProtectSystem=strict"):
        assert line in text.splitlines()


def test_the_service_is_restarted_long_before_its_certificate_ends() -> None:
    """Its certificate is issued at start for 397 days: the unit's own limit renews it well before."""
    days = re.findall(r"^RuntimeMaxSec=(\d+)d$", (DEPLOY / "alpr-api.service").read_text(), re.MULTILINE)
    assert 0 < int(days[0]) < 90
