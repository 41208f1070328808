"""Full-text search of an edition, in one of its locales, at a channel's address and at an edition's own.

What a reader types is used for the one answer: it is never logged or counted, and no answer leaves the process for
the store that others share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flask
import marshmallow as ma
from marshmallow import validate

from coachkit.api import cursors, schemas
from coachkit.api.answers import answer, json_bytes
from coachkit.api.listing import FILTERS, chosen, meets
from coachkit.api.reading import cacheable
from coachkit.api.search_entries import entries, key
from coachkit.api.services import edition_of, reading, services
from coachkit.api.smorest import Blueprint
from coachkit.api.violations import Coded
from coachkit.documents.document import SUMMARY_FIELDS, summary
from coachkit.editions.edition import Edition
from coachkit.packs.model import KINDS
from coachkit.search.index import build
from coachkit.search.query import understand
from coachkit.search.ranking import NUMBER, Hit, ranked
from coachkit.search.snippets import Snippet, snippet

blueprint = Blueprint("search", __name__, url_prefix="/v1/orgs/<slug:organisation>", description="Finding a resource")

QUESTION_LENGTH = 200
"""Characters of a question."""
FIELDS = (*SUMMARY_FIELDS, "score", "snippet")


class RunSchema(ma.Schema):
    """A piece of a snippet."""

    text = ma.fields.String(required=True, metadata={"description": "Plain text: escape it before it goes into HTML"})
    hit = ma.fields.Boolean(required=True, metadata={"description": "Whether it is what was asked for"})


class FoundSchema(schemas.SummarySchema):
    """A resource that answers."""

    score = ma.fields.Float(
        required=True,
        metadata={"description": "How well it answers, above 0; comparable within one search only", "example": 4.1278},
    )
    snippet = ma.fields.List(
        ma.fields.Nested(RunSchema),
        required=True,
        metadata={"description": "The passage that shows best why, at most 240 characters in all"},
    )


class SearchSchema(ma.Schema):
    """A page of what was found, the best first; the header Link leads to the next one."""

    items = ma.fields.List(ma.fields.Nested(FoundSchema), required=True)


class Question(ma.fields.String):
    """What is looked for: a text that is not only blanks."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        if not text.strip():
            raise ma.ValidationError(Coded("too-short", "Shorter than one word."))
        return text


class SearchQuery(schemas.PageQuery):
    """What to look for, and among which resources."""

    q = Question(
        required=True,
        validate=validate.Length(max=QUESTION_LENGTH),
        metadata={
            "description": "Words in any form and spelling; the last may be unfinished. There is no syntax",
            "example": "ask for feedback",
        },
    )
    kind = ma.fields.List(
        ma.fields.String(validate=validate.OneOf(KINDS)), metadata={"description": "Any of these", "example": "module"}
    )


@blueprint.route("/search")
@blueprint.arguments(schemas.ChannelQuery, location="query")
@blueprint.arguments(SearchQuery, location="query")
@blueprint.response(200, SearchSchema, headers=schemas.NEXT_PAGE)
@cacheable()
def search(channel: dict[str, Any], query: dict[str, Any], organisation: str) -> flask.Response:
    """The resources whose texts answer best, as the organisation words them in the caller's locale.

    Forms of a word count as that word: English plurals and endings, Welsh initial mutations, accents or none. A word
    that stands nowhere is taken for the one it was most likely meant to be.
    """
    del channel, organisation
    return _search(query)


@blueprint.route("/editions/<digest:digest>/search")
@blueprint.arguments(SearchQuery, location="query")
@blueprint.response(200, SearchSchema, headers=schemas.NEXT_PAGE)
@cacheable()
def edition_search(query: dict[str, Any], organisation: str, digest: str) -> flask.Response:
    """The same in one edition."""
    del organisation, digest
    return _search(query)


def _search(query: dict[str, Any]) -> flask.Response:
    request = reading()
    edition, locale = edition_of(request), request.way.locale
    filters = {name: sorted(set(query[name])) for name in ("kind", *FILTERS) if name in query}
    listing = f"{request.organisation} search {locale} {sorted(filters.items())} {query['q']}"
    fields = query.get("fields_")
    chosen(dict.fromkeys(FIELDS), fields)
    done = int(cursors.read(services().secret, listing, query["cursor"])) if "cursor" in query else 0
    index = services().indexes.get(key(edition, locale), lambda: build(entries(edition, locale)))
    wanted = understand(index, query["q"])
    hits = [hit for hit in ranked(index, wanted) if _meets(edition, hit, filters)]
    until = done + query["limit"]
    page = hits[done:until]
    snippets = [snippet(index.texts(hit.document), wanted) for hit in page]
    cursor = cursors.make(services().secret, listing, str(until)) if until < len(hits) else None
    following = request.way.address(flask.request.path, cursor=cursor) if cursor else None
    items = [_shape(edition, locale, *each) for each in zip(page, snippets, strict=True)]
    return answer(
        request,
        made_from=("search", str(NUMBER), flask.request.path, edition.digest),
        render=lambda: json_bytes({"items": [chosen(item, fields) for item in items]}),
        languages=lambda: _languages(edition, locale, page, snippets),
        links=[f'<{following}>; rel="next"'] if following else (),
    )


def _meets(edition: Edition, hit: Hit, filters: Mapping[str, Sequence[str]]) -> bool:
    others = {name: values for name, values in filters.items() if name != "kind"}
    return hit.kind in filters.get("kind", KINDS) and meets(edition, hit.kind, hit.id, others)


def _shape(edition: Edition, locale: str, hit: Hit, found: Snippet) -> dict[str, Any]:
    runs = [{"text": run.text, "hit": run.hit} for run in found.runs]
    return {**summary(edition, hit.kind, hit.id, locale), "score": hit.score, "snippet": runs}


def _languages(edition: Edition, locale: str, hits: Sequence[Hit], snippets: Sequence[Snippet]) -> list[str]:
    """The locales that titles, summaries and snippets are in."""
    found = [locale]
    for hit, cut in zip(hits, snippets, strict=True):
        lines = edition.select(hit.kind, hit.id, locale).lines
        found += [lines[name].locale for name in ("title", "summary") if name in lines]
        found += [cut.locale] if cut.locale else []
    return list(dict.fromkeys(found))
