"""The camera that a person names when a unit is set up: its source, and the password kept apart from it."""

from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr, ValidationError

from edge.capture.settings import RtspSettings, SourceSettings, settings_from_text
from edge.errors import ConfigError
from hitonly_core.form_words import words_of
from hitonly_core.urls import RTSP, AddressError, parse


def camera_from(text: str, name: str, authority: Path | None) -> tuple[SourceSettings, str]:
    """Return the source that one word means, and the password that stood in it.

    Args:
        text: an address, a device, a clip or a folder of pictures.
        name: the camera's name.
        authority: for rtsps://: the camera's certificate, or its authority's.

    Raises:
        ConfigError: it means nothing; the text is not repeated.
    """
    try:
        if "://" not in text:
            return settings_from_text(text, name=name), ""
        address = parse(text, RTSP, user=True)
        bare = SecretStr(replace(address, password=None).text())
        return RtspSettings(name=name, url=bare, authority=authority), address.password or ""
    except ValidationError as problem:
        words = words_of(problem.errors(include_input=False, include_url=False)[0])
        raise ConfigError(f"the camera {words}") from None
    except AddressError as problem:
        raise ConfigError(f"the camera {problem}") from None
