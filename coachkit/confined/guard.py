"""Holds its own process to limits that the kernel keeps: who passes one is ended, and the signal says which it was.

Python's signal handlers wait while C and Rust code runs, so there are none here. Knows nothing of packs.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from coachkit.confined.limits import STATM, Limits, missing

TOO_SLOW, HANGS, PACK_TOO_SLOW = signal.SIGPROF, signal.SIGALRM, signal.SIGXCPU
"""What ends the process for a file's CPU, for silence on the clock, and for the pack's CPU."""

_FILES = 64
"""Open files at most: those that there are, and what a plugin's box may read."""
_LEAST = 0.001
"""Seconds; a timer set to none would be switched off."""


class Guard:
    """The limits of this process from now on; it cannot raise them again."""

    def __init__(self, limits: Limits, seconds: float, patience: float) -> None:
        """`seconds` of CPU and `patience` on the clock are what is left to the pack."""
        self._limits = limits
        self._ends = time.monotonic() + patience
        self._left: dict[str, float] = {}
        self._statm = os.open(STATM, os.O_RDONLY) if missing() is None else None
        for sign in (TOO_SLOW, HANGS, PACK_TOO_SLOW):
            signal.signal(sign, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        _limit(resource.RLIMIT_CPU, math.ceil(seconds), then=1)
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, 0)
        _limit(resource.RLIMIT_NOFILE, _FILES)
        self._most = self._space() + limits.pack_bytes
        self._allow(self._most)
        self._wait()

    @contextmanager
    def file(self, path: str) -> Iterator[bool]:
        """Within the limits of one file, whose CPU adds up each time it is here.

        Says whether the pack as a whole has less memory left than a file may take.
        """
        wanted = self._space() + self._limits.file_bytes
        signal.setitimer(signal.ITIMER_PROF, max(_LEAST, self._left.get(path, self._limits.file_seconds)))
        self._wait()
        self._allow(min(wanted, self._most))
        try:
            yield wanted > self._most
        finally:
            self._allow(self._most)
            self._left[path] = signal.setitimer(signal.ITIMER_PROF, 0)[0]
            self._wait()

    def _wait(self) -> None:
        """Start the clock anew."""
        left = min(self._limits.silence, self._ends - time.monotonic())
        signal.setitimer(signal.ITIMER_REAL, max(_LEAST, left))

    def _space(self) -> int:
        """Bytes of address space, 0 where the system does not say."""
        if self._statm is None:
            return 0
        return int(os.pread(self._statm, 64, 0).split()[0]) * resource.getpagesize()

    def _allow(self, space: int) -> None:
        if self._statm is not None:
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (_least(space, hard), hard))


def _limit(what: int, most: int, then: int = 0) -> None:
    """Lower a limit for good, never above what it is; `then` is by how much the last warning comes before the end."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (_least(most, hard), _least(most + then, hard)))


def _least(wanted: int, hard: int) -> int:
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
