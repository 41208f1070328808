"""How long whoever uses the database at this moment goes on waiting for it. Knows no driver."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Silence(Exception):
    """The database was waited for as long as there was patience, and did not answer."""


class Patience:
    """Seconds that a transaction waits for the database in all.

    They run out while the database is waited for, in `waiting`, and not while our own code makes something of what
    it answered: that takes its time, the longer the busier this machine is.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self._left = seconds
        self._until: float | None = None

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


_current: ContextVar[Patience | None] = ContextVar("coachkit database patience", default=None)


def current() -> Patience:
    """That of the transaction around; without end where there is none."""
    return _current.get() or Patience()


@contextmanager
def patient(seconds: float) -> Iterator[Patience]:
    """A transaction with so many seconds' patience."""
    patience = Patience(seconds)
    before = _current.set(patience)
    try:
        yield patience
    finally:
        _current.reset(before)
