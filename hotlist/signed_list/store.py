"""The hot list on a device's disk: what is trusted, the last accepted list, and the file new ones arrive in.

The folder holds ``trust.json`` (department, key set, last version and digest, when a list was last stated to
be current), ``list.sealed`` (the last accepted list, still sealed), and ``lock``. A list is saved before the
state that names it: a crash between the two leaves a list that is newer than the state, which is accepted
again; never a state without its list.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hitonly_core.canonical import canonical
from hitonly_core.files import clear_unfinished, write_durably
from hitonly_core.keys import SealKey
from hitonly_core.policy import LIST_AGE_CEILING
from hotlist.entry import Identity, Time, check_identity, time_text
from hotlist.errors import MalformedError, NotYetIssuedError, StoreError, TooLargeError
from hotlist.signed_list.bundle import HotList
from hotlist.signed_list.keyset import KeySet, KeySetForm
from hotlist.signed_list.list_format import Limits
from hotlist.signed_list.trust import TrustedState, accept

STATE: Final = "trust.json"
LAST: Final = "list.sealed"
_LOCK: Final = "lock"
_MAX_STATE: Final = 65_536


class StateForm(BaseModel):
    """The JSON of ``trust.json``; `stated` is absent before a list was stated to be current."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    department: Identity
    digest: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
    keys: KeySetForm
    stated: Time | None = None
    version: Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What tells one file from the next without reading it."""

    inode: int
    size: int
    changed_ns: int


class HotListStore:
    """A device's hot list. Several processes may use one folder; the version only ever grows.

    Args:
        folder: where the device keeps its state.
        device_key: the device's private sealing key.
        source: the file that new lists arrive in, if they arrive as a file.
        limits: ceilings for a list.
        max_age: R7's limit, 24 hours at most.
    """

    def __init__(
        self,
        folder: Path,
        device_key: SealKey,
        *,
        source: Path | None = None,
        limits: Limits | None = None,
        max_age: timedelta = LIST_AGE_CEILING,
    ) -> None:
        self._folder = folder
        self._device_key = device_key
        self._source = source
        self._limits = limits or Limits()
        self._max_age = max_age
        self._seen: dict[Path, _Seen | None] = {}
        self._again: set[Path] = set()

    def begin(self, department: str, keys: KeySet) -> None:
        """Trust a department and its first key set. Later key sets arrive only in signed lists.

        Raises:
            StoreError: the folder already trusts somebody, or cannot be written.
            MalformedError: the department's id is none.
        """
        with self._locked():
            if (self._folder / STATE).exists():
                hint = "To start anew, remove the folder by hand: that also forgets the rollback state."
                raise StoreError(f"{self._folder} already trusts a department", hint=hint)
            self._save(TrustedState(check_identity(department), keys))

    def state(self) -> TrustedState:
        """Return what is trusted.

        Raises:
            StoreError: there is no state, or it is damaged.
        """
        path = self._folder / STATE
        try:
            form = StateForm.model_validate_json(_read(path, _MAX_STATE))
            keys = KeySet.from_form(form.keys)
            return TrustedState(form.department, keys, form.version, form.digest, form.stated)
        except FileNotFoundError:
            hint = "Enrol the device first: it needs a department and its key set."
            raise StoreError(f"{path} is absent", hint=hint) from None
        except (OSError, ValidationError, MalformedError, TooLargeError):
            raise StoreError(f"{path} cannot be read or is damaged") from None

    def changed(self) -> bool:
        """Whether `load` would read something new, or try again what may go now; costs two ``stat``."""
        return bool(self._again) or any(seen != self._seen.get(path) for path, seen in self._look().items())

    def load(self, now: datetime) -> HotList:
        """Take the source file if it is new; else return the last accepted list, through every step again.

        A source that is refused is refused once: the next `load` returns the last accepted list. What was
        refused for this box's own clock (no battery, no NTP yet) or disk is tried again after that.

        Raises:
            StoreError: no list has been accepted yet, or the disk fails.
            ListError: the list is not acceptable, or no longer (stale, expired); the old one stays.
        """
        found = self._look()
        path = self._next(found)
        self._seen[path] = found[path]
        self._again.discard(path)
        try:
            content = _read(path, self._limits.file)
            return self._take(content, now, save_list=path == self._source)
        except FileNotFoundError:
            raise StoreError("no hot list has been accepted yet") from None
        except OSError as problem:
            self._again.add(path)
            raise StoreError(f"{path} cannot be read: {problem.strerror}") from None
        except (NotYetIssuedError, StoreError):
            self._again.add(path)
            raise

    def offer(self, envelope: bytes, now: datetime) -> HotList:
        """Take a new sealed list; on any error the old one stays, on disk and in force.

        Raises:
            ListError: one of `hotlist.signed_list.trust`'s exact errors.
            StoreError: the disk fails.
        """
        return self._take(envelope, now, save_list=True)

    def _next(self, found: dict[Path, _Seen | None]) -> Path:
        """Return the file to read: a new source, a new last list, what may go now, else the last list."""
        last = self._folder / LAST
        for path in ([self._source] if self._source else []) + [last]:
            if found[path] is not None and found[path] != self._seen.get(path):
                return path
        return min(self._again & {path for path in found if found[path] is not None}, default=last)

    def _look(self) -> dict[Path, _Seen | None]:
        """Return what the two files look like from outside; None for an absent one."""
        paths = [self._folder / LAST, *([self._source] if self._source else [])]
        return {path: _seen(path) for path in paths}

    def _take(self, envelope: bytes, now: datetime, *, save_list: bool) -> HotList:
        with self._locked():
            trusted = self.state()
            accepted = accept(
                envelope,
                device_key=self._device_key,
                trusted=trusted,
                now=now,
                limits=self._limits,
                max_age=self._max_age,
            )
            if save_list:
                self._write(LAST, envelope, clear=True)
                self._seen[self._folder / LAST] = _seen(self._folder / LAST)
            if accepted.state != trusted:
                self._save(accepted.state)
        return accepted.list

    def _save(self, state: TrustedState) -> None:
        body: dict[str, object] = {
            "department": state.department,
            "digest": state.digest,
            "keys": state.keys.to_json(),
            "version": state.version,
        }
        if state.stated is not None:
            body["stated"] = time_text(state.stated)
        self._write(STATE, canonical(body) + b"\n")

    def _write(self, name: str, content: bytes, *, clear: bool = False) -> None:
        """Write one of the two files; `clear` what crashes left beside it first. The caller holds the lock."""
        try:
            if clear:
                clear_unfinished(self._folder)
            write_durably(self._folder / name, content)
        except OSError as problem:
            raise StoreError(f"{self._folder / name} cannot be written: {problem.strerror}") from None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder's lock: reading the state, deciding and saving are one act."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise StoreError(f"{self._folder} cannot be used: {problem.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _seen(path: Path) -> _Seen | None:
    """Return what tells one file from the next; None when it is absent or out of reach."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _Seen(status.st_ino, status.st_size, status.st_mtime_ns)


def _read(path: Path, ceiling: int) -> bytes:
    """Read a file that may not be over a ceiling; it is not read further than one byte past it."""
    with path.open("rb") as file:
        content = file.read(ceiling + 1)
    if len(content) > ceiling:
        raise TooLargeError(f"{path} is over its ceiling of {ceiling} bytes", step=1)
    return content
