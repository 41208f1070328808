"""One page of an edition's resources of a kind: filtered, ordered by id, cut at a limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coachkit.documents.document import SUMMARY_FIELDS, summary
from coachkit.editions.edition import Edition
from coachkit.errors import BadRequest, FieldError
from coachkit.packs.findings import nearest
from coachkit.packs.model import Kind

FILTERS: Mapping[str, str] = {"topic": "topics", "stage": "stages", "audience": "audience"}
"""Query parameter → the fact that it filters by; `pack` is no fact."""


@dataclass(frozen=True)
class Page:
    """A page of summaries; `last` is the id it ends with where there are more."""

    items: list[dict[str, Any]]
    last: str | None


def page(
    edition: Edition, kind: Kind, locale: str, wanted: Mapping[str, Sequence[str]], *, after: str, limit: int
) -> Page:
    """At most `limit` summaries of a kind after an id; `wanted` maps a filter to the values any of which will do."""
    ids = [each for each in _matching(edition, kind, wanted) if each > after]
    return Page(
        items=[summary(edition, kind, each, locale) for each in ids[:limit]],
        last=ids[limit - 1] if len(ids) > limit else None,
    )


def _matching(edition: Edition, kind: Kind, wanted: Mapping[str, Sequence[str]]) -> Iterable[str]:
    for (each, resource_id), pack in sorted(edition.catalogue.items()):
        if each != kind or ("pack" in wanted and pack not in wanted["pack"]):
            continue
        facts = edition.resource(kind, resource_id).facts
        if all(set(wanted[name]) & set(facts[fact] or ()) for name, fact in FILTERS.items() if name in wanted):
            yield resource_id


def chosen(value: Mapping[str, Any], fields: str | None, known: Iterable[str] | None = None) -> dict[str, Any]:
    """Only the named fields of a JSON object, in its own order; all where none are named. Raises BadRequest."""
    if fields is None:
        return dict(value)
    names = [name.strip() for name in fields.split(",")]
    known = list(known or value)
    for name in names:
        if name not in known:
            detail = f"There is no field of that name; {nearest(name, known) or 'there are ' + ', '.join(known)}"
            raise BadRequest(
                "A field was asked for that does not exist.", (FieldError("invalid-value", detail, parameter="fields"),)
            )
    return {name: value[name] for name in value if name in names}


def check_fields(fields: str | None) -> None:
    """Raise BadRequest if a list is asked for fields that summaries do not have."""
    chosen(dict.fromkeys(SUMMARY_FIELDS), fields)
