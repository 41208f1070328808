"""What a pack is once it has been read, and what a release is once it has been compiled.

Values only. `Pack` is what the reader makes of an author's files; `Compiled` is what the compiler makes
of a pack and what is stored beside the release. Both know nothing of organisations, requests or time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Literal, get_args

Kind = Literal["module", "questionnaire", "template", "checklist", "pathway"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FOLDERS: Mapping[Kind, str] = {kind: f"{kind}s" for kind in KINDS}
"""The folder a kind lives in inside a pack, and its name in paths of the API."""
KIND_OF_FOLDER: Mapping[str, Kind] = {folder: kind for kind, folder in FOLDERS.items()}

Stage = Literal["applied", "screened", "interviewed", "final"]
STAGES: tuple[Stage, ...] = get_args(Stage)

PlaceholderType = Literal["text", "email", "url", "phone", "date"]
PLACEHOLDER_TYPES: tuple[PlaceholderType, ...] = get_args(PlaceholderType)

NAME_PATTERN = r"[a-z0-9]+(?:-[a-z0-9]+)*"
"""Pack ids, organisation slugs, resource, section, item and slot ids; at most NAME_LENGTH characters."""
NAME_LENGTH = 64
PLACEHOLDER_PATTERN = r"[a-z][a-z0-9_]*"


@dataclass(frozen=True, order=True)
class Reference:
    """A resource (and a section of it) as another names it: `[pack:][kind/]id[#section]`.

    `pack` is None for the pack the reference stands in; the kind is a module where none is written.
    """

    pack: str | None
    kind: Kind
    id: str
    section: str | None = None

    def __str__(self) -> str:
        pack = f"{self.pack}:" if self.pack else ""
        section = f"#{self.section}" if self.section else ""
        return f"{pack}{self.kind}/{self.id}{section}"


# --- what authors write -------------------------------------------------------------------------


@dataclass(frozen=True)
class Placeholder:
    """A value that is filled in later: by the organisation (declared in pack.yaml) or by a person (in a template).

    `label` is a plain name for people, by locale; `required` says whether a fill or an edition fails without it.
    """

    name: str
    type: PlaceholderType
    label: Mapping[str, str]
    required: bool = True
    example: str | None = None


@dataclass(frozen=True)
class Contact:
    """Somebody a reader can turn to. `verified_on` None means that nobody has checked it: shown as unverified."""

    name: str
    phone: str | None = None
    url: str | None = None
    hours: str | None = None
    verified_on: date | None = None


@dataclass(frozen=True)
class SupportSlot:
    """A place for support contacts that the pack's modules name and an organisation fills or confirms.

    `contacts` are the pack's own suggestions by locale; an organisation's replace them locale by locale.
    """

    id: str
    description: str
    contacts: Mapping[str, tuple[Contact, ...]]


@dataclass(frozen=True)
class Manifest:
    """pack.yaml: what the pack is and what it needs."""

    id: str
    version: str
    title: str
    description: str
    licence: str
    authors: tuple[Mapping[str, str], ...]
    """Each has `role` and optionally `organisation`; never a person's name."""
    default_locale: str
    locales: tuple[str, ...]
    """Every locale the pack has, the default one among them."""
    coachkit: str
    """The range of CoachKit versions it works with."""
    visibility: Literal["public", "private"] = "public"
    requires: Mapping[str, str] = field(default_factory=dict)
    placeholders: Mapping[str, Placeholder] = field(default_factory=dict)
    support: Mapping[str, SupportSlot] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where something stands in a pack's file; line and column count from 1."""

    file: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class Line:
    """A short text (title, summary, a checklist item's reason) in one locale, as written.

    `fills` says whether placeholders may stand in it (a template's subject: yes; everything else: no).
    """

    text: str
    place: Place
    fills: bool = False


@dataclass(frozen=True)
class MarkdownText:
    """Markdown as written: one section of a module (`id`, `title`), or a template's body (id `body`, no title)."""

    id: str
    title: str | None
    markdown: str
    place: Place
    """Of the first line of `markdown`."""


@dataclass(frozen=True)
class SourceResource:
    """One resource with all its locales, read and checked for shape but not yet compiled.

    `facts` is what no translation changes, JSON-ready, with None wherever a `Line` of `lines` will stand.
    `lines` maps locale → path → Line; a path's parts are mapping keys, or the `id` of a list's entry:
    `title`, `summary`, `items/pack-a-bag/reason`, `options/agree5/low`.
    `sections` maps locale → the Markdown texts in the order written (empty for YAML kinds).
    `references` are those of `facts` (related, steps, recommendations), with their places.
    """

    kind: Kind
    id: str
    facts: Mapping[str, Any]
    lines: Mapping[str, Mapping[str, Line]]
    sections: Mapping[str, tuple[MarkdownText, ...]]
    references: tuple[tuple[Reference, Place], ...]
    place: Place
    drafts: frozenset[str] = frozenset()
    """The locales whose translation says `translation: {status: draft}`."""
    signed: frozenset[str] = frozenset()
    """The locales whose translation says `translation: {status: signed}`."""
    outdated: frozenset[str] = frozenset()
    """The locales whose translation says that it was made from other texts than those of the default locale."""


@dataclass(frozen=True)
class Image:
    """A picture that lives in the pack. `media_type` is what its bytes say, not its name."""

    path: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Pack:
    """A pack as its author wrote it, read whole."""

    manifest: Manifest
    resources: tuple[SourceResource, ...]
    images: Mapping[str, Image]


# --- what the compiler makes --------------------------------------------------------------------


@dataclass(frozen=True)
class Fill:
    """The value of a placeholder stands here, escaped for the format and the position."""

    name: str
    position: Literal["text", "href"] = "text"


@dataclass(frozen=True)
class Link:
    """The address of another resource stands here; `pack` of the target is always filled in."""

    target: Reference


@dataclass(frozen=True)
class Picture:
    """The address of an image of the pack stands here; `name` is `<sha256 hex>.<extension>`."""

    name: str


Part = str | Fill | Link | Picture
Parts = tuple[Part, ...]


@dataclass(frozen=True)
class Section:
    """A section of a module or the body of a template in one locale: sanitised HTML and Markdown, in parts.

    The str parts of `html` are finished HTML; those of `markdown` are finished Markdown.
    """

    id: str
    title: str | None
    html: Parts
    markdown: Parts


@dataclass(frozen=True)
class Resource:
    """One resource of a release, compiled in every locale it has.

    `facts`, `lines` are as in SourceResource, the lines now in parts (plain text, not HTML).
    `digest` covers all that this resource serves, in all locales, and nothing of the pack's version.
    `version` is the release in which this content first appeared unchanged until this one.
    """

    kind: Kind
    id: str
    version: str
    digest: str
    facts: Mapping[str, Any]
    lines: Mapping[str, Mapping[str, Parts]]
    sections: Mapping[str, tuple[Section, ...]]
    drafts: frozenset[str]
    fills: Mapping[str, frozenset[str]]
    """By locale, the placeholders of pack.yaml that its texts use (a template's personal ones are not among them)."""
    references: tuple[Reference, ...]
    """Everything it points at, in facts and in links, `pack` filled in, sorted, without repeats."""
    signed: frozenset[str] = frozenset()
    """As in SourceResource, and so is `outdated`; both are empty where COMPILER was below 2, which did not know."""
    outdated: frozenset[str] = frozenset()
    worked_out: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """What floors above have worked out of it and want again while it is in memory, each by a key that begins with what
    it is: little, and no more of it than there are locales."""

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The paths of its lines in any locale, sorted."""
        return tuple(sorted({path for texts in self.lines.values() for path in texts}))

    @cached_property
    def sections_by_id(self) -> Mapping[str, Mapping[str, Section]]:
        """Its sections by locale and id."""
        return {locale: {section.id: section for section in texts} for locale, texts in self.sections.items()}


@dataclass(frozen=True)
class Compiled:
    """A pack compiled: what a release serves. Derived, stored beside the source archive, never remade silently."""

    manifest: Manifest
    resources: Mapping[tuple[Kind, str], Resource]
    images: Mapping[str, Image]
    """By name, as `Picture` has it."""
    compiler: int
    directives: tuple[str, ...]
    """The directive plugins that made it, `name@version`, sorted."""


def kind_named(name: str) -> Kind | None:
    """The kind of that name, None if there is none."""
    return name if name in KINDS else None
