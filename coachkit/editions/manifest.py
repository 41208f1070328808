"""What an edition settles once, when it is published: the catalogue, the overlay compiled, each document's digest.

Derived from the inputs and stored beside them, so that a worker loads an edition without compiling anything and a
document's digest, and so its ETag, is known without rendering it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

import orjson

from coachkit.editions.choices import OWN, Choices
from coachkit.editions.edition import Edition, Key
from coachkit.editions.inputs import RENDER
from coachkit.editions.selection import Insertion, ResourceOverlay
from coachkit.packs import stored
from coachkit.packs.model import Compiled, Kind, Section, kind_named
from coachkit.packs.parts import from_json, to_json

SIZE_LIMIT = 128 * 1024 * 1024
"""The most bytes that a manifest may have before it is deflated."""


def settle(
    organisation: str,
    digest: str,
    choices: Choices,
    releases: Mapping[str, Compiled],
    overlays: Mapping[Key, ResourceOverlay],
) -> Edition:
    """An edition with its catalogue and its documents' digests; clashes of ids go by `choices.prefer`."""
    edition = Edition(organisation, digest, choices, releases, overlays, catalogue(choices, releases, overlays), {})
    return replace(edition, digests={key: _digests(edition, *key) for key in edition})


def catalogue(
    choices: Choices, releases: Mapping[str, Compiled], overlays: Mapping[Key, ResourceOverlay]
) -> dict[Key, str]:
    """Which pack serves each resource, without those that the overlay hides."""
    found: dict[Key, str] = {}
    for pack in sorted(releases):
        for kind, resource_id in releases[pack].resources:
            preferred = choices.prefer.get(f"{kind}/{resource_id}")
            if (kind, resource_id) not in found or preferred == pack:
                found[kind, resource_id] = pack
    return {key: pack for key, pack in found.items() if not (key in overlays and overlays[key].hidden)}


def document_inputs(edition: Edition, kind: Kind, resource_id: str, locale: str) -> dict[str, Any]:
    """Exactly what a document is made from: a change to anything else leaves its digest, and its ETag, alone."""
    selection = edition.select(kind, resource_id, locale)
    resource = selection.resource
    pack = edition.catalogue[kind, resource_id]
    related = [ref for ref in resource.references if edition.serves(ref)]
    return {
        "render": RENDER,
        "pack": pack,
        "version": resource.version,
        "kind": kind,
        "id": resource_id,
        "locale": locale,
        "facts": orjson.dumps(resource.facts).decode(),  # in the author's order of keys, which readers see
        "lines": {path: [to_json(p.value), p.locale] for path, p in selection.lines.items()},
        "sections": [[_pack_section(p.value), p.locale] for p in selection.sections],
        "draft": selection.draft,
        "values": {name: _value(edition, pack, name, locale) for name in selection.fills()},
        "titles": {
            str(each): [edition.title(each, locale).value, edition.title(each, locale).locale] for each in related
        },
        "support": [
            [asdict(each.contact), each.locale]
            for slot in resource.facts.get("support") or ()
            for each in edition.contacts(pack, slot, locale)
        ],
    }


def _value(edition: Edition, pack: str, name: str, locale: str) -> Any:
    """What stands for a placeholder of the pack: the value and its type, or its label; None for a personal one."""
    placeholder = edition.releases[pack].manifest.placeholders.get(name)
    if placeholder is None:
        return None
    value = edition.value(name, locale)
    return [value, placeholder.type, edition.label(placeholder, locale) if value is None else None]


def _digests(edition: Edition, kind: Kind, resource_id: str) -> dict[str, str]:
    return {locale: _digest(document_inputs(edition, kind, resource_id, locale)) for locale in edition.choices.locales}


def _digest(value: Any) -> str:
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# --- the stored form ----------------------------------------------------------------------------


def dump(edition: Edition) -> bytes:
    """The settled part of an edition as bytes to store."""
    value = {
        "catalogue": {_name(key): pack for key, pack in edition.catalogue.items()},
        "digests": {_name(key): digests for key, digests in edition.digests.items()},
        "overlays": {_name(key): _pack_overlay(overlay) for key, overlay in edition.overlays.items()},
    }
    if OWN in edition.releases:  # as text, because authors' orders of keys are kept in it
        value[OWN] = stored.to_json(edition.releases[OWN]).decode()
    return zlib.compress(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def inflated(manifest: bytes) -> bytes:
    """A stored manifest's JSON. Raises ValueError for what `dump` has not written, or more than SIZE_LIMIT bytes."""
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(manifest, SIZE_LIMIT)
    except zlib.error as error:
        raise ValueError(f"this is not an edition's manifest: {error}") from error
    if not inflate.eof or inflate.unused_data:
        raise ValueError("the edition's manifest is cut off, too long or followed by something else")
    return text


def load(
    organisation: str, digest: str, choices: Choices, releases: Mapping[str, Compiled], manifest: bytes
) -> Edition:
    """An edition from what was stored; the other way round of `dump`. The organisation's own resources are in it."""
    value = orjson.loads(zlib.decompress(manifest))
    if OWN in value:
        releases = {**releases, OWN: stored.from_json(value[OWN])}
    return Edition(
        organisation,
        digest,
        choices,
        releases,
        _Overlays({_key(name): overlay for name, overlay in value["overlays"].items()}),
        {_key(name): pack for name, pack in value["catalogue"].items()},
        {_key(name): digests for name, digests in value["digests"].items()},
    )


class _Overlays(Mapping[Key, ResourceOverlay]):
    """Overlays by resource, each unpacked when it is asked for: most are not, while an edition is in memory."""

    def __init__(self, stored: Mapping[Key, Mapping[str, Any]]) -> None:
        self._stored = stored
        self._unpacked: dict[Key, ResourceOverlay] = {}

    def __getitem__(self, key: Key) -> ResourceOverlay:
        if key not in self._unpacked:
            self._unpacked[key] = _unpack_overlay(self._stored[key])
        return self._unpacked[key]

    def __contains__(self, key: object) -> bool:
        return key in self._stored

    def get(self, key: Key, default: Any = None) -> Any:
        """As a dict's: an edition is asked so for every title that it shows."""
        return self[key] if key in self._stored else default

    def __iter__(self) -> Iterator[Key]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


def digests_of(manifest: bytes) -> dict[str, dict[str, str]]:
    """`kind/id` → locale → document digest, from a stored manifest, without loading the releases."""
    digests: dict[str, dict[str, str]] = orjson.loads(zlib.decompress(manifest))["digests"]
    return digests


def _name(key: Key) -> str:
    return f"{key[0]}/{key[1]}"


@lru_cache(maxsize=8_192)
def _key(name: str) -> Key:
    kind, _, resource_id = name.partition("/")
    known = kind_named(kind)
    if known is None:
        raise ValueError(f"“{kind}” is no kind of resource")
    return known, resource_id


def _pack_overlay(overlay: ResourceOverlay) -> dict[str, Any]:
    order = {"order": overlay.order} if overlay.order else {}
    return {
        **order,
        "hidden": overlay.hidden,
        "hidden_sections": sorted(overlay.hidden_sections),
        "insertions": [[each.section, each.anchor, each.after] for each in overlay.insertions],
        "lines": {
            locale: {path: to_json(parts) for path, parts in lines.items()} for locale, lines in overlay.lines.items()
        },
        "sections": {
            locale: [_pack_section(section) for section in sections.values()]
            for locale, sections in overlay.sections.items()
        },
    }


def _unpack_overlay(value: Mapping[str, Any]) -> ResourceOverlay:
    return ResourceOverlay(
        hidden=value["hidden"],
        hidden_sections=frozenset(value["hidden_sections"]),
        insertions=tuple(Insertion(*each) for each in value["insertions"]),
        order=tuple(value.get("order", ())),
        lines={
            locale: {path: from_json(parts) for path, parts in lines.items()}
            for locale, lines in value["lines"].items()
        },
        sections={
            locale: {section["id"]: _unpack_section(section) for section in sections}
            for locale, sections in value["sections"].items()
        },
    )


def _pack_section(section: Section) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": section.title,
        "html": to_json(section.html),
        "markdown": to_json(section.markdown),
    }


def _unpack_section(value: Mapping[str, Any]) -> Section:
    return Section(value["id"], value["title"], from_json(value["html"]), from_json(value["markdown"]))


def changes(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> list[dict[str, str]]:
    """What differs between two manifests' digests, by document: added, changed, removed (contract: Changes)."""
    before = {(name, locale): digest for name, locales in old.items() for locale, digest in locales.items()}
    after = {(name, locale): digest for name, locales in new.items() for locale, digest in locales.items()}
    found: list[dict[str, str]] = []
    for name, locale in sorted(before.keys() | after.keys()):
        was, now = before.get((name, locale)), after.get((name, locale))
        if was != now:
            op = "added" if was is None else "removed" if now is None else "changed"
            kind, resource_id = _key(name)
            found.append({"op": op, "kind": kind, "id": resource_id, "locale": locale})
    return found
