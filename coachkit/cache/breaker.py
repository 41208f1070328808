"""Keeps a fault elsewhere from costing every request its patience: after a few in a row nobody asks for a while.

Knows nothing of what is asked. Safe to share between threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

FAILURES: Final = 3
"""In a row; then it opens."""
PAUSE_SECONDS: Final = 1.0
"""For how long nobody asks before one is let through to try."""


class Breaker:
    """Closed while things go well, open after FAILURES in a row; then one at a time may try.

    Whoever is let through tells how it went, by `succeeded` or `failed`. `on_open` and `on_close` are called at each
    change, by the thread that told.
    """

    def __init__(
        self,
        on_open: Callable[[], None],
        on_close: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_open = on_open
        self._on_close = on_close
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._shut_until: float | None = None
        """When the next one may try; None while it is closed."""

    @property
    def open(self) -> bool:
        """Whether the last FAILURES in a row failed, and nothing has succeeded since."""
        return self._shut_until is not None

    def allows(self) -> bool:
        """Whether to ask now. Of several at the end of a pause one is let through, and the others wait for the next."""
        if self._shut_until is None:
            return True
        with self._lock:
            now = self._clock()
            if self._shut_until is None or now < self._shut_until:
                return self._shut_until is None
            self._shut_until = now + PAUSE_SECONDS
            return True

    def succeeded(self) -> None:
        """It went well: everybody may ask."""
        if not self._failures:
            return
        with self._lock:
            opened, self._failures, self._shut_until = self._shut_until is not None, 0, None
        if opened:
            self._on_close()

    def failed(self) -> None:
        """It went wrong; after FAILURES in a row nobody asks for PAUSE_SECONDS."""
        with self._lock:
            self._failures += 1
            opens = self._failures == FAILURES
            if self._failures >= FAILURES:
                self._shut_until = self._clock() + PAUSE_SECONDS
        if opens:
            self._on_open()
