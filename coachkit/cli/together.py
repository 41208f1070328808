"""Runs several of our own processes as one: what stops one of them stops all.

The process that does so has nothing but them: it opens no file and no socket, and has one thread.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from types import FrameType
from typing import Final

from coachkit.cli.output import warn

STOP_SECONDS: Final = 15
"""How long they have to end when they are told to; gunicorn and the worker take fewer by themselves."""
APART_SECONDS: Final = 3.0
"""How long the first has the machine to itself when it begins."""
_LOOK_SECONDS: Final = 0.05
_PR_SET_PDEATHSIG: Final = 1
_STOP: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def run(
    commands: Mapping[str, Sequence[str]], environ: Mapping[str, str], passed: Mapping[int, Collection[str]]
) -> int:
    """Run these commands, by their names, until one of them ends or we are told to stop. Gives an exit status.

    SIGTERM, SIGINT and SIGQUIT stop all; a signal in `passed` goes on to those it names. The status is 0 where they
    were stopped and ended in time, and that of the first to end where nobody had told it to.
    """
    together = _Together(passed)
    for name, command in commands.items():
        together.start(name, command, environ)
        if len(together) < len(commands):
            together.pause(APART_SECONDS)
    return together.wait()


class _Together:
    def __init__(self, passed: Mapping[int, Collection[str]]) -> None:
        self._passed = passed
        self._running: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
        self._ended: list[tuple[int, int]] = []
        self._stopping = False
        for sign in _STOP:
            signal.signal(sign, self._stop)
        for each in passed:
            signal.signal(each, self._pass)
        signal.signal(signal.SIGALRM, self._kill)

    def __len__(self) -> int:
        return len(self._running)

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
        if self._stopping or self._one_has_ended():
            return
        child = subprocess.Popen(command, env=environ, preexec_fn=_end_with_parent)  # noqa: PLW1509, S603 one thread; our own
        self._running[child.pid] = (name, child)

    def pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stopping and not self._one_has_ended():
            time.sleep(_LOOK_SECONDS)

    def _one_has_ended(self) -> bool:
        """Whether one has; `wait` takes note of it."""
        if not self._ended and self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            self._ended += [(pid, status)] if pid else []
        return bool(self._ended)

    def wait(self) -> int:
        status = 0
        if self._stopping:  # a signal came while the last of them was started
            self._stop()
        while self._running:
            pid, ended = self._ended.pop() if self._ended else os.wait()
            if pid not in self._running:
                continue  # where we are the first process of a container, others' orphans become ours
            name, child = self._running.pop(pid)
            child.returncode = os.waitstatus_to_exitcode(ended)
            if not self._stopping:
                status = _unasked(child.returncode)
                said = f"signal {-child.returncode}" if child.returncode < 0 else f"exit status {child.returncode}"
                warn(f"coachkit: the {name} process ended by itself ({said}); all of it stops")
                self._stop()
            elif child.returncode == -signal.SIGKILL:
                status = status or 1
        signal.alarm(0)
        return status

    def _stop(self, sign: int | None = None, frame: FrameType | None = None) -> None:  # noqa: ARG002 a handler's shape
        self._stopping = True
        signal.alarm(STOP_SECONDS)
        self._send(signal.SIGTERM)

    def _pass(self, sign: int, frame: FrameType | None) -> None:  # noqa: ARG002 the same
        self._send(sign, self._passed[sign])

    def _kill(self, sign: int, frame: FrameType | None) -> None:  # noqa: ARG002 the same
        self._send(signal.SIGKILL)

    def _send(self, sign: int, names: Collection[str] | None = None) -> None:
        """To those of that name, or to all. Not by their Popen, which might take note of an end before `wait` does."""
        for pid, (name, _) in self._running.items():
            if names is None or name in names:
                os.kill(pid, sign)


def _unasked(returncode: int) -> int:
    """The exit status for a process that nobody had told to end: its own if that says so, as a shell gives it."""
    return 128 - returncode if returncode < 0 else returncode or 1


def _end_with_parent() -> None:
    """Called in the child, before it becomes what it is to be: where the kernel can, it ends with this process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
