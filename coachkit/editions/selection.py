"""Which text serves each field and section of a resource in one locale, and where it comes from.

For each field and section the locale's chain is walked; within a locale the organisation's overlay beats the
release. Nothing is filled or rendered here: a selection is known from the edition alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from coachkit.packs.model import Fill, Parts, Resource, Section

T = TypeVar("T")
Origin = Literal["release", "overlay"]


class Picked(NamedTuple, Generic[T]):
    """A text, the locale it was found in, and who wrote it."""

    value: T
    locale: str
    origin: Origin


@dataclass(frozen=True)
class Insertion:
    """Where a section of the overlay's own goes: beside an anchor, a section of the release or of the overlay."""

    section: str
    anchor: str
    after: bool


@dataclass(frozen=True)
class ResourceOverlay:
    """What an organisation's overlay does to one resource, compiled."""

    hidden: bool = False
    lines: Mapping[str, Mapping[str, Parts]] = field(default_factory=dict)
    """Locale → path → text."""
    sections: Mapping[str, Mapping[str, Section]] = field(default_factory=dict)
    """Locale → section id → section, both those that replace and those that are inserted."""
    insertions: tuple[Insertion, ...] = ()
    hidden_sections: frozenset[str] = frozenset()
    order: tuple[str, ...] = ()
    """Ids of sections in the organisation's order."""


NO_OVERLAY = ResourceOverlay()


class Selection(NamedTuple):
    """One resource in one locale: every text it shows, with its origin.

    `missing` names the fields, and `sections/<id>`, that no locale of the chain has.
    """

    resource: Resource
    locale: str
    lines: Mapping[str, Picked[Parts]]
    sections: tuple[Picked[Section], ...]
    missing: tuple[str, ...]
    foreign: tuple[Picked[Any], ...]
    """Those of its texts that came from another locale than its own, as they appear."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Every locale present, the main one first, the others in the order in which they appear."""
        return tuple(dict.fromkeys((self.locale, *(picked.locale for picked in self.foreign))))

    @property
    def fallback(self) -> dict[str, str]:
        """Field, or `sections/<id>` → the locale it came from, where that is not the selection's own."""
        if not self.foreign:
            return {}
        lines = {path: picked.locale for path, picked in self.lines.items() if picked.locale != self.locale}
        sections = {f"sections/{p.value.id}": p.locale for p in self.sections if p.locale != self.locale}
        return {**lines, **sections}

    @property
    def draft(self) -> bool:
        """Whether any text shown is from a release's translation that no speaker has signed off yet."""
        if not self.resource.drafts:
            return False
        lines = {picked.locale for picked in self.lines.values() if picked.origin == "release"}
        sections = {picked.locale for picked in self.sections if picked.origin == "release"}
        return bool((lines | sections) & self.resource.drafts)

    def line(self, path: str) -> Parts | None:
        """The text of a field, None where it has none."""
        picked = self.lines.get(path)
        return picked.value if picked else None

    def fills(self) -> set[str]:
        """The placeholders that its texts use."""
        return {part.name for parts in self.parts() for part in parts if isinstance(part, Fill)}

    def parts(self) -> Iterator[Parts]:
        """Every text it shows, in parts."""
        yield from (picked.value for picked in self.lines.values())
        for picked in self.sections:
            yield picked.value.html


def select(resource: Resource, overlay: ResourceOverlay, chain: Sequence[str], default_locale: str) -> Selection:
    """Walk the chain (its first locale is the selection's own) for every field and section of a resource.

    `default_locale` is that of the resource's pack: there all its sections are, in the author's order.
    """
    if overlay is NO_OVERLAY and (whole := _whole(resource, chain[0], default_locale)):
        return whole
    return _walked(resource, overlay, chain, default_locale)


def _whole(resource: Resource, locale: str, default_locale: str) -> Selection | None:
    """The selection of a resource that has all its texts in a locale: whatever the chain, it is never walked.

    None where it has not all.
    """
    key = ("whole", locale, default_locale)
    if key not in resource.worked_out:
        alone = _walked(resource, NO_OVERLAY, (locale,), default_locale)
        resource.worked_out[key] = None if alone.missing else alone
    whole: Selection | None = resource.worked_out[key]
    return whole


def _walked(resource: Resource, overlay: ResourceOverlay, chain: Sequence[str], default_locale: str) -> Selection:
    lines: dict[str, Picked[Parts]] = {}
    missing: list[str] = []
    for path in resource.paths:
        picked = _pick(overlay.lines, resource.lines, chain, path)
        if picked:
            lines[path] = picked
        else:
            missing.append(path)
    sections: list[Picked[Section]] = []
    own = [section.id for section in resource.sections.get(default_locale, ())]
    for section_id in order(own, overlay):
        section = _pick(overlay.sections, resource.sections_by_id, chain, section_id)
        if section:
            sections.append(section)
        elif section_id in own:
            missing.append(f"sections/{section_id}")
    texts: list[Picked[Any]] = [*lines.values(), *sections]
    foreign = tuple(each for each in texts if each.locale != chain[0])
    return Selection(resource, chain[0], lines, tuple(sections), tuple(missing), foreign)


def select_line(resource: Resource, overlay: ResourceOverlay, chain: Sequence[str], path: str) -> Picked[Parts] | None:
    """What `select` gives for one line; None where the chain has no text for it."""
    return _pick(overlay.lines, resource.lines, chain, path)


def order(own: Sequence[str], overlay: ResourceOverlay) -> list[str]:
    """The ids of a resource's sections in order: the release's `own`, less those hidden, with those inserted.

    Several beside one anchor stand in the order in which they were written. Those that the overlay puts in order come
    first; those that it does not name follow as they would have stood without it.
    """
    ids = list(own)
    last_after: dict[str, str] = {}
    for insertion in overlay.insertions:
        if insertion.section not in ids and insertion.anchor in ids:
            beside = last_after.get(insertion.anchor, insertion.anchor) if insertion.after else insertion.anchor
            ids.insert(ids.index(beside) + insertion.after, insertion.section)
            if insertion.after:
                last_after[insertion.anchor] = insertion.section
    if overlay.order:
        named = dict.fromkeys(overlay.order)
        ids = [*(each for each in named if each in ids), *(each for each in ids if each not in named)]
    return [each for each in ids if each not in overlay.hidden_sections]


def _pick(
    overlay: Mapping[str, Mapping[str, T]],
    release: Mapping[str, Mapping[str, T]],
    chain: Sequence[str],
    key: str,
) -> Picked[T] | None:
    for locale in chain:
        own = overlay.get(locale)
        if own and key in own:
            return Picked(own[key], locale, "overlay")
        released = release.get(locale)
        if released and key in released:
            return Picked(released[key], locale, "release")
    return None
