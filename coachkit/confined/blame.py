"""Says in words for authors why a pack could not be read to its end, and which file it was."""

from __future__ import annotations

import signal

from coachkit.confined.guard import HANGS, PACK_TOO_SLOW, TOO_SLOW
from coachkit.confined.limits import MIB, NO_MEMORY, Limits
from coachkit.confined.listening import Heard
from coachkit.errors import Problem

_PACK = "."
_SMALLER = "split the file, and take out what is nested deep or repeated very often"
_SPLIT = "split the pack"


def problem(heard: Heard, limits: Limits, *, spent: bool) -> Problem:
    """The problem that ended an attempt; its file is `.` where the pack as a whole is to blame.

    `spent` says whether the pack has had all its time.
    """
    sign = signal.Signals(-heard.code) if heard.code is not None and heard.code < 0 else None
    file = heard.at or _PACK
    if sign == PACK_TOO_SLOW or (spent and (heard.hung or sign == HANGS)):
        return pack_too_slow(limits)
    if sign == TOO_SLOW:
        message = f"reading this takes more than {limits.file_seconds:g} seconds of computing"
        return Problem(file, None, None, "too-slow", message, _SMALLER)
    if heard.hung or sign == HANGS:
        message = f"reading this was given up after {limits.silence:g} seconds"
        return Problem(file, None, None, "too-slow", message, "a plugin's box may be waiting for something")
    if heard.code == NO_MEMORY or sign in _OUT_OF_MEMORY:
        return _too_much_memory(_PACK if heard.crowded else file, limits)
    ended = "its process is gone" if heard.code is None else f"exit status {heard.code}"
    why = heard.failed or (sign.name if sign else ended)
    message = f"what reads this has failed: {why}"
    return Problem(file, None, None, "reader-failed", message, "write it more simply, and report this to CoachKit")


_OUT_OF_MEMORY = frozenset({signal.SIGABRT, signal.SIGKILL})
"""What ends C and Rust code that gets no memory, and what the system ends who has too much of it with."""


def pack_too_slow(limits: Limits) -> Problem:
    """The pack as a whole takes too long."""
    message = f"the pack takes more than {limits.pack_seconds:g} seconds of computing, or {limits.patience:g} in all"
    return Problem(_PACK, None, None, "too-slow", message, _SPLIT)


def _too_much_memory(file: str, limits: Limits) -> Problem:
    most = limits.pack_bytes if file == _PACK else limits.file_bytes
    what = "the pack" if file == _PACK else "reading this"
    message = f"{what} takes more than {most // MIB} MiB of memory"
    return Problem(file, None, None, "too-much-memory", message, _SPLIT if file == _PACK else _SMALLER)
