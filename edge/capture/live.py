"""Network and USB cameras: the newest frame, for as long as it takes.

A network camera's decoded pictures end with the decoder, which is made anew at every key picture
(`edge.capture.codec`). What is compressed does not: the library that takes the stream apart keeps the ends of long
packets until a longer one comes, and nothing but the end of the connection frees them. The capture process is
therefore replaced from time to time, and the kernel takes the old one's memory. The successor connects first and
takes over with its first frame, so that nothing is missed. A USB camera's few buffers go round.
"""

import math
import os
from collections.abc import Callable, Iterator
from typing import Final

from pydantic import SecretStr

from edge.capture.base import State
from edge.capture.blank import Shows
from edge.capture.password import full_address
from edge.capture.session import Session
from edge.capture.settings import LiveSettings, RtspSettings
from edge.capture.sight import EVEN, SAME, Sight
from edge.capture.wire import Message, Request
from edge.flow import Frame
from hitonly_core.clock import NS, Clock

FIRST_RETRY_S: Final = 0.5
"""The pause after a first failure; it doubles with each failure in a row."""
OVERLAP_S: Final = 10.0
"""A successor that has no frame after this long is not waited for: the camera may allow one viewer only."""
SLACK_S: Final = 1.0
"""A capture that ought to end with its next frame ends without it after this long."""
SHORTEST_RENEWAL_S: Final = 10.0
"""The capture process is not replaced more often than this, however short the window."""


def renewal_for(forget_within_s: float) -> float:
    """Return the age at which to renew, so that nothing of a frame outlives `forget_within_s` in a capture process.

    Where the window is shorter than a renewal can be, it is renewed as often as it can be: decoded pictures do not
    wait for it, and what is left of compressed ones ends after `SHORTEST_RENEWAL_S`, or 21 s at most.
    """
    return max(SHORTEST_RENEWAL_S, forget_within_s - OVERLAP_S - SLACK_S)


class LiveCamera:
    """A camera that is connected to again and again: its capture process is killed when it falls silent.

    Args:
        settings: which camera, and how patient to be with it.
        clock: what frames are stamped with.
        renew_after_s: age at which a network camera's capture process gets a successor; `OVERLAP_S` later it
            ends in any case, and any camera's ends when it has been silent for as long as that.
        every_ns: a frame is wanted about this often; 0 for all.

    Raises:
        ConfigError: the camera's password file cannot be used.
    """

    live = True

    def __init__(
        self, settings: LiveSettings, clock: Clock, *, renew_after_s: float = 169.0, every_ns: int = 0
    ) -> None:
        self._settings = settings
        self._address = full_address(settings) if isinstance(settings, RtspSettings) else SecretStr("")
        self._every_ns = every_ns
        self._renew_after_s = renew_after_s if isinstance(settings, RtspSettings) else math.inf
        self._longest_s = renew_after_s + OVERLAP_S + SLACK_S
        self._session = Session(settings.name, clock, live=True, first_ns=round(settings.frozen_after_s * NS))
        self._state = State.CONNECTING
        self._failures = 0
        self.name = settings.name
        self.on_silence: Callable[[], None] = lambda: None
        self.restarts = 0
        self.passed_over = 0
        self.unread: tuple[str, ...] = ()

    @property
    def drops(self) -> int:
        """Frames dropped because nobody was ready for them."""
        return self._session.drops

    @property
    def seen(self) -> int:
        """Pictures decoded so far."""
        return self._session.seen

    @property
    def state(self) -> State:
        """What the camera is doing."""
        if self._session.closed:
            return State.ENDED
        if self._state is not State.ONLINE:
            return self._state
        still = self._session.still_ns() >= self._settings.frozen_after_s * NS
        if still and self._session.shows is not Shows.DARK:  # night is still too, and a car would end it
            return State.FROZEN
        return State.BLANK if self._session.sight.blank else State.ONLINE

    @property
    def reason(self) -> str:
        """Why it is not online."""
        told = {State.OFFLINE: self._session.reason, State.BLANK: EVEN, State.FROZEN: SAME}
        return told.get(self.state, "")

    @property
    def sight(self) -> Sight:
        """What its pictures have shown."""
        return self._session.sight

    @property
    def pid(self) -> int | None:
        """Process id of the capture; None while there is none."""
        return self._session.pid

    @property
    def kept_s(self) -> float:
        """For how long its decoder has kept pictures at most, s; 0 where that is not known, or not yet."""
        return self._session.kept_ns / 1e9

    @property
    def tracks(self) -> int:
        """How many video tracks its stream has, of which the largest is read."""
        return self._session.tracks

    @property
    def locked(self) -> bool | None:
        """Whether its frames are locked in RAM."""
        return self._session.locked

    def frames(self) -> Iterator[Frame]:
        """Yield the newest frame whenever one is asked for; go on through every failure until closed."""
        try:
            while not self._session.closed:
                self._session.start(self._request())
                yield from self._frames_of_one_capture()
                self._session.stop()
                if not self._session.closed:
                    self._fail()
        finally:
            self.close()

    def lapse(self, longest_ns: int) -> None:
        """End the capture when a frame has been in use for longer; the camera is connected to anew afterwards."""
        self._session.lapse(longest_ns)

    def close(self) -> None:
        """End; the capture process is killed and its memory wiped."""
        self._session.close()

    def _frames_of_one_capture(self) -> Iterator[Frame]:
        """Yield until the camera breaks off, falls silent, or is closed."""
        patience_s = _opening_s(self._settings) + self._settings.restart_after_s
        while not self._session.closed:
            taken = self._session.take(min(patience_s, self._left_s()))
            if taken is None or isinstance(taken, Message) or self._session.closed:
                return
            self._state = State.ONLINE
            self._failures = 0
            patience_s = self._settings.restart_after_s
            yield taken
            if self._session.age_s > self._renew_after_s + OVERLAP_S:
                self._session.start(self._request())
                patience_s += _opening_s(self._settings)
            elif self._session.age_s > self._renew_after_s:
                self._session.renew(self._request())

    def _left_s(self) -> float:
        """How long the pictures in the capture process may still lie there while nothing comes.

        A silent camera's capture, or one that is itself stopped, keeps its last pictures: they end with it.
        """
        grown = self._session.age_s if math.isfinite(self._renew_after_s) else 0.0
        return max(0.0, self._longest_s - grown)

    def _fail(self) -> None:
        """Go offline, and wait longer after each failure in a row."""
        self._state = State.OFFLINE
        self._failures += 1
        self.restarts += 1
        self.on_silence()
        self._session.pause(min(FIRST_RETRY_S * 2 ** (self._failures - 1), self._settings.retry_max_s))

    def _request(self) -> Request:
        settings = self._settings
        if isinstance(settings, RtspSettings):
            return Request(
                parent=os.getpid(),
                kind="rtsp",
                places=(self._address.get_secret_value(),),
                every_ns=self._every_ns,
                newest_wins=True,
                transport=settings.transport,
                authority=str(settings.authority.absolute()) if settings.authority else "",
                open_timeout_ms=round(settings.open_timeout_s * 1000),
                read_timeout_ms=round(settings.read_timeout_s * 1000),
            )
        return Request(
            parent=os.getpid(),
            kind="usb",
            places=(str(settings.device),),
            every_ns=self._every_ns,
            newest_wins=True,
            size=(settings.width, settings.height),
        )


def _opening_s(settings: LiveSettings) -> float:
    """How long a connection may take before its silence begins to count."""
    return settings.open_timeout_s if isinstance(settings, RtspSettings) else 0.0
