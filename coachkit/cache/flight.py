"""One render per missing key in a process: the first who asks makes it, the others wait and look again."""

from __future__ import annotations

import threading


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
        self._landed: dict[str, threading.Event | None] = {}
        """Key under way → what the others wait for, where there are any."""

    def key(self, key: str) -> Turn:
        """A block of one's own: True at once for the first who asks for the key; False for the others, once it ended.

        After `wait` seconds it is False all the same.
        """
        return Turn(self, key)

    def depart(self, key: str) -> bool:
        """Whether nobody else is making it: who is told True must `land`."""
        with self._lock:
            if key not in self._landed:
                self._landed[key] = None
                return True
            landed = self._landed[key]
            if landed is None:
                landed = self._landed[key] = threading.Event()
        landed.wait(self._wait)
        return False

    def land(self, key: str) -> None:
        """Let the others look."""
        with self._lock:
            landed = self._landed.pop(key)
        if landed is not None:
            landed.set()


class Turn:
    """One caller's block for one key."""

    __slots__ = ("_first", "_flight", "_key")

    def __init__(self, flight: Flight, key: str) -> None:
        self._flight = flight
        self._key = key
        self._first = False

    def __enter__(self) -> bool:
        self._first = self._flight.depart(self._key)
        return self._first

    def __exit__(self, *_: object) -> None:
        if self._first:
            self._flight.land(self._key)
