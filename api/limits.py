"""How often one address may ask: a bucket of tokens that fills with time, in this process's memory."""

import threading
import time
from collections import OrderedDict
from typing import Final

from starlette.requests import Request

from api.errors import TooManyError

_ADDRESSES: Final = 10_000


class Rate:
    """Lets an address through so many times a minute, with bursts up to that number.

    Each worker process counts by itself. Accounts are protected beside that by the lock of R13.
    """

    def __init__(self, per_minute: int) -> None:
        self._size = float(per_minute)
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, request: Request) -> None:
        """Count a request of its address.

        Raises:
            TooManyError: too many within a minute.
        """
        address = request.client.host if request.client else ""
        now = time.monotonic()
        with self._lock:
            left, since = self._buckets.pop(address, (self._size, now))
            left = min(self._size, left + (now - since) * self._size / 60)
            self._buckets[address] = (max(left - 1, 0.0), now)
            if len(self._buckets) > _ADDRESSES:
                self._buckets.popitem(last=False)
        if left < 1:
            raise TooManyError("too many requests from this address")
