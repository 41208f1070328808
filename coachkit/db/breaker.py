"""Keeps all but one from waiting for a database that is known to be silent. Knows no database."""

from __future__ import annotations

import threading
import time
from typing import Final

TRY_SECONDS: Final = 1.0
"""How long one who tries whether it answers again should wait for that, at most."""
PAUSE_SECONDS: Final = 0.4
"""Between one who waited in vain and the next who tries: a request that asks several times waits once."""


class Breaker:
    """Whether a database is worth asking, for the threads of one process.

    It opens when somebody has waited in vain: then nobody may ask but one at a time, to try. The first answer closes
    it. Whoever is let through tells how it went, by `succeeded` or `failed`; one who never does keeps the next one
    waiting for TRY_SECONDS and the pause.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shut_until: float | None = None
        """When the next one may try; None while it is closed."""

    @property
    def open(self) -> bool:
        """Whether the last one who told waited in vain."""
        return self._shut_until is not None

    def allows(self) -> bool:
        """Whether to ask now."""
        if self._shut_until is None:
            return True
        with self._lock:
            now = time.monotonic()
            if self._shut_until is None or now < self._shut_until:
                return self._shut_until is None
            self._shut_until = now + TRY_SECONDS + PAUSE_SECONDS
            return True

    def succeeded(self) -> None:
        """It answered: everybody may ask."""
        self._shut_until = None

    def failed(self) -> None:
        """It was waited for in vain."""
        self._shut_until = time.monotonic() + PAUSE_SECONDS
