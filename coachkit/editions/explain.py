"""Says where each field and section of a document comes from: pack, version, locale, release or overlay."""

from __future__ import annotations

from typing import Any

from coachkit.editions.edition import Edition
from coachkit.errors import BadRequest, NotFound
from coachkit.packs.findings import nearest
from coachkit.packs.model import kind_named


def explain(edition: Edition, named: str, locale: str | None = None) -> list[dict[str, Any]]:
    """For each field of a resource (`kind/id`), in one locale or all: where its text comes from.

    Raises NotFound for a resource, and BadRequest for a locale, that the edition does not serve.
    """
    kind_name, _, resource_id = named.partition("/")
    kind = kind_named(kind_name)
    if kind is None or (kind, resource_id) not in edition.catalogue:
        hint = nearest(named, [f"{kind}/{each}" for kind, each in edition])
        raise NotFound(f"This edition serves no {named}{f'; {hint}' if hint else ''}")
    if locale is not None and locale not in edition.locales:
        raise BadRequest(f"This edition does not serve {locale}; it serves {', '.join(edition.locales)}")
    pack = edition.catalogue[kind, resource_id]
    version = edition.releases[pack].manifest.version
    found: list[dict[str, Any]] = []
    for each in (locale,) if locale else edition.locales:
        selection = edition.select(kind, resource_id, each)
        fields = [(path, picked.locale, picked.origin) for path, picked in selection.lines.items()]
        fields += [(f"sections/{p.value.id}", p.locale, p.origin) for p in selection.sections]
        found += [
            {"locale": each, "field": path, "pack": pack, "version": version, "from": source, "origin": origin}
            for path, source, origin in fields
        ]
    return found
