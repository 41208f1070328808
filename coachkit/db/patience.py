"""How long whoever uses the database at this moment goes on waiting for it. Knows no driver."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

SECONDS: Final = "coachkit_seconds"
"""The execution option of a connection that says how many seconds its transaction waits, where that is its own."""


class Patience:
    """Seconds that a transaction waits for the database in all.

    They run out while the database is waited for, in `waiting`, and not while our own code makes something of what
    it answered: that takes its time, the longer the busier this machine is. `in_vain` says whether an answer was
    waited for until none was left; who waits says so.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self._left = seconds
        self._until: float | None = None
        self.in_vain = False

    @property
    def left(self) -> float:
        """Seconds that are left, never below 0."""
        return max(0.0, self._left if self._until is None else self._until - time.monotonic())

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Time that counts; one within another counts once."""
        if self._until is not None:
            yield
            return
        self._until = time.monotonic() + self._left
        try:
            yield
        finally:
            self._left, self._until = self.left, None

    @contextmanager
    def ours(self) -> Iterator[None]:
        """While it lasts, this is the patience of everything that this thread asks a database."""
        before = _current.set(self)
        try:
            yield
        finally:
            _current.reset(before)


_current: ContextVar[Patience | None] = ContextVar("coachkit database patience", default=None)


def current() -> Patience:
    """That of the transaction around; without end where there is none."""
    return _current.get() or Patience()
