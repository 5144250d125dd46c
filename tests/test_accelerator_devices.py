"""An accelerator's device files: named in the configuration, allowed by the kernel, and nothing beside them."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from edge.config import ModelsSection, load_config
from edge.hardening import landlock
from edge.runtime.allowances import allowed
from tests.box_kit import Department
from tests.child import in_a_child

SOURCE = 'source = { kind = "usb", device = 63 }'


def opened(path: str) -> bool:
    """Whether a device can be opened to be written."""
    try:
        os.close(os.open(path, os.O_RDWR))
    except PermissionError:
        return False
    return True


def reach(folder: str, devices: str) -> None:
    """Confine this process as a box of these devices, and try one that is named and one that is not."""
    config = Department(Path(folder)).configure(SOURCE, f"[models]\ndevices = {devices}\n")
    what = allowed(load_config(config))
    assert opened("/dev/zero")
    assert opened("/dev/full")
    landlock.restrict(what)
    assert opened("/dev/zero") == ("/dev/zero" in devices)
    assert not opened("/dev/full")


@pytest.mark.parametrize("devices", [["/dev/zero"], []])
def test_a_device_that_is_named_can_be_written_and_no_other(devices: list[str], tmp_path: Path) -> None:
    """By the kernel's own word: a graphics processor's files are opened to be written, as these are."""
    try:
        landlock.version()
    except OSError:
        pytest.skip("the kernel has no Landlock")
    in_a_child(reach, str(tmp_path), str(devices).replace("'", '"'))


@pytest.mark.parametrize("path", ["/etc/passwd", "/dev", "dev/null", "/dev/../etc", "/dev/shm", "/devices/x"])  # noqa: S108 - refused
def test_what_is_no_device_is_refused(path: str) -> None:
    """A folder of files, or a way out of /dev, would be a place to write to."""
    with pytest.raises(ValidationError, match="it must lie in /dev"):
        ModelsSection.model_validate({"devices": [path]})
