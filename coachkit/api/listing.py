"""One page of an edition's resources of a kind: filtered, ordered by id, cut at a limit; and what filters leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coachkit.documents.document import SUMMARY_FIELDS, summary
from coachkit.editions.edition import Edition
from coachkit.errors import BadRequest, FieldError
from coachkit.packs.findings import nearest
from coachkit.packs.model import Kind

_FACTS: Mapping[str, str] = {"topic": "topics", "stage": "stages", "audience": "audience"}
"""Query parameter → the fact that it filters by; `pack` is no fact."""
FILTERS = (*_FACTS, "pack")
"""The query parameters that a list is filtered by."""

Wanted = Mapping[str, Sequence[str]]
"""Filter → the values any of which will do."""


@dataclass(frozen=True)
class Page:
    """A page of summaries; `last` is the id it ends with where there are more."""

    items: list[dict[str, Any]]
    last: str | None


def page(edition: Edition, kind: Kind, locale: str, wanted: Wanted, *, after: str, limit: int) -> Page:
    """At most `limit` summaries of a kind after an id."""
    ids = [each for each, values in _values(edition, kind) if each > after and not _refusing(values, wanted)]
    return Page(
        items=[summary(edition, kind, each, locale) for each in ids[:limit]],
        last=ids[limit - 1] if len(ids) > limit else None,
    )


def facets(edition: Edition, kind: Kind, wanted: Wanted) -> dict[str, list[dict[str, Any]]]:
    """For each filter, how many resources of the whole list have each value, those that most have first.

    Each filter's values are counted among what all *other* filters leave: so many there would be were that value
    chosen instead. (Within one filter values add up to "any of", so its own choice says nothing about them.)
    """
    counts: dict[str, Counter[str]] = {name: Counter() for name in FILTERS}
    for _, values in _values(edition, kind):
        refusing = _refusing(values, wanted)
        for name in FILTERS:
            if refusing <= {name}:
                counts[name].update(set(values[name]))
    return {name: _by_count(counts[name]) for name in FILTERS}


def meets(edition: Edition, kind: Kind, resource_id: str, wanted: Wanted) -> bool:
    """Whether a resource would be left by these filters."""
    return not _refusing(_values_of(edition, kind, resource_id), wanted)


def _by_count(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"value": value, "count": count}
        for value, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    ]


def _values(edition: Edition, kind: Kind) -> Iterator[tuple[str, Wanted]]:
    """Each resource of a kind by id, with its values of each filter."""
    for each, resource_id in edition:
        if each == kind:
            yield resource_id, _values_of(edition, kind, resource_id)


def _values_of(edition: Edition, kind: Kind, resource_id: str) -> Wanted:
    facts = edition.resource(kind, resource_id).facts
    own = {name: facts[fact] or () for name, fact in _FACTS.items()}
    return {**own, "pack": (edition.catalogue[kind, resource_id],)}


def _refusing(values: Wanted, wanted: Wanted) -> set[str]:
    """The filters that a resource does not meet."""
    return {name for name, any_of in wanted.items() if not set(any_of) & set(values[name])}


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
