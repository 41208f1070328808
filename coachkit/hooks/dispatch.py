"""Calls plugins and keeps the promises that pluggy does not.

A plugin that raises, exits or returns the wrong thing harms only its own contribution; it is logged by plugin and
hook, counted, and after repeated faults quarantined: not asked again until the process starts anew.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, TypeGuard, TypeVar

import structlog

from coachkit.hooks.manager import Manager, Plugin, said
from coachkit.packs.directives import Directive

T = TypeVar("T")

FAULTS_BEFORE_QUARANTINE = 5

_log = structlog.get_logger("coachkit.hooks")


class Fault(Exception):
    """A plugin's contribution that cannot be used; it has been logged and counted already."""


class Dispatch:
    """Asks the plugins of one application. Safe to share between threads."""

    def __init__(self, manager: Manager, on_fault: Callable[[str, str], None] | None = None) -> None:
        """`on_fault(plugin, hook)` is told of every fault, for the metrics. Says which plugins cannot be used."""
        self.manager = manager
        self._on_fault = on_fault
        self._faults: Counter[str] = Counter()
        self._lock = threading.Lock()
        for each in manager.unusable:
            _log.error("plugin not used", plugin=each.name, reason=each.reason)

    @property
    def quarantined(self) -> tuple[str, ...]:
        """The plugins that are not asked any more."""
        with self._lock:
            return tuple(sorted(name for name, count in self._faults.items() if count >= FAULTS_BEFORE_QUARANTINE))

    def collect(self, hook: str, expected: type[T], **arguments: Any) -> list[tuple[Plugin, T]]:
        """What all plugins contribute to a hook that returns several values, each checked to be an `expected`."""
        contributions: list[tuple[Plugin, T]] = []
        for plugin, function in self.manager.implementations(hook):
            try:
                values = self.call(plugin, hook, _gathered, function, arguments, expected=list)
            except Fault:
                continue
            wrong = [type(value).__name__ for value in values if not _is(value, expected)]
            if wrong:
                self._fault(plugin, hook, f"returned a {wrong[0]} among what should be {expected.__name__}")
            else:
                contributions.extend((plugin, value) for value in values)
        return contributions

    def directives(self) -> list[tuple[str, Directive]]:
        """The directives that authors may use, each with its maker `name@version`; each rendered through `call`.

        Of two with one name the first counts; the other is reported.
        """
        makers: dict[str, Plugin] = {}
        found: list[tuple[str, Directive]] = []
        for plugin, directive in self.collect("coachkit_directives", Directive):
            first = makers.setdefault(directive.name, plugin)
            if first is plugin:
                found.append((plugin.label, self._guarded(plugin, directive)))
            else:
                _log.warning("directive not used", plugin=plugin.name, name=directive.name, taken_by=first.name)
        return found

    def _guarded(self, plugin: Plugin, directive: Directive) -> Directive:
        render = directive.render
        if render is None:
            return directive
        guarded = partial(self.call, plugin, "coachkit_directives", render, expected=str)
        return replace(directive, render=guarded)

    def call(self, plugin: Plugin, hook: str, function: Callable[..., Any], *arguments: Any, expected: type[T]) -> T:
        """Call one function of a plugin and check what it returns; raises Fault for anything that goes wrong."""
        if not plugin.core and plugin.name in self.quarantined:
            raise Fault(f"{plugin.name} is quarantined")
        try:
            value = function(*arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if plugin.core and isinstance(error, Exception):
                raise
            self._fault(plugin, hook, f"raised {said(error)}")
            raise Fault(f"{plugin.name} failed in {hook}") from error
        if not _is(value, expected):
            self._fault(plugin, hook, f"returned {type(value).__name__} where {expected.__name__} is wanted")
            raise Fault(f"{plugin.name} failed in {hook}")
        return value

    def _fault(self, plugin: Plugin, hook: str, reason: str) -> None:
        with self._lock:
            self._faults[plugin.name] += 1
        _log.error("plugin fault", plugin=plugin.name, hook=hook, reason=reason)
        if self._on_fault:
            self._on_fault(plugin.name, hook)


def _is(value: object, expected: type[T]) -> TypeGuard[T]:
    """Whether a value is of a type; by its true type, since `__class__`, which isinstance asks too, is plugin code."""
    return issubclass(type(value), expected)


def _gathered(function: Callable[..., Iterable[Any] | None], arguments: dict[str, Any]) -> list[Any]:
    return list(function(**arguments) or ())
