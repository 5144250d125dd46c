"""Tell systemd how we are, where it asked: one datagram a message, as sd_notify(3) describes."""

import os
import socket
from collections.abc import Mapping
from typing import Final

_PART: Final = 2
"""Beat this many times in systemd's interval."""


class Notifier:
    """Speaks to the socket that systemd named, or to nobody.

    Attributes:
        interval_ns: how often `WATCHDOG=1` is due, in nanoseconds; 0 when it was not asked for.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.settimeout(0)
        asked = environment.get("WATCHDOG_USEC", "0")
        self.interval_ns = int(asked) * 1000 // _PART if asked.isdigit() else 0
        self._beaten_ns = -self.interval_ns

    def send(self, state: str) -> bool:
        """Send one message, such as ``READY=1``; False when nobody listens. Never waits."""
        if self._socket is None:
            return False
        try:
            self._socket.sendto(state.encode(), self._address)
        except OSError:
            return False
        return True

    def beat(self, now_ns: int) -> None:
        """Send ``WATCHDOG=1`` when it is due."""
        if self.interval_ns and now_ns - self._beaten_ns >= self.interval_ns:
            self._beaten_ns = now_ns
            self.send("WATCHDOG=1")

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
