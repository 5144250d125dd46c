"""``alpr-edge setup``: from an enrolment string and a camera to a unit that can be started.

1. Everything that can be wrong here is looked at before anything is sent.
2. The department's authority is fetched, and known by its fingerprint.
3. The unit enrols over a connection that this authority vouches for.
4. The policy document is compared with the one that the unit is registered under.
5. The configuration is written, whole or not at all.

A setup that was interrupted after step 3 is run again and goes on from there: the code is not needed twice.
"""

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.capture.settings import RtspSettings, SourceSettings
from edge.config import load_config
from edge.department import enrol as enrolment
from edge.department.authority import fetch_authority
from edge.department.enrol import AUTHORITY, KEYS, Enrolled, enrolled_before
from edge.errors import ConfigError, StorageError
from edge.runtime.config_text import config_text
from hitonly_core.files import write_durably
from protocol.enrolment_text import EnrolmentText

CAMERA_FILE: Final = "camera.password"
_FETCHED: Final = "fetched-ca.pem"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person answered.

    Attributes:
        config: the configuration file to write.
        folder: the unit's own folder: keys, trust, lists, spool and state.
        enrolment: the enrolment string; None where the unit is enrolled already.
        camera: the first camera's source; an address holds no password.
        password: the camera's password, to be kept in a file of its own; empty for none.
        place: where the camera stands, in words.
        policy: the policy document; None takes the one that the unit is registered under on trust.
    """

    config: Path
    folder: Path
    enrolment: EnrolmentText | None = field(repr=False)
    camera: SourceSettings
    password: str = field(repr=False, default="")
    place: str = ""
    policy: Path | None = None


def demand_room(config: Path, folder: Path) -> None:
    """Refuse where a unit is set up already, or where its own user could not read what would be written.

    Raises:
        ConfigError: the configuration is there, or root would write into another user's folder.
        StorageError: a folder cannot be made or written.
    """
    if config.exists():
        raise ConfigError(
            f"{config} is already there; it is never replaced",
            hint=f"Look at it with `alpr-edge check --config {config}`, or move it away to set the unit up anew.",
        )
    for path in (folder, config.parent):
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise StorageError(f"{path} cannot be made: {problem.strerror}") from None
        if os.geteuid() == 0 and path == folder and path.stat().st_uid != 0:
            owner = f"'#{path.stat().st_uid}'"
            hint = f"Run it as that user: sudo -u {owner} {sys.argv[0]} setup"
            raise ConfigError(f"{path} is another user's, who could not read root's files", hint=hint)
        if not os.access(path, os.W_OK | os.X_OK):
            raise StorageError(f"{path} cannot be written", hint="Run it as the user that the unit runs as.")


def set_up(wanted: Wanted) -> Enrolled:
    """Enrol where that is still to be done, and write the configuration.

    Raises:
        ConfigError: something given cannot be used; setup can be run again.
        LinkError: the service cannot be reached, has another authority, or does not accept the code.
        StorageError: a file cannot be written.
    """
    demand_room(wanted.config, wanted.folder)  # (1)
    digest = _digest(wanted.policy) if wanted.policy else ""
    enrolled = enrolled_before(wanted.folder) or _enrol(wanted)
    registered = enrolled.registration.get("policy_sha256", "")
    if digest and digest != registered:  # (4)
        raise ConfigError(
            f"{wanted.policy} is not the policy document that this unit is registered under",
            hint="Give the right file and run setup again (the unit stays enrolled), or register the unit anew.",
        )
    try:
        if wanted.password:
            write_durably(wanted.folder / KEYS / CAMERA_FILE, wanted.password.encode() + b"\n")
        write_durably(wanted.config, config_text(_tables(wanted, enrolled)).encode(), replace=False)  # (5)
    except OSError as problem:
        raise StorageError(f"{wanted.config} cannot be written: {problem.strerror}") from None
    load_config(wanted.config)
    return enrolled


def _enrol(wanted: Wanted) -> Enrolled:
    given = wanted.enrolment
    if given is None:
        raise ConfigError("an enrolment string is needed", hint="The service's devices page shows it once.")
    if not given.authority:
        return enrolment.enrol(given.url, given.code, wanted.folder, None)
    pem = fetch_authority(given.url, given.authority)  # (2)
    keys = wanted.folder / KEYS
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    fetched = keys / _FETCHED
    try:
        write_durably(fetched, pem.encode())
        return enrolment.enrol(given.url, given.code, wanted.folder, fetched)  # (3)
    finally:
        fetched.unlink(missing_ok=True)


def _digest(policy: Path) -> str:
    try:
        return hashlib.sha256(policy.read_bytes()).hexdigest()
    except OSError as problem:
        raise ConfigError(f"the policy document {policy} cannot be read: {problem.strerror}") from None


def _tables(wanted: Wanted, enrolled: Enrolled) -> Mapping[str, Any]:
    """Return the configuration's tables."""
    folder, keys = wanted.folder.absolute(), wanted.folder.absolute() / KEYS
    department = {"url": enrolled.url, "service_key": str(keys / enrolment.SERVICE)}
    if enrolled.url.startswith("https://"):
        department["authority"] = str(keys / AUTHORITY)
    camera = {"name": wanted.camera.name, "place": wanted.place, "source": _source(wanted, keys)}
    return {
        **enrolment_tables(enrolled, folder, department),
        "storage": {"spool": str(folder / "spool"), "state": str(folder / "state")},
        "cameras": [{name: value for name, value in camera.items() if value}],
    }


def enrolment_tables(enrolled: Enrolled, folder: Path, department: Mapping[str, str]) -> dict[str, Any]:
    """Return the tables that follow from an enrolment: who the unit is, its keys, its department, its list."""
    keys, registered = folder / KEYS, enrolled.registration
    return {
        "device": {
            "id": enrolled.device,
            "registration": registered.get("registration_id", ""),
            "agency": registered.get("agency", enrolled.agency),
            "policy_sha256": registered.get("policy_sha256", ""),
        },
        "keys": {
            "signing": str(keys / enrolment.SIGNING),
            "sealing": str(keys / enrolment.SEALING),
            "department": str(keys / enrolment.DEPARTMENT),
        },
        "department": dict(department),
        "hotlist": {
            "file": str(folder / "lists" / "hotlist.sealed"),
            "trust": str(folder / enrolment.TRUST),
        },
    }


def _source(wanted: Wanted, keys: Path) -> dict[str, Any]:
    """Return the source's table: what was given, and where its password lies."""
    given = wanted.camera.model_dump(mode="json", exclude={"name"}, exclude_unset=True)
    source = {"kind": wanted.camera.kind, **given}
    if isinstance(wanted.camera, RtspSettings):
        source["url"] = wanted.camera.url.get_secret_value()
        if wanted.password:
            source["password_file"] = str(keys / CAMERA_FILE)
    for name in ("path", "authority"):
        if source.get(name):
            source[name] = str(Path(source[name]).absolute())
    if "paths" in source:
        source["paths"] = [str(Path(each).absolute()) for each in source["paths"]]
    return {name: value for name, value in source.items() if value is not None}
