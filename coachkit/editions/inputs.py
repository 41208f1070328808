"""What an edition's digest covers, as RFC 8785 JSON: equal choices give equal bytes, on every machine.

Secrets, times and the demo mark are not in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import rfc8785

from coachkit.packs.compile import COMPILER

RENDER = 1
"""Raised whenever the same edition would be written down in other bytes."""


@dataclass(frozen=True)
class ReleaseInput:
    """One release that an edition serves, as its digest names it."""

    pack: str
    version: str
    digest: str
    compiler: int
    directives: tuple[str, ...]


@dataclass(frozen=True)
class PluginInput:
    """A plugin that the organisation enabled. `settings` is the digest of its settings that are no secrets."""

    name: str
    version: str
    settings: str | None = None


def canonical(
    organisation: str,
    settings: Mapping[str, Any],
    releases: Sequence[ReleaseInput],
    plugins: Sequence[PluginInput],
    directives: Sequence[str] = (),
) -> bytes:
    """The edition's inputs in RFC 8785 JSON. `settings` has passed ChoicesSchema; its ranges are left out.

    What settings leave out is what they give as null or empty. `directives` are the plugins, `name@version`, that made
    boxes of the overlay and of the organisation's own resources. Over which releases the overlay's parts were written
    is not in it: that changes nothing for readers.
    """
    own = sorted(settings.get("resources") or (), key=lambda each: (each["kind"], each["id"]))
    value = {
        "organisation": organisation,
        "render": RENDER,
        "compiler": COMPILER if settings.get("overlay") or own else None,
        "directives": list(directives),
        "releases": [
            {
                "pack": each.pack,
                "version": each.version,
                "digest": each.digest,
                "compiler": each.compiler,
                "directives": list(each.directives),
            }
            for each in sorted(releases, key=lambda each: each.pack)
        ],
        "plugins": [{"name": each.name, "version": each.version, "settings": each.settings} for each in plugins],
        "default_locale": settings["default_locale"],
        "locales": settings["locales"],
        "brand": _said(settings["brand"]),
        "prefer": settings.get("prefer") or {},
        "values": settings.get("values") or {},
        "overlay": [_without(part, "over") for part in settings.get("overlay") or ()],
    }
    if own:  # they came later: without any, an edition's inputs are what they always were
        value["resources"] = own
    return rfc8785.dumps(value)


def _without(part: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return {name: value for name, value in part.items() if name != key} if key in part else part


def _said(value: Any) -> Any:
    """A mapping without the keys that say nothing."""
    if isinstance(value, Mapping):
        said = {key: _said(each) for key, each in value.items()}
        return {key: each for key, each in said.items() if each not in (None, {}, [])}
    return [_said(each) for each in value] if isinstance(value, list) else value


def digest(inputs: bytes) -> str:
    """The digest by which an edition is known."""
    return f"sha256:{hashlib.sha256(inputs).hexdigest()}"


@dataclass(frozen=True)
class Inputs:
    """An edition's inputs, read back: the settings with exact versions for ranges, the releases, the plugins."""

    settings: Mapping[str, Any]
    releases: tuple[ReleaseInput, ...]
    plugins: tuple[PluginInput, ...]
    """In the organisation's order."""
    render: int
    """The RENDER with which it was published."""


def parse(inputs: bytes) -> Inputs:
    """An edition's inputs from their stored bytes; the other way round of `canonical`."""
    value = orjson.loads(inputs)
    releases = tuple(
        ReleaseInput(each["pack"], each["version"], each["digest"], each["compiler"], tuple(each["directives"]))
        for each in value["releases"]
    )
    plugins = tuple(PluginInput(each["name"], each["version"], each["settings"]) for each in value["plugins"])
    packs = {each.pack: each.version for each in releases}
    return Inputs(
        {**value, "packs": packs, "plugins": [each.name for each in plugins]}, releases, plugins, value["render"]
    )
