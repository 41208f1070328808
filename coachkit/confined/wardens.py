"""This process's wardens: started when one is needed, kept for the next time, ended with this process.

One serves one pack at a time, so that threads never wait for each other. A forked process starts wardens of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from coachkit.confined import wire

_START = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from coachkit.confined.warden import main
main()
"""
_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ")
"""The variables that a process needs to run; secrets stand in others."""
_KEPT = 4
"""Idle wardens at most."""
_ENDS_WITHIN = 5.0
"""Seconds that a warden, which ends when its input does, may take for that."""


class Silent(Exception):
    """Nothing has been said for as long as one was ready to wait."""


class Ended(Exception):
    """The warden is gone."""


class Warden:
    """A running warden. Its process has no other way to anything here than its two pipes."""

    def __init__(self) -> None:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603 our own interpreter with our own words
            [sys.executable, "-P", "-c", _START, json.dumps(import_path())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            env=environment,
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._replies = cast("IO[bytes]", self._process.stdout)
        _all.add(self)
        self._poll = select.poll()
        self._poll.register(self._replies.fileno(), select.POLLIN)

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None

    def send(self, tag: bytes, payload: bytes) -> None:
        """Hand it a frame. Raises Ended."""
        try:
            wire.send(self._requests.fileno(), tag, payload)
        except BrokenPipeError:
            raise Ended from None

    def receive(self, patience: float) -> tuple[bytes, bytes]:
        """Its next frame. Raises Silent after `patience` seconds in which it has said nothing, and Ended."""
        if not self._poll.poll(patience * 1_000):
            raise Silent
        frame = wire.receive(self._replies.fileno())
        if frame is None:
            raise Ended
        return frame

    def close(self) -> None:
        """End it: at once where it waits, and with its child where it has one."""
        self._requests.close()
        try:
            self._process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._replies.close()

    def forget(self) -> None:
        """Give up what a fork has copied; the warden itself is the other process's."""
        self._requests.close()
        self._replies.close()
        self._process.returncode = 0


def import_path() -> list[str]:
    """Where this process imports from, whatever its working folder: the wardens' is another."""
    return [str(Path(entry).absolute()) for entry in sys.path]


@contextmanager
def borrowed() -> Iterator[Warden]:
    """A warden for one attempt; it is kept unless the attempt raises."""
    warden = _taken() or Warden()
    try:
        yield warden
    except BaseException:
        warden.close()
        raise
    with _lock:
        keep = len(_idle) < _KEPT
        if keep:
            _idle.append(warden)
    if not keep:
        warden.close()


def close() -> None:
    """End the idle ones, before this process becomes another program: those would be strangers to it."""
    while warden := _taken():
        warden.close()


def _taken() -> Warden | None:
    while True:
        with _lock:
            warden = _idle.pop() if _idle else None
        if warden is None or warden.alive:
            return warden
        warden.close()


def _forget() -> None:
    global _lock  # noqa: PLW0603 another thread may have held it when this process was forked
    _lock = threading.Lock()
    _idle.clear()
    for warden in _all:
        warden.forget()
    _all.clear()


_all: weakref.WeakSet[Warden] = weakref.WeakSet()
_idle: list[Warden] = []
_lock = threading.Lock()
atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
