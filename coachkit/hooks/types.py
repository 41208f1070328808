"""The values that hooks take and return. Frozen: a plugin cannot change what another organisation sees.

What a plugin makes checks itself when it is made, so that a wrong value is a fault in the plugin's own code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from coachkit.packs.directives import Directive, DirectiveCall
from coachkit.packs.model import KINDS, NAME_PATTERN, Kind

__all__ = ["Brand", "ContentPack", "Directive", "DirectiveCall", "Document", "Format"]

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")


@dataclass(frozen=True)
class ContentPack:
    """A pack that comes with the plugin: the folder that holds its pack.yaml. Raises TypeError if it is no Path."""

    path: Path

    def __post_init__(self) -> None:
        if not isinstance(self.path, Path):
            raise TypeError(f"a ContentPack's path is a pathlib.Path, not {self.path!r}")


@dataclass(frozen=True)
class Brand:
    """How an organisation looks and what it is called, in a document's locale.

    `colours` are `#rrggbb` for each of background, text, heading, link, control and focus. Fonts are lists of names as
    the organisation wrote them, `logo` is an https address.
    """

    name: str
    colours: Mapping[str, str]
    body_font: str | None = None
    heading_font: str | None = None
    logo: str | None = None
    logo_alt: str | None = None
    careers_email: str | None = None


class Document(NamedTuple):
    """One resource of one edition, resolved for one locale, filled with the organisation's values.

    `body` holds the kind's own fields as the API's JSON shows them (contract: Shapes); it is made for one
    rendering, so changing it changes nothing else. `fallback` maps a field or `sections/<id>` to the locale it
    came from where that is not `locale`, `foreign_titles` does so for the titles of the resources it points at, by
    `kind/id`. `languages` lists every locale present, `locale` first. `draft` says that a translation in it has not
    been signed off by a speaker. `brand` is there for a format that is `branded`; `base`, the address under which
    readers reach this installation, for one that is `absolute`, where the operator has set it.
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
    brand: Brand | None = None
    base: str | None = None


@dataclass(frozen=True)
class Format:
    """A way to write a document down.

    `name` is what `?format=` takes; `media_type` is what `Accept` matches and `Content-Type` says.
    `negotiable` False means that only `?format=` gives it. `branded` asks for the organisation's brand in the document;
    `absolute` asks for whole addresses instead of path-absolute ones, as what is read far from here needs.
    Raises ValueError for a name or a media type that is none, or kinds that there are not, and TypeError for a `render`
    that cannot be called.
    """

    name: str
    media_type: str
    render: Callable[[Document], bytes]
    kinds: tuple[Kind, ...] = KINDS
    negotiable: bool = True
    branded: bool = False
    absolute: bool = False

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and re.fullmatch(NAME_PATTERN, self.name)):
            raise ValueError(f"a Format's name is of lower-case letters, digits and hyphens, not {self.name!r}")
        if not (isinstance(self.media_type, str) and _MEDIA_TYPE.fullmatch(self.media_type)):
            raise ValueError(f"a Format's media_type is one such as text/plain, not {self.media_type!r}")
        if not callable(self.render):
            raise TypeError(f"a Format's render is a function, not {self.render!r}")
        if not (isinstance(self.kinds, tuple) and set(self.kinds) <= set(KINDS)):
            raise ValueError(f"a Format's kinds are a tuple of {', '.join(KINDS)}, not {self.kinds!r}")
