"""Work that is done again and again in a thread of its own while the box runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_PERIOD_S: Final = 0.5


@contextmanager
def often(work: Callable[[], None], name: str, bell: threading.Event | None = None) -> Iterator[None]:
    """Do some work twice a second in a thread, at once when the bell rings, and once more at the end."""
    over, woken = threading.Event(), bell or threading.Event()

    def keep() -> None:
        while not over.is_set():
            woken.wait(_PERIOD_S)
            woken.clear()
            work()
        work()

    thread = threading.Thread(target=keep, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        woken.set()
        thread.join()
