"""An edition in memory: everything one organisation serves at one moment, ready to be picked from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from coachkit.editions.choices import Choices, first
from coachkit.editions.selection import NO_OVERLAY, Picked, ResourceOverlay, Selection, select, select_line
from coachkit.packs.destinations import parse_reference
from coachkit.packs.model import Compiled, Contact, Kind, Placeholder, Reference, Resource

Key = tuple[Kind, str]


@dataclass(frozen=True)
class LocalContact:
    """A support contact and the locale whose list it stands in."""

    contact: Contact
    locale: str


@dataclass(frozen=True)
class Edition:
    """What an organisation serves. `digests` maps a resource and a locale to the digest of that document."""

    organisation: str
    digest: str
    choices: Choices
    releases: Mapping[str, Compiled]
    overlays: Mapping[Key, ResourceOverlay]
    catalogue: Mapping[Key, str]
    """Every resource it serves, with the pack it comes from."""
    digests: Mapping[Key, Mapping[str, str]]
    worked_out: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """What floors above have worked out of it and want again while it is in memory, each by a key that begins with what
    it is: little, and no more of it than there are placeholders, resources and locales."""

    @property
    def locales(self) -> tuple[str, ...]:
        """The locales it serves, the default one first."""
        default = self.choices.default_locale
        return (default, *sorted(set(self.choices.locales) - {default}))

    def chain(self, locale: str) -> tuple[str, ...]:
        """The locales that are walked for a text in `locale`, itself first."""
        return self.choices.locales[locale]

    def resource(self, kind: Kind, resource_id: str) -> Resource:
        """The compiled resource that serves an id; raises KeyError where the edition has none."""
        return self.releases[self.catalogue[kind, resource_id]].resources[kind, resource_id]

    def select(self, kind: Kind, resource_id: str, locale: str) -> Selection:
        """Which text serves each field and section of a resource in a locale."""
        compiled = self.releases[self.catalogue[kind, resource_id]]
        overlay = self.overlays.get((kind, resource_id), NO_OVERLAY)
        resource = compiled.resources[kind, resource_id]
        return select(resource, overlay, self.chain(locale), compiled.manifest.default_locale)

    def serves(self, reference: Reference) -> bool:
        """Whether a resource is in this edition, from the pack that the reference names."""
        return self.catalogue.get((reference.kind, reference.id)) == reference.pack

    def title(self, reference: Reference, locale: str) -> Picked[str]:
        """The title of a resource in a locale, along its chain."""
        key = (reference.kind, reference.id)
        resource = self.releases[self.catalogue[key]].resources[key]
        title = select_line(resource, self.overlays.get(key, NO_OVERLAY), self.chain(locale), "title")
        if title is None:
            raise KeyError("title")
        text = "".join(part for part in title.value if isinstance(part, str))
        return Picked(text, title.locale, title.origin)

    def value(self, placeholder: str, locale: str) -> str | None:
        """The organisation's value for a placeholder in a locale."""
        return self.choices.value(placeholder, self.chain(locale))

    def label(self, placeholder: Placeholder, locale: str) -> str:
        """What a placeholder is called, for people, along a locale's chain, and else in any locale it has."""
        label = placeholder.label
        return first(label, (*self.chain(locale), *sorted(label))) or placeholder.name

    def reference(self, pack: str, text: str) -> Reference:
        """A reference as a resource of a pack writes it, with its pack filled in."""
        return _reference(pack, text)

    def contacts(self, pack: str, slot: str, locale: str) -> tuple[LocalContact, ...]:
        """Whom a reader can turn to: along the chain, the organisation's contacts before the pack's own."""
        own = self.choices.brand.support.get(slot, {})
        suggested = self.releases[pack].manifest.support[slot].contacts
        for each in self.chain(locale):
            if found := own.get(each) or suggested.get(each):
                return tuple(LocalContact(contact, each) for contact in found)
        return ()

    def __iter__(self) -> Iterator[Key]:
        """Every resource, by kind and then by id."""
        return iter(sorted(self.catalogue))


@lru_cache(maxsize=8_192)
def _reference(pack: str, text: str) -> Reference:
    reference = parse_reference(text)
    return reference if reference.pack else replace(reference, pack=pack)
