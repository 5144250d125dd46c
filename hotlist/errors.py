"""Errors of the hot list, each by whose fault it is and how to mend it. None ever holds plate text."""


class HotListError(Exception):
    """Base of every error of this package.

    Attributes:
        hint: what the operator can do about it, one sentence, or empty.
    """

    hint = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.hint = hint


class PlateError(HotListError):
    """A text is no plate: its length or a character is outside what a plate can hold."""

    hint = "A plate has 2 to 10 characters, A to Z and 0 to 9; spaces and hyphens are ignored."


class KeyFileError(HotListError):
    """A key file is absent, unreadable, of another kind, or open to others."""


class SealError(HotListError):
    """What was sealed cannot be opened with this key."""

    hint = "Check that the key is the one it was sealed to."


class MalformedError(HotListError):
    """A list or an entry is not in its format."""
