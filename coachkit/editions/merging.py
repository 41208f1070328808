"""Three texts: what a release said under the overlay, what it says now, and the organisation's own wording.

A part of the overlay keeps the release that it was written over. When the release that its range gives now says
something else there, the organisation decides: keep its own wording, or take the release's. Nothing here publishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from coachkit.db import releases as release_rows
from coachkit.db.releases import ReleaseHead
from coachkit.editions import releases
from coachkit.editions.choices import Choices, Operation, Over, OverlayPart, from_settings, overlay_part, part_ids
from coachkit.errors import NotFound
from coachkit.packs.model import Compiled, Fill, Link, Part, Parts, Picture


@dataclass(frozen=True)
class Wording:
    """A text as its author would write it: Markdown, or the plain text of a field, which has no title."""

    title: str | None
    text: str


@dataclass(frozen=True)
class Merge:
    """A part of the overlay over a text that has changed since, in one locale."""

    position: int
    """In the overlay, from 0."""
    id: str
    operation: Operation
    target: str
    locale: str
    field: str | None
    section: str | None
    over: Over
    now: Over
    """The release that the organisation's range gives now."""
    old: Wording | None
    """What `over` says; None where it says nothing, or is no longer known."""
    new: Wording | None
    """What `now` says; None where it has nothing in that locale any more."""
    theirs: Wording | None
    """The organisation's own; None where it hides the section."""


def settle_over(
    conn: Connection, settings: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """The settings in which each part of the overlay that covers a text says over which release it was written.

    A part that does not say it was written over the release that its range gives now; but one that stands in the same
    words in the settings `before` was written when those were. What no release offers yet stays without.
    """
    choices = from_settings(settings)
    open_parts = [position for position, part in enumerate(choices.overlay) if part.covers and part.over is None]
    if not open_parts:
        return settings
    known = _known(before)
    heads: dict[str, ReleaseHead] | None = None
    overlay = [dict(part) for part in settings["overlay"]]
    for position in open_parts:
        part = choices.overlay[position]
        over = known.get((part.id, part.title, part.text))
        if over is None:
            heads = _heads(conn, choices) if heads is None else heads
            serving = _serving(part, choices, heads)
            over = Over(serving.pack, serving.version) if serving else None
        if over is not None:
            overlay[position]["over"] = {"pack": over.pack, "version": over.version}
    return {**settings, "overlay": overlay}


def merges(conn: Connection, settings: Mapping[str, Any]) -> list[Merge]:
    """Each part of the overlay, and each locale of it, whose text differs between its release and that of now."""
    choices = from_settings(settings)
    heads = _heads(conn, choices) if any(part.over for part in choices.overlay) else {}
    return list(undecided(conn, choices, heads, {}))


def undecided(
    conn: Connection, choices: Choices, heads: Mapping[str, ReleaseHead], loaded: Mapping[str, Compiled]
) -> Iterator[Merge]:
    """As `merges`, where `heads` are the releases of now by pack, and `loaded` those of them that are at hand.

    A part whose target is gone is left out: that is a problem of its own.
    """
    if not any(part.over for part in choices.overlay):
        return
    shelf = _Shelf(conn, {Over(pack, heads[pack].version): compiled for pack, compiled in loaded.items()})
    names = part_ids(choices.overlay)
    for position, part in enumerate(choices.overlay):
        serving = _serving(part, choices, heads) if part.over else None
        if serving is not None and part.over is not None and not _untouched(conn, part, part.over, serving):
            now = Over(serving.pack, serving.version)
            for each in _compared(position, part, now, choices.reached, shelf):
                yield replace(each, id=names[position])


def keep(settings: Mapping[str, Any], position: int, now: Over) -> dict[str, Any]:
    """The settings in which a part of the overlay stands over the release `now`, with the words that it has."""
    overlay = [dict(part) for part in settings["overlay"]]
    overlay[position]["over"] = {"pack": now.pack, "version": now.version}
    return {**settings, "overlay": overlay}


def take(settings: Mapping[str, Any], position: int) -> dict[str, Any]:
    """The settings without a part of the overlay, so that the release's own text is served."""
    return {**settings, "overlay": [part for each, part in enumerate(settings["overlay"]) if each != position]}


class _Shelf:
    """Releases that have been loaded, so that each is loaded once."""

    def __init__(self, conn: Connection, at_hand: Mapping[Over, Compiled]) -> None:
        self._conn = conn
        self._loaded: dict[Over, Compiled | None] = {**at_hand}

    def get(self, named: Over) -> Compiled | None:
        """A release; None where there is none."""
        if named not in self._loaded:
            try:
                self._loaded[named] = releases.load(self._conn, named.pack, named.version)
            except NotFound:
                self._loaded[named] = None
        return self._loaded[named]


def _known(before: Mapping[str, Any] | None) -> dict[tuple[str, str | None, str | None], Over]:
    """What the parts of earlier settings were written over, by what they are and their words."""
    parts = [overlay_part(part) for part in (before or {}).get("overlay") or ()]
    return {(part.id, part.title, part.text): part.over for part in parts if part.over}


def _heads(conn: Connection, choices: Choices) -> dict[str, ReleaseHead]:
    found = (releases.resolve(conn, pack, wanted) for pack, wanted in choices.packs.items())
    return {head.pack: head for head in found if head}


def _serving(part: OverlayPart, choices: Choices, heads: Mapping[str, ReleaseHead]) -> ReleaseHead | None:
    """The release that serves what a part is about; None where none does, or another pack than it names."""
    name = _name(part)
    pack = choices.serving(name, (head.pack for head in heads.values() if name in head.resources))
    head = heads.get(pack) if pack and part.target.pack in (None, pack) else None
    return head if head and name in head.resources else None


def _untouched(conn: Connection, part: OverlayPart, over: Over, serving: ReleaseHead) -> bool:
    """Whether nothing of the resource has changed, as can be seen without loading a release."""
    if over == Over(serving.pack, serving.version):
        return True
    head = release_rows.head(conn, over.pack, over.version)
    return head is not None and head.resources.get(_name(part)) == serving.resources[_name(part)]


def _compared(position: int, part: OverlayPart, now: Over, reached: Iterable[str], shelf: _Shelf) -> Iterator[Merge]:
    over = part.over or now
    before, after = shelf.get(over), shelf.get(now)
    for locale in [part.locale] if part.locale else sorted(reached):
        old, new = (_wording(compiled, part, locale) for compiled in (before, after))
        if old == new or _gone(after, part):
            continue
        hidden = part.operation == "hide"
        own = None if hidden else Wording(part.title, part.text or "")
        target = f"{now.pack}:{_name(part)}"
        where = (part.operation, target, locale, part.field, part.section)
        yield Merge(position, part.id, *where, over, now, old, new, own)


def _wording(compiled: Compiled | None, part: OverlayPart, locale: str) -> Wording | None:
    """What a release says where a part is; a text that replaces another may have been written over the original.

    So where the release has none in its locale, that in the pack's default locale counts.
    """
    if compiled is None:
        return None
    resource = compiled.resources.get((part.target.kind, part.target.id))
    if resource is None:
        return None
    for each in [locale] if part.operation == "hide" else [locale, compiled.manifest.default_locale]:
        line = resource.lines.get(each, {}).get(part.field or "")
        if line is not None:
            return Wording(None, _written(line, compiled))
        section = resource.sections_by_id.get(each, {}).get(part.section or "")
        if section is not None:
            return Wording(section.title, _written(section.markdown, compiled))
    return None


def _gone(compiled: Compiled | None, part: OverlayPart) -> bool:
    """Whether a release has no such field or section in any locale."""
    resource = compiled.resources.get((part.target.kind, part.target.id)) if compiled else None
    if resource is None:
        return True
    if part.field is not None:
        return part.field not in resource.paths
    return not any(part.section in sections for sections in resource.sections_by_id.values())


def _written(parts: Parts, compiled: Compiled) -> str:
    return "".join(_part(part, compiled) for part in parts)


def _part(part: Part, compiled: Compiled) -> str:
    match part:
        case str():
            return part
        case Fill(name):
            return f"{{{{{name}}}}}"
        case Link(target):
            return str(target)
        case Picture(name):
            return compiled.images[name].path


def _name(part: OverlayPart) -> str:
    return f"{part.target.kind}/{part.target.id}"
