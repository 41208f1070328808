"""Says where each field and section of a document comes from: for whoever wonders why a sentence reads as it does.

The API and the command say the same in the same words. Everything that is said follows from the edition.
"""

from __future__ import annotations

from typing import Any

from coachkit.editions.edition import Edition, Key
from coachkit.editions.selection import Picked
from coachkit.errors import BadRequest, NotFound
from coachkit.packs import parts
from coachkit.packs.findings import nearest
from coachkit.packs.model import Kind, Parts, kind_named


def explain(edition: Edition, kind: Kind, resource_id: str, locale: str) -> list[dict[str, Any]]:
    """For each field and section of a resource, in a locale that the edition serves: where its text comes from.

    Each entry has

    - `field`: a line's path, or `sections/<id>`
    - `pack` and `version`: the release in which this content first appeared as it is; an overlay's text lies over it
    - `locale`: where in the chain the text was found; `missing_in`: the locales before that one, which have none
    - `origin`: release or overlay
    - `values`: what stands in each placeholder of pack.yaml that the text uses; None where its label stands instead

    Raises KeyError for a resource that the edition does not serve.
    """
    selection = edition.select(kind, resource_id, locale)
    pack = edition.catalogue[kind, resource_id]
    declared = edition.releases[pack].manifest.placeholders
    chain = edition.chain(locale)

    def entry(field: str, picked: Picked[Any], text: Parts) -> dict[str, Any]:
        return {
            "field": field,
            "pack": pack,
            "version": selection.resource.version,
            "locale": picked.locale,
            "missing_in": list(chain[: chain.index(picked.locale)]),
            "origin": picked.origin,
            "values": {name: edition.value(name, locale) for name in sorted(declared.keys() & set(parts.fills(text)))},
        }

    lines = [entry(path, picked, picked.value) for path, picked in selection.lines.items()]
    return [*lines, *(entry(f"sections/{each.value.id}", each, each.value.html) for each in selection.sections)]


def resource_named(edition: Edition, named: str) -> Key:
    """The resource that somebody calls `kind/id`. Raises NotFound, with the nearest, if the edition serves none."""
    kind_name, _, resource_id = named.partition("/")
    kind = kind_named(kind_name)
    if kind is None or (kind, resource_id) not in edition.catalogue:
        hint = nearest(named, [f"{kind}/{each}" for kind, each in edition])
        raise NotFound(f"This edition serves no {named}{f'; {hint}' if hint else ''}")
    return kind, resource_id


def locales_named(edition: Edition, locale: str | None) -> tuple[str, ...]:
    """That locale alone, or all that the edition serves for None. Raises BadRequest for one it does not serve."""
    if locale is None:
        return edition.locales
    if locale not in edition.locales:
        raise BadRequest(f"This edition does not serve {locale}; it serves {', '.join(edition.locales)}")
    return (locale,)
