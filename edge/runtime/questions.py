"""The few questions of ``alpr-edge setup``: what no flag answers is asked. No secret is an argument."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from edge.capture.password import read_password
from edge.capture.settings import RtspSettings, SourceSettings
from edge.department.enrol import enrolled_before
from edge.errors import ConfigError
from edge.runtime.camera_answer import camera_from
from edge.runtime.setup import Wanted, demand_room
from protocol.enrolment_text import EnrolmentText, read_enrolment

_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Questions:
    """What flags have answered; empty or None is asked."""

    camera: str
    name: str
    place: str | None
    policy: Path | None
    enrolment_file: Path | None
    password_file: Path | None
    authority: Path | None

    def ask(self, config: Path, folder: Path) -> Wanted:
        """Ask for the rest, after a look at whether anything may be written at all.

        Raises:
            ConfigError: an answer cannot be used, or is needed and there is no terminal to ask.
            EnrolmentTextError: the enrolment string is none.
            StorageError: a folder cannot be written.
        """
        demand_room(config, folder)
        text = self.camera or answer("Camera (rtsp://user@host/path, /dev/video0), then Enter")
        name = self.name or "camera-1"
        source, password = camera_from(text, name, self.authority)
        if self.camera and password:
            hint = "Leave it out (rtsp://user@host/...): it is asked, or give --camera-password-file FILE."
            raise ConfigError(
                "--camera holds a password, which the list of processes shows to all", hint=hint
            )
        place = self.place
        if place is None:
            place = answer("Where does it stand (in words; may be empty)", "") if sys.stdin.isatty() else ""
        return Wanted(
            config=config,
            folder=folder,
            enrolment=self._enrolment(folder),
            camera=source,
            password=password or self._password(source),
            place=place,
            policy=self.policy,
        )

    def _enrolment(self, folder: Path) -> EnrolmentText | None:
        """Return the enrolment string, unless the unit is enrolled already."""
        if enrolled_before(folder):
            return None
        return read_enrolment(secret_line(self.enrolment_file, "Enrolment string", hide=False))

    def _password(self, source: SourceSettings) -> str:
        """Return the camera's password; only an address with a user has one."""
        wants = isinstance(source, RtspSettings) and bool(source.address.user)
        if self.password_file is not None:
            if not wants:
                raise ConfigError("--camera-password-file is for an rtsp://user@host address")
            return read_password(self.password_file)
        return secret_line(None, "The camera's password") if wants else ""


def secret_line(path: Path | None, question: str, *, hide: bool = True) -> str:
    """Return a secret from a file, from standard input (`-`), or from a terminal.

    Raises:
        ConfigError: it cannot be read, is empty, or there is no terminal to ask.
    """
    if path is None:
        return answer(question, hide=hide)
    try:
        with sys.stdin if str(path) == "-" else path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST).strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path} cannot be read as text") from None
    if not text:
        raise ConfigError(f"{path} is empty")
    return text


def answer(question: str, default: str | None = None, *, hide: bool = False) -> str:
    """Ask on a terminal.

    Raises:
        ConfigError: there is no terminal.
    """
    if not sys.stdin.isatty():
        raise ConfigError(
            f"there is no terminal to ask: {question}", hint="`alpr-edge setup --help` names the flags."
        )
    return str(typer.prompt(question, default=default, hide_input=hide, show_default=False)).strip()
