"""One protective measure and what came of it: a platform's refusal is reported, never passed over."""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

_UNKNOWN = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


class State(StrEnum):
    """What came of a measure."""

    APPLIED = "applied"
    REFUSED = "refused"
    """The platform has it and said no, or it could not be applied in full."""
    ABSENT = "absent"
    """The platform does not have it."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Attributes:
        name: short and stable, for receipts and `alpr-edge check`.
        state: what came of it.
        reason: one sentence, empty when applied.
    """

    name: str
    state: State
    reason: str = ""


def attempt(name: str, apply: Callable[[], None]) -> Measure:
    """Apply a measure and tell what came of it; `OSError` is the platform's refusal."""
    try:
        apply()
    except OSError as error:
        state = State.ABSENT if error.errno in _UNKNOWN else State.REFUSED
        return Measure(name, state, error.strerror or str(error))
    return Measure(name, State.APPLIED)
