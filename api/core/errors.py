"""Errors of the service, each a problem document of RFC 9457. None ever holds plate text or pixels."""

from http import HTTPStatus


class ApiError(Exception):
    """Base of every error of this package.

    Attributes:
        status: the HTTP status it is answered with.
        slug: the last part of the problem's type, ``urn:hitonly:problem:<slug>``; never changes.
        title: what kind of problem it is, the same for every occurrence.
        hint: what the reader can do about it, one sentence, or empty.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    slug = "fault"
    title = "The service failed"
    hint = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.hint = hint


class SettingsError(ApiError):
    """The service cannot start with these settings."""

    slug = "settings"
    title = "The settings cannot be used"


class StateError(ApiError):
    """The state folder, a key file or the database is not as it must be."""

    slug = "state"
    title = "The service's state cannot be used"


class AuditError(ApiError):
    """The audit record could not be written, so the act did not happen (R12)."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    slug = "audit-unavailable"
    title = "The act could not be recorded, so it was not done"
    hint = "Check the database; nothing was changed."


class DatabaseError(ApiError):
    """The database failed, perhaps in the very moment that the act was stored: nobody knows yet whether it was."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    slug = "database"
    title = "The database could not be used"
    hint = "Look whether it was done before you try it again."


class ChainError(ApiError):
    """The audit chain is broken: a record was altered, removed or reordered."""

    slug = "audit-chain"
    title = "The audit chain is broken"


class InvalidError(ApiError):
    """What was sent is not what this route takes."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    slug = "invalid"
    title = "What was sent cannot be used"


class TooLargeError(ApiError):
    """The body is larger than this route takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    slug = "too-large"
    title = "The body is too large"


class TooManyError(ApiError):
    """Too many requests from one place."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    slug = "too-many"
    title = "Too many requests"
    hint = "Wait a minute and try again."


class SignInError(ApiError):
    """Nobody is signed in, or the session has ended (R13)."""

    status = HTTPStatus.UNAUTHORIZED
    slug = "sign-in"
    title = "Sign in"
    hint = "Sign in and try again."


class DeviceError(ApiError):
    """The request is not signed by an enrolled device, or is a replay."""

    status = HTTPStatus.UNAUTHORIZED
    slug = "device"
    title = "The device is not accepted"
    hint = "Check that the device is enrolled and not revoked, and that its clock is right."


class RevokedError(DeviceError):
    """The request is signed by a device that was revoked; the device is told, and nobody else could ask."""

    slug = "revoked"
    hint = "Enrol it again under a new id."


class ForbiddenError(ApiError):
    """The person's roles do not allow this act."""

    status = HTTPStatus.FORBIDDEN
    slug = "forbidden"
    title = "Not allowed"


class LinkTakenError(ForbiddenError):
    """A one-time link belongs to the browser that opened it first."""

    slug = "link-taken"
    title = "The link was opened elsewhere"
    hint = "If that was not you, tell an administrator, and ask for a new link."


class CrossSiteError(ForbiddenError):
    """The request came from another site's page."""

    slug = "cross-site"
    title = "The request came from another site"


class HostError(ApiError):
    """The request names another host: another site's name was pointed at this machine."""

    status = HTTPStatus.MISDIRECTED_REQUEST
    slug = "host"
    title = "The request is for another host"
    hint = "Set public_url to the name that browsers use."


class ReasonError(ForbiddenError):
    """No purpose or case number was given before opening a hit or an entry (R11)."""

    slug = "reason"
    title = "A purpose and a case number are needed first"


class AbsentError(ApiError):
    """There is no such thing, or no longer."""

    status = HTTPStatus.NOT_FOUND
    slug = "absent"
    title = "There is no such thing"


class DestroyedError(AbsentError):
    """The hit's key has been destroyed, and the hit with it."""

    status = HTTPStatus.GONE
    slug = "destroyed"
    title = "The hit has been destroyed"


class IllegalTransitionError(ApiError):
    """The hit's life cycle does not allow this step from where the hit stands (R8)."""

    status = HTTPStatus.CONFLICT
    slug = "transition"
    title = "The hit cannot take this step"


class ConflictError(ApiError):
    """The act contradicts what already stands."""

    status = HTTPStatus.CONFLICT
    slug = "conflict"
    title = "It contradicts what already stands"


class StaleError(ApiError):
    """What is to be changed was changed by somebody else since it was read."""

    status = HTTPStatus.PRECONDITION_FAILED
    slug = "stale"
    title = "It was changed meanwhile"
    hint = "Look at it again, and make the change anew if it is still needed."


class ConditionError(ApiError):
    """A change must name the version that it is made from."""

    status = HTTPStatus.PRECONDITION_REQUIRED
    slug = "condition"
    title = "The version that is changed must be named"
    hint = "Send the ETag of the last answer as If-Match."


class ListVersionError(ApiError):
    """A hit was matched against a list that the device cannot rightly have had in use."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    slug = "list-version"
    title = "The hit's hot list was not in force"
