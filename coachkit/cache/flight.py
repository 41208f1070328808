"""One render per missing key in a process: the first who asks makes it, the others wait and look again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Flight:
    """Who is making what, at this moment, in this process.

        with flight.key(key):
            frame = store.get(key) or render_and_store()

    The first one looks again too: another may have landed between its miss and its turn. `wait` is in seconds, and
    others wait no longer: then, and when the first one failed, each makes its own.
    """

    def __init__(self, wait: float = 2.0) -> None:
        self._wait = wait
        self._lock = threading.Lock()
        self._landed: dict[str, threading.Event] = {}

    @contextmanager
    def key(self, key: str) -> Iterator[bool]:
        """True at once for the first who asks for the key; False for the others, once the first one's block has ended.

        After `wait` seconds it is False all the same.
        """
        with self._lock:
            landed = self._landed.get(key)
            if landed is None:
                mine = self._landed[key] = threading.Event()
        if landed is not None:
            landed.wait(self._wait)
            yield False
            return
        try:
            yield True
        finally:
            with self._lock:
                del self._landed[key]
            mine.set()
