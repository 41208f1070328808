"""The values that hooks take and return. Frozen: a plugin cannot change what another organisation sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coachkit.packs.directives import Directive, DirectiveCall
from coachkit.packs.model import KINDS, Kind

__all__ = ["ContentPack", "Directive", "DirectiveCall", "Document", "Format"]


@dataclass(frozen=True)
class ContentPack:
    """A pack that comes with the plugin: the folder that holds its pack.yaml."""

    path: Path


@dataclass(frozen=True)
class Document:
    """One resource of one edition, resolved for one locale, filled with the organisation's values.

    `body` holds the kind's own fields as the API's JSON shows them (contract: Shapes); it is made for one
    rendering, so changing it changes nothing else. `fallback` maps a field or `sections/<id>` to the locale it
    came from where that is not `locale`, `foreign_titles` does so for the titles of the resources it points at, by
    `kind/id`. `languages` lists every locale present, `locale` first. `draft` says that a translation in it has not
    been signed off by a speaker.
    """

    organisation: str
    digest: str
    kind: Kind
    id: str
    pack: str
    version: str
    locale: str
    title: str
    summary: str | None
    topics: tuple[str, ...]
    stages: tuple[str, ...]
    audience: tuple[str, ...]
    fallback: Mapping[str, str]
    foreign_titles: Mapping[str, str]
    languages: tuple[str, ...]
    draft: bool
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Format:
    """A way to write a document down.

    `name` is what `?format=` takes; `media_type` is what `Accept` matches and `Content-Type` says.
    `negotiable` False means that only `?format=` gives it.
    """

    name: str
    media_type: str
    render: Callable[[Document], bytes]
    kinds: tuple[Kind, ...] = KINDS
    negotiable: bool = True
