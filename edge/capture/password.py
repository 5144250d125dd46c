"""A camera's address with its password put in: made when the camera is opened, handed on by pipe only."""

import stat
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from edge.capture.settings import RtspSettings
from edge.errors import ConfigError
from hitonly_core.urls import AddressError

MAX_BYTES: Final = 256
CREDENTIALS: Final = Path("/run/credentials")
"""Where systemd puts what LoadCredential names; it keeps others out by its folder, whatever a file's mode says."""


def full_address(settings: RtspSettings) -> SecretStr:
    """Return a camera's address, with the password of its file if it has one.

    Raises:
        ConfigError: the file cannot be read, can be read by others, or holds no password.
    """
    password = None if settings.password_file is None else read_password(settings.password_file)
    try:
        return SecretStr(settings.address.text(password))
    except AddressError as problem:
        raise ConfigError(f"camera {settings.name}: {problem}") from None


def read_password(path: Path) -> str:
    """Return the one line that a file holds.

    Raises:
        ConfigError: it cannot be read, can be read by others, or holds anything but one line of text.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes() if stat.S_ISREG(mode) else b""
    except OSError as problem:
        raise ConfigError(f"the password file {path} cannot be read: {problem.strerror}") from None
    if mode & 0o077 and CREDENTIALS not in path.parents:
        raise ConfigError(f"others can read the password file {path}", hint=f"chmod 600 {path}")
    try:
        password = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        password = ""
    if not password or not password.isprintable() or len(content) > MAX_BYTES:
        raise ConfigError(
            f"the password file {path} does not hold a password",
            hint="It holds the password as it is (no % codes), in UTF-8, on one line.",
        )
    return password
