"""What can be configured of a source: one frozen model a kind, told apart by `kind`."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from hitonly_core.urls import RTSP, Address, AddressError, parse

_LIKE_AN_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/|[^@]*:.*@|rtsps?//", re.ASCII | re.DOTALL)
"""What is no path but was meant for an address: it begins with a scheme, or holds a user and a password."""


class _Settings(BaseModel):
    """Common to every source. A rejected value is not repeated in the error: it may hold a password."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(
        default="camera", min_length=1, max_length=64, description="Name of the camera in logs and hits."
    )


class FileSettings(_Settings):
    """A video file."""

    kind: Literal["file"] = "file"
    path: Path = Field(description="The clip.")
    every: int = Field(default=1, ge=1, description="Read every N-th frame.")
    realtime: bool = Field(
        default=False, description="Run at the clip's own pace, as a camera would: late frames are dropped."
    )

    @field_validator("path", mode="before")
    @classmethod
    def _is_no_address(cls, path: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return _no_address(path)


class PicturesSettings(_Settings):
    """Pictures: files, or folders of files, read in the order of their names."""

    kind: Literal["pictures"] = "pictures"
    paths: tuple[Path, ...] = Field(min_length=1, description="Picture files and folders.")

    @field_validator("paths", mode="before")
    @classmethod
    def _are_no_addresses(cls, paths: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return [_no_address(path) for path in paths] if isinstance(paths, list | tuple) else paths


class _LiveSettings(_Settings):
    """Common to cameras."""

    restart_after_s: float = Field(
        default=20.0, gt=0, le=300, description="Longest silence before a restart."
    )
    retry_max_s: float = Field(default=10.0, gt=0, le=300, description="Longest pause between attempts.")
    frozen_after_s: float = Field(
        default=60.0, gt=0, le=3600, description="A picture unchanged for this long is reported as frozen."
    )


class RtspSettings(_LiveSettings):
    """A network camera."""

    kind: Literal["rtsp"] = "rtsp"
    url: SecretStr = Field(
        description="rtsp:// or rtsps:// address, with user and password if it needs them."
    )
    password_file: Path | None = Field(
        default=None,
        description="The password, as it is, alone in a file that only the box's user can read (0600).",
    )
    authority: Path | None = Field(
        default=None,
        description="For rtsps://: the camera's own certificate, or the authority's that signed it (PEM).",
    )
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="How the stream travels.")
    open_timeout_s: float = Field(default=10.0, gt=0, le=300, description="Longest wait for a connection.")
    read_timeout_s: float = Field(default=10.0, gt=0, le=300, description="Longest wait for a packet.")

    @field_validator("url")
    @classmethod
    def _is_rtsp(cls, url: SecretStr) -> SecretStr:
        parse(url.get_secret_value(), RTSP, user=True)
        return url

    @property
    def address(self) -> Address:
        """The address in its parts."""
        return parse(self.url.get_secret_value(), RTSP, user=True)

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password_file is not None:
            if self.address.password is not None:
                raise ValueError("has a password in url and a password_file: remove one of them")
            if not self.address.user:
                raise ValueError("password_file needs the user name in url, as in rtsp://user@host")
        return self

    @model_validator(mode="after")
    def _secure_or_plainly_not(self) -> Self:
        """Refuse what would look secure and not be: TLS with nobody's certificate, or media beside the TLS."""
        if self.address.scheme != "rtsps":
            if self.authority:
                raise ValueError("authority is for rtsps:// addresses; rtsp:// is not encrypted")
            return self
        if self.authority is None:
            raise ValueError(
                "rtsps:// needs authority, the camera's own certificate or the one that signed it (PEM): "
                "without it anybody could answer in the camera's place"
            )
        if self.transport != "tcp":
            raise ValueError(
                'rtsps:// needs transport = "tcp": over UDP the pictures would travel in the clear'
            )
        if {";", "|"} & set(str(self.authority)):
            raise ValueError("the path of authority cannot hold ; or |")
        return self


class UsbSettings(_LiveSettings):
    """A USB or built-in camera (V4L2)."""

    kind: Literal["usb"] = "usb"
    device: int = Field(default=0, ge=0, le=63, description="Number of the device: 0 is /dev/video0.")
    width: int = Field(default=0, ge=0, le=7680, description="Width asked of the camera; 0 leaves its own.")
    height: int = Field(default=0, ge=0, le=4320, description="Height asked of the camera; 0 leaves its own.")


SourceSettings = Annotated[
    FileSettings | PicturesSettings | RtspSettings | UsbSettings, Field(discriminator="kind")
]
"""Any source, for a configuration to embed."""
LiveSettings = RtspSettings | UsbSettings


def settings_from_text(
    text: str, *, name: str = "camera", password_file: Path | None = None
) -> FileSettings | PicturesSettings | LiveSettings:
    """Tell what a user means by one word: a URL, a device, a folder, a picture or a clip.

    Args:
        text: ``rtsp://...``, a device number, ``/dev/videoN``, or a path.
        name: the camera's name.
        password_file: the password of an address.

    Raises:
        pydantic.ValidationError: an address that is none; the text is not repeated in it.
        AddressError: what is neither a path nor an address with its scheme; nor is it here.
    """
    device = text.removeprefix("/dev/video")
    if device.isascii() and device.isdecimal():
        return UsbSettings(name=name, device=int(device))
    if "://" in text:
        return RtspSettings(name=name, url=SecretStr(text), password_file=password_file)
    path = Path(_no_address(text))
    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        return PicturesSettings(name=name, paths=(path,))
    return FileSettings(name=name, path=path)


def _no_address(path: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    """Refuse an address in a path's place: the error about a path would repeat it, with its password."""
    if isinstance(path, str | Path) and _LIKE_AN_ADDRESS.match(str(path)) and not Path(path).exists():
        raise AddressError("is no path but looks like an address; a camera's begins with rtsp:// or rtsps://")
    return path


PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""Files of a folder that are read as pictures."""
