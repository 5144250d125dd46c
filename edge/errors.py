"""Errors of the edge, each with its exit code and how to mend it. None ever holds plate text or pixels."""

from enum import IntEnum

from hitonly_core.errors import HitonlyError


class Exit(IntEnum):
    """Exit codes of ``alpr-edge``, documented in docs/configuration.md."""

    OK = 0
    FAULT = 1
    USAGE = 2
    CONFIG = 3
    SOURCE = 4
    MODEL = 5
    HOT_LIST = 6
    KEY = 7
    STORAGE = 8
    RETENTION = 9
    LINK = 10


class EdgeError(HitonlyError):
    """Base of every error of this package.

    Attributes:
        exit_code: what ``alpr-edge`` exits with when this error ends it.
    """

    exit_code = Exit.FAULT


class ConfigError(EdgeError):
    """The configuration cannot be used."""

    exit_code = Exit.CONFIG


class SourceError(EdgeError):
    """A camera, clip or picture cannot be read."""

    exit_code = Exit.SOURCE


class ModelError(EdgeError):
    """A model file is absent, altered or not what it says it is."""

    exit_code = Exit.MODEL
    hint = "Run `alpr-edge models verify`."


class LinkError(EdgeError):
    """The department's service cannot be reached, or refuses; hits wait on the spool."""

    exit_code = Exit.LINK


class RevokedError(LinkError):
    """The department has revoked this box, and takes nothing from it any more."""

    hint = "Enrol the box again; what it has sealed so far can only be opened by hand (`alpr-api open`)."


class StorageError(EdgeError):
    """The spool or the state folder cannot be written."""

    exit_code = Exit.STORAGE
    hint = "Check free space and the folder's owner; nothing was left half-written."


class RetentionError(EdgeError):
    """The purge was late: reading stopped and every live read was destroyed (promise 2)."""

    exit_code = Exit.RETENTION
    hint = "The box is overloaded, or was stopped; it fails closed and may simply be started again."


class Forgotten(EdgeError):  # noqa: N818 - not a fault: the read met its deadline, as it must
    """The read behind this handle has been destroyed."""


class Unserialisable(EdgeError):  # noqa: N818 - names what the object is
    """Something tried to serialise a frame, detection or read: only a hit may leave (promise 1)."""
