"""Errors of the hot list, each by whose fault it is and how to mend it. None ever holds plate text."""

from enum import IntEnum

from hitonly_core.errors import HitonlyError


class Exit(IntEnum):
    """Exit codes of ``alpr-hotlist``, documented in docs/hotlist.md."""

    OK = 0
    FAULT = 1
    USAGE = 2
    REFUSED = 3
    NOT_TRUSTED = 4
    KEY = 5
    STORAGE = 6
    BUDGET = 7


class HotListError(HitonlyError):
    """Base of every error of this package.

    Attributes:
        exit_code: what ``alpr-hotlist`` exits with when this error ends it.
    """

    exit_code = Exit.REFUSED


class PlateError(HotListError):
    """A text is no plate: its length or a character is outside what a plate can hold."""

    hint = "A plate has 2 to 10 characters, A to Z and 0 to 9; spaces and hyphens are ignored."


class ListError(HotListError):
    """A signed list is not accepted.

    Attributes:
        step: the numbered step of `hotlist.signed_list.trust` that refused it; 0 outside of it.
    """

    exit_code = Exit.NOT_TRUSTED
    hint = "The list that was accepted before stays in force until it is stale or expires."

    def __init__(self, message: str, *, step: int = 0, hint: str = "") -> None:
        super().__init__(f"step {step}: {message}" if step else message, hint=hint)
        self.step = step


class MalformedError(ListError):
    """A list or an entry is not in its format."""

    hint = "It was altered, cut short, or made by something that does not follow docs/hotlist-format.md."


class TooLargeError(ListError):
    """A list, a line or a count is over its ceiling; nothing of it was read further."""

    hint = "Split the list or raise the device's limits, with its memory in mind."


class NotForDeviceError(ListError):
    """A list is not sealed to this device's key."""

    hint = "Seal the list again with this device's public key among `--device`."


class BadSignatureError(ListError):
    """A signature by a trusted key does not fit the list: it was altered, or signed over something else."""


class UnknownKeyError(ListError):
    """Too few trusted people signed, and somebody who is not trusted did."""

    hint = "Compare the ids of the keys with the device's key set; keys change only by a signed list."


class ThresholdError(ListError):
    """Too few of the trusted people signed."""

    hint = "Have more of the key set's people run `alpr-hotlist sign`."


class WrongDepartmentError(ListError):
    """The list is another department's."""


class RollbackError(ListError):
    """The list is older than one that was accepted, or is another list with the same number."""

    hint = "Sign a new version; an accepted one can never be taken back."


class NotYetIssuedError(ListError):
    """The list's time of issue lies in the future: this clock or the signer's is wrong."""

    hint = "Check the clocks (NTP) of this box and of the computer that signed."


class ExpiredError(ListError):
    """The list's own end has passed."""

    hint = "Sign and publish a new version."


class OtherListError(ListError):
    """The statement that a list is current is about another list than the one it came with."""

    hint = "Publish again: the department's service states anew which list is current."


class StaleError(ListError):
    """The list is older than the device may use (R7: 24 hours or less), and nobody says it is still current."""

    hint = "Publish at least daily, even if nothing changed; see that the box reaches the department."


class StoreError(HotListError):
    """The hot list's folder cannot be read or written, or holds what this program did not put there."""

    exit_code = Exit.STORAGE
    hint = "Check the folder's owner, its free space, and that no other program writes there."


class DraftError(HotListError):
    """A step of authoring breaks a rule: two people, no duplicate, nothing that is not there."""


class ImportFileError(HotListError):
    """A file to import cannot be read as what it is said to be; nothing was imported."""


class RowError(HotListError):
    """One row cannot become an entry; says why, never what stands in it."""


class ImmigrationError(RowError):
    """A row of the immigration-violator file, or with that purpose: never entered, only counted (R16)."""


class CostError(HotListError):
    """The list's predicted false hits are over the budget."""

    exit_code = Exit.BUDGET
    hint = "Look at `alpr-hotlist cost`, then narrow the list or say `--accept-false-hits N`."
