"""Finds the plugins that the operator allowed and registers what they implement. One manager an application.

A plugin is an entry point of the group `coachkit.v1`. What is not allowed is not even imported. What cannot be
used (does not import, misspells a hook, wraps another's call) is left out whole and reported, never silently.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from coachkit import __version__
from coachkit.hooks import specs
from coachkit.packs.findings import nearest

GROUP = "coachkit.v1"
CORE_PREFIX = "coachkit-core"
"""Names of CoachKit's own implementations begin with this; they come last in every order."""


@dataclass(frozen=True)
class Plugin:
    """A registered plugin: its entry point's name, its package's version, and the object that implements the hooks."""

    name: str
    version: str
    implementation: object

    @property
    def label(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    @property
    def core(self) -> bool:
        """Whether it is CoachKit's own."""
        return self.name.startswith(CORE_PREFIX)


@dataclass(frozen=True)
class Unusable:
    """A plugin that was allowed and could not be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Manager:
    """The plugins in the order in which they are asked: by name, CoachKit's own last."""

    plugins: tuple[Plugin, ...]
    unusable: tuple[Unusable, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the installed plugins that are used are called."""
        return tuple(plugin.name for plugin in self.plugins if not plugin.core)

    def implementations(self, hook: str) -> list[tuple[Plugin, Callable[..., Any]]]:
        """Who implements a hook, in order, with the function to call."""
        found = ((plugin, getattr(plugin.implementation, hook, None)) for plugin in self.plugins)
        return [(plugin, function) for plugin, function in found if function is not None]


def build(allowed: Sequence[str], core: Iterable[tuple[str, object]]) -> Manager:
    """The manager of an application: CoachKit's own implementations and the installed plugins that are allowed."""
    own = [Plugin(name, __version__, implementation) for name, implementation in core]
    plugins: list[Plugin] = []
    unusable: list[Unusable] = []
    installed: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        installed.setdefault(entry.name, []).append(entry)
    for name in sorted(set(allowed)):
        outcome = _load(name, installed)
        (plugins if isinstance(outcome, Plugin) else unusable).append(outcome)  # type: ignore[arg-type]
    reasons = ((plugin.name, _refused(plugin)) for plugin in (*own, *plugins))
    unusable.extend(Unusable(name, reason) for name, reason in reasons if reason)
    refused = {each.name for each in unusable}
    ordered = sorted((*own, *plugins), key=lambda plugin: (plugin.core, plugin.name))
    return Manager(tuple(plugin for plugin in ordered if plugin.name not in refused), tuple(unusable))


def _load(name: str, installed: Mapping[str, Sequence[EntryPoint]]) -> Plugin | Unusable:
    found = installed.get(name, ())
    if not found:
        hint = nearest(name, installed)
        return Unusable(name, f"no installed package offers it{f'; {hint}' if hint else ''}")
    if name.startswith(CORE_PREFIX):
        return Unusable(name, f"names that begin with {CORE_PREFIX} are CoachKit's own")
    if len(found) > 1:
        offering = ", ".join(sorted(entry.dist.name if entry.dist else "?" for entry in found))
        return Unusable(name, f"several installed packages offer it: {offering}")
    entry = found[0]
    try:
        implementation = entry.load()
        implementation = implementation() if inspect.isclass(implementation) else implementation
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 a plugin may even exit while it is imported
        return Unusable(name, f"it cannot be imported: {said(error)}")
    version = entry.dist.version if entry.dist else "0"
    return Plugin(name, version, implementation)


def said(error: BaseException) -> str:
    """An error of a plugin's in words, even if it cannot say them."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 its words are plugin code too
        return type(error).__name__


def _refused(plugin: Plugin) -> str | None:
    """Why a plugin cannot be used, None if it can."""
    try:
        return _misfit(plugin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 looking at a plugin's attributes runs its code
        return f"it does not fit the hooks: {said(error)}"


def _misfit(plugin: Plugin) -> str | None:
    """What about a plugin does not fit the hooks; raises what pluggy, or the plugin itself, raises."""
    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    manager.register(plugin.implementation, name=plugin.name)
    marked = set()
    for attribute, function, options in _marked(manager, plugin.implementation):
        if options.get("wrapper") or options.get("hookwrapper"):
            return f"{attribute} is a wrapper; a plugin contributes and does not change what others do"
        if options.get("specname"):
            return f"{attribute} uses specname; name the function after its hook"
        if attribute not in specs.HOOKS:
            return f"{attribute} is no hook{_hint(attribute)}"
        if any(p.default is not p.empty for p in inspect.signature(function).parameters.values()):
            return f"{attribute} has an argument with a default, which would never be passed"
        marked.add(attribute)
    for attribute in sorted(set(dir(plugin.implementation)) - marked):
        if attribute in specs.HOOKS:
            return f"{attribute} is not marked with @hookimpl"
        if attribute.startswith("coachkit_") and callable(getattr(plugin.implementation, attribute)):
            return f"{attribute} is no hook{_hint(attribute)}"
    return None


def _marked(manager: pluggy.PluginManager, implementation: object) -> Iterable[tuple[str, Callable[..., Any], Any]]:
    for attribute in dir(implementation):
        options = manager.parse_hookimpl_opts(implementation, attribute)
        if options is not None:
            yield attribute, getattr(implementation, attribute), options


def _hint(attribute: str) -> str:
    hint = nearest(attribute, specs.HOOKS)
    return f"; {hint}" if hint else ""
