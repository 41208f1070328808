"""Lists of resources and single documents, at a channel's address and at an edition's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask

from coachkit.api import cursors, retiring, schemas
from coachkit.api.answers import Answer, answer, json_bytes, made, response
from coachkit.api.explaining import Origins, origins
from coachkit.api.listing import FILTERS, check_fields, chosen, facets, page
from coachkit.api.metrics import count_render
from coachkit.api.reading import cacheable
from coachkit.api.services import Asking, asking, edition_of, reading, services
from coachkit.api.smorest import Api, Blueprint
from coachkit.documents.document import brand, document
from coachkit.documents.json_format import shape
from coachkit.editions.edition import Edition
from coachkit.errors import NotFound, Unavailable
from coachkit.hooks.dispatch import Fault
from coachkit.hooks.types import Document
from coachkit.packs.model import KIND_OF_FOLDER, Kind

blueprint = Blueprint("documents", __name__, url_prefix="/v1/orgs/<slug:organisation>", description="What readers get")

_KINDS = "<kind:kind>"
_EDITION = "/editions/<digest:digest>"
_SHAPES: Mapping[Kind, type[schemas.DocumentSchema]] = {
    "module": schemas.ModuleSchema,
    "template": schemas.TemplateSchema,
    "checklist": schemas.ChecklistSchema,
    "pathway": schemas.PathwaySchema,
    "questionnaire": schemas.QuestionnaireSchema,
}
_REFERENCES = {kind: f"#/components/schemas/{kind.capitalize()}" for kind in _SHAPES}
_ANY_KIND = {
    "oneOf": [{"$ref": reference} for reference in _REFERENCES.values()],
    "discriminator": {"propertyName": "kind", "mapping": _REFERENCES},
}
CONTENT = {
    "application/json": {"schema": _ANY_KIND},
    "text/html": {"schema": {"type": "string", "description": "One <article lang> without a head; `email`, a page"}},
    "text/markdown": {"schema": {"type": "string", "description": "CommonMark with tables"}},
    "text/plain": {"schema": {"type": "string", "description": "A paragraph on each line"}},
}


_NOTHING_ASKED: Mapping[str, Any] = {"explain": False}


def _document(asked: Asking, query: Mapping[str, Any], kind: Kind, resource_id: str) -> Answer:
    request, edition = asked.reading, asked.edition
    if (kind, resource_id) not in edition.catalogue:
        raise NotFound("")
    made_once: list[Document] = []

    def resolved() -> Document:
        if not made_once:
            branded = request.way.format.branded
            made_once.append(
                document(edition, kind, resource_id, request.way.locale, base=request.way.base, branded=branded)
            )
        return made_once[0]

    fields = query.get("fields_")
    if fields is not None:
        chosen(_always_there(kind), fields)
    explained = origins(request, edition, kind, resource_id) if query["explain"] else None
    pack = edition.catalogue[kind, resource_id]
    digest = edition.digests[kind, resource_id][request.way.locale]
    release = edition.releases[pack].manifest
    worn = [json_bytes(brand(edition, request.way.locale)).decode()] if request.way.format.branded else []
    told = [] if explained is None else [json_bytes(explained).decode()]
    answer = made(
        asked,
        made_from=("document", digest, *worn, *told),
        render=lambda: _rendered(asked, resolved(), fields, explained),
        languages=lambda: resolved().languages,
        surrogates=(f"doc/{digest}", f"release/{release.id}@{release.version}"),
        links=retiring.links(asked, edition, kind, resource_id),
    )
    answer.headers.update(retiring.headers(edition, kind, resource_id))
    return answer


def document_of(asked: Asking, query: Mapping[str, Any], kind: Kind, resource_id: str) -> flask.Response:
    """One resource, as a request asks for it."""
    return response(_document(asked, query, kind, resource_id))


def _plain(asked: Asking, path: Mapping[str, Any]) -> Answer:
    """A document of which no fields were chosen and nothing is to be explained."""
    return _document(asked, _NOTHING_ASKED, KIND_OF_FOLDER[path["kind"]], path["resource_id"])


def _always_there(kind: Kind) -> dict[str, Any]:
    """The fields that every document of a kind has, whatever was asked for."""
    return {name: field for name, field in _SHAPES[kind]().fields.items() if field.required}


def _rendered(asked: Asking, found: Document, fields: str | None, explained: Origins | None) -> bytes:
    if fields is not None or explained is not None:
        more = {} if explained is None else {"explain": explained}
        return json_bytes({**chosen(shape(found), fields), **more})
    chosen_format = asked.reading.way.format
    count_render(chosen_format.name)
    try:
        return asked.services.dispatch.call(
            asked.reading.way.plugin, "coachkit_formats", chosen_format.render, found, expected=bytes
        )
    except Fault as fault:
        raise Unavailable(f"The format {chosen_format.name} cannot be made at the moment.") from fault


@blueprint.route(f"/{_KINDS}")
@blueprint.arguments(schemas.ChannelQuery, location="query")
@blueprint.arguments(schemas.ListQuery, location="query")
@blueprint.response(200, schemas.ListSchema, headers=schemas.NEXT_PAGE)
@cacheable()
def resources(channel: dict[str, Any], query: dict[str, Any], organisation: str, kind: str) -> flask.Response:
    """The resources of a kind that an organisation serves, ordered by id."""
    del channel, organisation
    return listed(query, KIND_OF_FOLDER[kind])


@blueprint.route(f"{_EDITION}/{_KINDS}")
@blueprint.arguments(schemas.ListQuery, location="query")
@blueprint.response(200, schemas.ListSchema, headers=schemas.NEXT_PAGE)
@cacheable()
def edition_resources(query: dict[str, Any], organisation: str, digest: str, kind: str) -> flask.Response:
    """The resources of a kind in one edition, for ever the same."""
    del organisation, digest
    return listed(query, KIND_OF_FOLDER[kind])


@blueprint.route(f"/{_KINDS}/<slug:resource_id>")
@blueprint.arguments(schemas.ChannelQuery, location="query")
@blueprint.arguments(schemas.DocumentQuery, location="query")
@blueprint.response(200, description="The document, in the format that was chosen", headers=retiring.HEADERS)
@blueprint.doc(responses={200: {"content": CONTENT}})
@cacheable("documents", plain=_plain)
def resource(
    channel: dict[str, Any], query: dict[str, Any], organisation: str, kind: str, resource_id: str
) -> flask.Response:
    """One resource, in the caller's locale and format."""
    del channel, organisation
    return document_of(asking(reading()), query, KIND_OF_FOLDER[kind], resource_id)


@blueprint.route(f"{_EDITION}/{_KINDS}/<slug:resource_id>")
@blueprint.arguments(schemas.DocumentQuery, location="query")
@blueprint.response(200, description="The document, in the format that was chosen", headers=retiring.HEADERS)
@blueprint.doc(responses={200: {"content": CONTENT}})
@cacheable("documents", plain=_plain)
def edition_resource(
    query: dict[str, Any], organisation: str, digest: str, kind: str, resource_id: str
) -> flask.Response:
    """One resource of one edition, for ever the same."""
    del organisation, digest
    return document_of(asking(reading()), query, KIND_OF_FOLDER[kind], resource_id)


def listed(query: dict[str, Any], kind: Kind) -> flask.Response:
    """A page of the resources of a kind, as the request that is being answered asks for it."""
    request = reading()
    edition = edition_of(request)
    filters = {name: sorted(set(query[name])) for name in FILTERS if name in query}
    listing = f"{request.organisation} {kind} {sorted(filters.items())}"
    check_fields(query.get("fields_"))
    after = cursors.read(services().secret, listing, query["cursor"]) if "cursor" in query else ""
    found = page(edition, kind, request.way.locale, filters, after=after, limit=query["limit"])
    body: dict[str, Any] = {"items": [chosen(item, query.get("fields_")) for item in found.items]}
    if query["facets"]:
        body["facets"] = facets(edition, kind, filters)
    cursor = cursors.make(services().secret, listing, found.last) if found.last else None
    following = request.way.address(flask.request.path, cursor=cursor) if cursor else None
    return answer(
        request,
        made_from=("list", flask.request.path, edition.digest),
        render=lambda: json_bytes(body),
        languages=lambda: _languages(edition, kind, found.items, request.way.locale),
        links=[f'<{following}>; rel="next"'] if following else (),
    )


def _languages(edition: Edition, kind: Kind, items: list[dict[str, Any]], locale: str) -> list[str]:
    """The locales in which a page's titles and summaries are."""
    found = [locale]
    for item in items:
        lines = edition.select(kind, item["id"], locale).lines
        found += [lines[name].locale for name in ("title", "summary") if name in lines]
    return list(dict.fromkeys(found))


def describe(api: Api) -> None:
    """Name the five kinds' shapes in the OpenAPI document, where the answers of this module refer to them."""

    def shapes() -> None:
        for kind, schema in _SHAPES.items():
            api.spec.components.schema(kind.capitalize(), schema=schema)

    api.describe(shapes)
