"""The source that a person names on the command line; a password never stands there, where all can see it."""

import getpass
import re
import sys
from pathlib import Path
from typing import Final

from pydantic import SecretStr, ValidationError

from edge.capture.password import full_address
from edge.capture.settings import RtspSettings, SourceSettings, settings_from_text
from edge.errors import ConfigError
from hitonly_core.form_words import words_of
from hitonly_core.urls import AddressError

_IN_A_PATH: Final = re.compile(r"(?i)(pass(wor[dt])?|pwd|passphrase)=[^&/]")
"""A password in an address's path or query, as some cameras want it."""
_HINT: Final = (
    "Leave the password out (rtsp://user@host/...): a terminal is asked for it, "
    "or give --source-password-file FILE. An address that needs it in its path stands in the configuration file."
)


def source_given(text: str, password_file: Path | None, *, name: str) -> SourceSettings:
    """Return the source that one word means; a terminal is asked for a password that is absent.

    Args:
        text: a path, a device, or an address without its password.
        password_file: where the password of an address stands.
        name: the camera's name.

    Raises:
        ConfigError: it means nothing, or holds a password, which every user of this machine could read.
    """
    try:
        chosen = settings_from_text(text, name=name, password_file=password_file)
    except ValidationError as problem:
        words = words_of(problem.errors(include_input=False, include_url=False)[0])
        raise ConfigError(f"--source {words}") from None
    except AddressError as problem:
        raise ConfigError(f"--source {problem}", hint=_HINT) from None
    if not isinstance(chosen, RtspSettings):
        if password_file is not None:
            raise ConfigError("--source-password-file is for an rtsp:// address")
        return chosen
    if chosen.address.password is not None or _IN_A_PATH.search(chosen.address.rest):
        raise ConfigError("--source holds a password, which the list of processes shows to all", hint=_HINT)
    if chosen.address.user and password_file is None and sys.stdin.isatty():
        asked = getpass.getpass(f"Password for camera {name}: ")
        return chosen.model_copy(update={"url": SecretStr(_with(chosen, asked))})
    full_address(chosen)  # a password file that cannot be used is said before anything starts
    return chosen


def _with(chosen: RtspSettings, password: str) -> str:
    try:
        return chosen.address.text(password)
    except AddressError as problem:
        raise ConfigError(f"--source {problem}") from None
