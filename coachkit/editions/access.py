"""Who may read what an organisation serves, and from where: in force at once, and no part of any edition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

KEYED: Final = "keyed"
"""The content of an organisation that wants a key of whoever reads it."""


@dataclass(frozen=True)
class Access:
    """What an organisation said of its readers. Origins are written as browsers send them: `https://host[:port]`."""

    keyed: bool = False
    origins: frozenset[str] = frozenset()
    """Whose pages may read keyed content in a browser."""
    frame_ancestors: tuple[str, ...] = ()
    """Who may show its HTML in a frame; anybody, where there are none."""
    hostname: str | None = None
    """The name that it has proved to be its own, under which readers far from here are led to it."""


OPEN: Final = Access()
"""That of an organisation that said nothing: anybody may read, from everywhere."""


def from_stored(value: Mapping[str, Any] | None, hostname: str | None = None) -> Access:
    """Access from its stored form."""
    if not value and hostname is None:
        return OPEN
    value = value or {}
    return Access(
        keyed=value.get("content") == KEYED,
        origins=frozenset(value.get("origins") or ()),
        frame_ancestors=tuple(value.get("frame_ancestors") or ()),
        hostname=hostname,
    )
