"""Errors that a person is told about, each with how to fix it. None ever holds plate text."""


class HitonlyError(Exception):
    """Base of every error of this project that is one sentence for the operator.

    Attributes:
        hint: what the operator can do about it, one sentence, or empty.
    """

    hint = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.hint = hint


class KeyFileError(HitonlyError):
    """A key file is absent, unreadable, of another kind, or open to others."""


class SealError(HitonlyError):
    """What was sealed cannot be opened with this key."""

    hint = "Check that the key is the one it was sealed to."
