"""What an organisation chooses: packs, locales and their chains, brand, values, support contacts, overlay.

`Choices` are the settings as stored, ranges and all. An edition holds the same with every range resolved
(`inputs.py`). Parsing them from a file or a request is `choices_schema.py`'s work; here a value that has its
type is valid.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Literal

from coachkit.packs.destinations import parse_reference
from coachkit.packs.model import Contact, Kind, Reference

SETTINGS_BYTES = 9 * 1024 * 1024
"""Bytes of all settings as JSON in UTF-8: four for each character of the longest texts, and 1 MiB or more beside."""
EVERY_LOCALE = "*"
"""The key of a value that holds in every locale."""

OWN = "own"
"""The name under which an organisation's own resources are served, beside its packs: no pack is chosen by it."""

Operation = Literal["replace", "hide", "insert", "reorder"]


@dataclass(frozen=True)
class Logo:
    """An organisation's mark: an https address and what it shows, in words, by locale."""

    url: str
    alt: Mapping[str, str]


@dataclass(frozen=True)
class Brand:
    """How an organisation looks and sounds. Colours are `#rrggbb` by role; `name` is by locale."""

    name: Mapping[str, str]
    logo: Logo | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    fonts: Mapping[str, str] = field(default_factory=dict)
    voice: str | None = None
    careers_email: str | None = None
    support: Mapping[str, Mapping[str, tuple[Contact, ...]]] = field(default_factory=dict)
    """Slot of a pack → locale → contacts, which stand in for the pack's own."""


@dataclass(frozen=True)
class Over:
    """The release whose text a part of the overlay was written over, or has been compared with since."""

    pack: str
    version: str

    def __str__(self) -> str:
        return f"{self.pack}@{self.version}"


@dataclass(frozen=True)
class OverlayPart:
    """One wording of the organisation's own over a release.

    replace: the `field` (a line's path) or the `section` of the target, in one locale;
    hide: the section, or with neither the whole resource, in every locale;
    insert: a new section `section`, before or after another, in one locale;
    reorder: the module's `sections` in another order, in every locale.
    """

    operation: Operation
    target: Reference
    locale: str | None = None
    field: str | None = None
    section: str | None = None
    before: str | None = None
    after: str | None = None
    title: str | None = None
    text: str | None = None
    sections: tuple[str, ...] = ()
    over: Over | None = None
    """Of what replaces a text or hides a section; None where that is not known."""

    @cached_property
    def id(self) -> str:
        """A short name for what it does to what, in which locale: the same wherever in the list it stands.

        Its wording, and where an inserted section goes, may change without changing the name; and whether the target
        is written with its pack, for an edition has one resource of an id.
        """
        return part_id(self.operation, str(self.target), self.locale, self.field, self.section)

    @property
    def covers(self) -> bool:
        """Whether it stands in for a text of the release, or takes one away."""
        return self.operation == "replace" or (self.operation == "hide" and self.section is not None)


PART_ID_LENGTH = 12


@dataclass(frozen=True)
class OwnResource:
    """A resource of the organisation's own: locale → what an author would write in a pack's file of that kind."""

    kind: Kind
    id: str
    source: Mapping[str, str]


def part_id(operation: str | None, target: str | None, *rest: str | None) -> str:
    """The name of the part that has this operation, target, locale, field and section; what it lacks is None."""
    return spelled_id(operation, target and target.rpartition(":")[2], *rest)


def spelled_id(*address: str | None) -> str:
    """The same, where a target with its pack is another than the one without."""
    return hashlib.sha256(json.dumps(address).encode()).hexdigest()[:PART_ID_LENGTH]


def part_ids(overlay: Iterable[OverlayPart]) -> list[str]:
    """The names of an overlay's parts, no two alike.

    What was stored before may have several parts for one target, with its pack and without: the first has the name.
    """
    met: Counter[str] = Counter()
    names = []
    for part in overlay:
        again = met[part.id]
        names.append(spelled_id(part.id, str(again)) if again else part.id)
        met[part.id] += 1
    return names


@dataclass(frozen=True)
class Choices:
    """Everything that an organisation chose, checked for shape."""

    packs: Mapping[str, str]
    """Pack → range of versions, or an exact one."""
    default_locale: str
    locales: Mapping[str, tuple[str, ...]]
    """Locale → its chain, itself first."""
    brand: Brand
    prefer: Mapping[str, str] = field(default_factory=dict)
    """`kind/id` → the pack that has it, where two packs offer one id."""
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Placeholder → locale (or EVERY_LOCALE) → value."""
    overlay: tuple[OverlayPart, ...] = ()
    resources: tuple[OwnResource, ...] = ()
    plugins: tuple[str, ...] = ()
    timezone: str = "UTC"
    """The IANA name of the zone in which it plans."""
    parity: tuple[str, ...] = ()
    """The locales each of which must have every text before an edition is published."""
    banned_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Locale → words and phrases that none of its own texts may use."""

    def value(self, placeholder: str, chain: Sequence[str]) -> str | None:
        """The value of a placeholder along a chain of locales; name and careers e-mail come from the brand."""
        own = self.values.get(placeholder, {})
        for locale in (*chain, EVERY_LOCALE):
            if locale in own:
                return own[locale]
        if placeholder == "organisation_name":
            return self.name(chain)
        if placeholder == "careers_email":
            return self.brand.careers_email
        return None

    def serving(self, name: str, offering: Iterable[str]) -> str | None:
        """Which of the packs that offer the resource `kind/id` serves it; None where none offers it."""
        return self.prefer.get(name) or min(offering, default=None)

    @property
    def reached(self) -> frozenset[str]:
        """Every locale that a chain has."""
        return frozenset(locale for chain in self.locales.values() for locale in chain)

    def name(self, chain: Sequence[str]) -> str:
        """The organisation's name along a chain of locales."""
        return first(self.brand.name, (*chain, EVERY_LOCALE, self.default_locale)) or ""


def first(by_locale: Mapping[str, Any], chain: Sequence[str]) -> Any:
    """The first entry of a mapping along a chain of locales, None if the chain reaches none."""
    return next((by_locale[locale] for locale in chain if locale in by_locale), None)


def from_settings(settings: Mapping[str, Any]) -> Choices:
    """Choices from settings that have passed `choices_schema.ChoicesSchema` (or were stored after they did)."""
    return Choices(
        packs=settings["packs"],
        default_locale=settings["default_locale"],
        locales={locale: tuple(chain) for locale, chain in settings["locales"].items()},
        brand=_brand(settings["brand"]),
        prefer=settings.get("prefer") or {},
        values={name: by_locale(value) for name, value in (settings.get("values") or {}).items()},
        overlay=tuple(overlay_part(part) for part in settings.get("overlay") or ()),
        resources=tuple(OwnResource(**each) for each in settings.get("resources") or ()),
        plugins=tuple(settings.get("plugins") or ()),
        timezone=settings.get("timezone") or "UTC",
        parity=tuple(settings.get("parity") or ()),
        banned_words={locale: tuple(words) for locale, words in (settings.get("banned_words") or {}).items()},
    )


def access_of(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Who may read what the organisation serves, and from where, every key given; None where it is as for everybody.

    `content` is `public` or `keyed`; `origins` and `frame_ancestors` are lists of origins. No edition holds it: it is
    in force as soon as it is stored.
    """
    said = {key: value for key, value in (settings.get("access") or {}).items() if value != _ACCESS[key]}
    return {**_ACCESS, **said} if said else None


_ACCESS: Mapping[str, Any] = {"content": "public", "origins": [], "frame_ancestors": []}


def by_locale(value: Any) -> dict[str, Any]:
    """A setting that may be written once for every locale, or by locale."""
    return dict(value) if isinstance(value, Mapping) else {EVERY_LOCALE: value}


def _brand(settings: Mapping[str, Any]) -> Brand:
    logo = settings.get("logo")
    support = settings.get("support") or {}
    return Brand(
        name=by_locale(settings["name"]),
        logo=Logo(logo["url"], by_locale(logo["alt"])) if logo else None,
        colours=settings.get("colours") or {},
        fonts=settings.get("fonts") or {},
        voice=settings.get("voice"),
        careers_email=settings.get("careers_email"),
        support={
            slot: {locale: tuple(contact(each) for each in contacts) for locale, contacts in locales.items()}
            for slot, locales in support.items()
        },
    )


def contact(settings: Mapping[str, Any]) -> Contact:
    """A support contact from its stored form."""
    verified_on = settings.get("verified_on")
    return Contact(
        name=settings["name"],
        phone=settings.get("phone"),
        url=settings.get("url"),
        hours=settings.get("hours"),
        verified_on=date.fromisoformat(verified_on) if verified_on else None,
    )


def overlay_part(settings: Mapping[str, Any]) -> OverlayPart:
    """A part of the overlay from its stored form."""
    over = settings.get("over")
    return OverlayPart(
        operation=settings["op"],
        target=parse_reference(settings["target"]),
        locale=settings.get("locale"),
        field=settings.get("field"),
        section=settings.get("section"),
        before=settings.get("before"),
        after=settings.get("after"),
        title=settings.get("title"),
        text=settings.get("text"),
        sections=tuple(settings.get("sections") or ()),
        over=Over(over["pack"], over["version"]) if over else None,
    )
