"""The comparison of the published list with the entries in force, whether anybody acts or not (R7)."""

import logging
import threading
from datetime import timedelta
from typing import Final

from api.core.service import Service
from api.lists import publishing

EVERY: Final = timedelta(seconds=20)
"""A worker that dies between an act and its publication costs at most this, and devices ask every few seconds."""
_LOG: Final = logging.getLogger(__name__)


class Publisher(threading.Thread):
    """Calls `publishing.renew` every 20 seconds, until stopped; retention, a thread apart, does not wait for it."""

    def __init__(self, service: Service) -> None:
        super().__init__(name="publication", daemon=True)
        self._service = service
        self._stopped = threading.Event()

    def run(self) -> None:
        """Work until stopped, from the start on: an older database may just have been put back."""
        self.compare()
        while not self._stopped.wait(EVERY.total_seconds()):
            self.compare()

    def compare(self) -> None:
        """Compare once, and publish where that is due; what fails is logged, and tried again the next time."""
        try:
            publishing.renew(self._service)
        except Exception as problem:  # noqa: BLE001 - a key, the disk or the database: the next round tries again
            _LOG.error("the hot list could not be published: %s", type(problem).__name__)

    def stop(self) -> None:
        """Stop, and wait for the comparison in progress."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=10)
