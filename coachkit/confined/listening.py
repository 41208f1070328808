"""Puts together what a child says, which is believed no further than its types; and moves the progress on with it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from typing import Any

import structlog

from coachkit.confined import wire
from coachkit.errors import Problem
from coachkit.packs import stored
from coachkit.packs.progress import Progress

_log = structlog.get_logger("coachkit.hooks")


class Heard:
    """What has been heard of one attempt so far."""

    def __init__(self, files: Collection[str], progress: Progress) -> None:
        self.anything = False
        """Whether it has said a word."""
        self.at: str | None = None
        """The file that it is at."""
        self.crowded = False
        """Whether the pack had less memory left there than a file may take."""
        self.done = False
        """Whether it has come to the end of the pack."""
        self.problems: tuple[Problem, ...] = ()
        self.compiled: bytes | None = None
        self.failed: str | None = None
        """What it raised."""
        self.hung = False
        """Whether it was given up because nothing came."""
        self.code: int | None = None
        """How the process ended, as `subprocess` counts it: minus the signal's number if one did it."""
        self.seconds = 0.0
        """Of CPU."""
        self._files = files
        self._progress = progress
        self._steps: Iterator[object] = iter(())
        self._frames = wire.Frames(stored.SIZE_LIMIT)

    @property
    def ended(self) -> bool:
        """Whether its process has."""
        return self.code is not None

    def listen(self, tag: bytes, payload: bytes) -> None:
        """One frame of the warden's. Raises ValueError for what nobody of ours says."""
        self.anything = True
        if tag == wire.ENDED:
            status, self.seconds = json.loads(payload)
            self.code = os.waitstatus_to_exitcode(status)
            return
        for inner, said in self._frames.add(payload):
            if inner == wire.COMPILED:
                self.compiled = said
            else:
                self._event(json.loads(said))

    def _event(self, event: Any) -> None:
        match event:
            case ["file", path, bool() as crowded]:
                self.at, self.crowded = path if path in self._files else None, crowded
            case ["loop", str() as label, int() as count]:
                self._steps = iter(self._progress(range(count), label))
                next(self._steps, None)
            case ["next"]:
                next(self._steps, None)
            case ["log", str() as level, dict() as values] if level in _LEVELS:
                getattr(_log, level)(**values)
            case ["failed", str() as why]:
                self.failed = why
            case ["done", list() as problems]:
                self.problems, self.done = tuple(map(_problem, problems)), True
            case _:
                raise ValueError(f"{event!r:.80}")


_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})


def _problem(value: Any) -> Problem:
    match value:
        case {
            "file": str() as file,
            "line": int() | None as line,
            "column": int() | None as column,
            "code": str() as code,
            "message": str() as message,
            "hint": str() | None as hint,
            "severity": "error" | "warning" as severity,
        }:
            return Problem(file, line, column, code, message, hint, severity)
        case _:
            raise ValueError(f"{value!r:.80}")
