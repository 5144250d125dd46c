"""Whether a service is running on a state folder: held by the listener, asked by what needs it stopped."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from api.core.errors import StateError

_NAME: Final = ".serving.lock"


@contextmanager
def serving(state: Path) -> Iterator[None]:
    """Say while the block runs that a service runs here; several may, of several processes.

    Raises:
        StateError: somebody needs it stopped just now, or the folder refuses.
    """
    with _locked(
        state, fcntl.LOCK_SH, "a backup is being restored here", "Start the service when that is done."
    ):
        yield


@contextmanager
def stopped(state: Path) -> Iterator[None]:
    """Keep any service from running here while the block runs.

    Raises:
        StateError: one runs, or the folder refuses.
    """
    with _locked(
        state, fcntl.LOCK_EX, "the service is running", "Stop it first, on every machine it runs on."
    ):
        yield


@contextmanager
def _locked(state: Path, how: int, refusal: str, hint: str) -> Iterator[None]:
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(state / _NAME, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise StateError(f"{state} cannot be used: {problem.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(f"{refusal} ({state})", hint=hint) from None
        yield
    finally:
        os.close(descriptor)
