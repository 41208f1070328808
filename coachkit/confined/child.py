"""What happens in the child: plugins are set up, limits taken on, the pack or texts compiled, and all of it told.

What it says are frames: events in JSON, and at the end what was compiled, in its stored form.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NoReturn, TypeVar

import structlog

from coachkit.confined import wire
from coachkit.confined.guard import Guard
from coachkit.confined.limits import NO_MEMORY, Limits
from coachkit.errors import Problem
from coachkit.hooks import core, manager
from coachkit.hooks.dispatch import Dispatch
from coachkit.packs import loose, stored
from coachkit.packs.check import check
from coachkit.packs.findings import Findings
from coachkit.packs.model import Place
from coachkit.packs.source import Source

T = TypeVar("T")

_LOGGED = 500
"""Characters of a value that a plugin's fault is logged with."""


def run(asked: Mapping[str, Any], files: Mapping[str, bytes], says: int) -> NoReturn:
    """Do what was asked and end this process; `says` is where what is said goes."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    telling = _Telling(says)
    try:
        _read(asked, files, telling)
    except MemoryError:
        os._exit(NO_MEMORY)
    except BaseException as error:  # noqa: BLE001 a plugin may exit, and Rust's panics are no Exceptions
        telling.event("failed", manager.said(error)[:_LOGGED])
    finally:
        os._exit(0)


class _Telling:
    """Says what happens, at once and in order."""

    def __init__(self, says: int) -> None:
        self._says = says

    def event(self, name: str, *values: object) -> None:
        wire.send(self._says, wire.EVENT, json.dumps([name, *values]).encode())

    def compiled(self, data: bytes) -> None:
        wire.send(self._says, wire.COMPILED, data)

    def log(self, _logger: Any, level: str, values: Mapping[str, Any]) -> NoReturn:
        """A processor of structlog's that hands each line to those who started this process."""
        self.event("log", level, {name: str(value)[:_LOGGED] for name, value in values.items()})
        raise structlog.DropEvent

    def progress(self, values: Sequence[T], label: str) -> Iterable[T]:
        """The values, saying as each is done."""
        self.event("loop", label, len(values))
        for value in values:
            yield value
            self.event("next")


def _read(asked: Mapping[str, Any], files: Mapping[str, bytes], telling: _Telling) -> None:
    structlog.configure(processors=[telling.log])
    sys.path[:] = asked["path"]
    importlib.invalidate_caches()
    directives = Dispatch(manager.build(asked["plugins"], [(core.NAME, core)])).directives()
    guard = Guard(Limits(**asked["limits"]), asked["seconds"], asked["patience"])
    findings = Findings()
    for problem in asked["problems"]:
        findings.add(Problem(**problem))

    @contextmanager
    def meter(path: str) -> Iterator[None]:
        with guard.file(path) as crowded:
            telling.event("file", path, crowded)
            yield
        telling.event("file", None, False)  # noqa: FBT003 the event's values, by position

    source = Source(files, frozenset(asked["closed"]))
    if asked["work"] == "texts":
        telling.compiled(loose.compile_all(source, directives, findings, meter))
    elif compiled := check(source, directives, findings, telling.progress, meter).compiled:
        try:
            telling.compiled(stored.dump(compiled))
        except stored.TooLargeError as error:
            findings.error(Place("."), "output-too-large", str(error), "split the pack")
    telling.event("done", [asdict(problem) for problem in findings.problems])
