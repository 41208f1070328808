"""Filling a template with a reader's own values: used for one answer, kept nowhere, logged nowhere."""

from __future__ import annotations

from typing import Any

import flask

from coachkit.api import retiring, schemas
from coachkit.api.answers import json_bytes
from coachkit.api.reading import Cacheable
from coachkit.api.requests import concerns
from coachkit.api.services import asking, edition_of, services
from coachkit.api.smorest import Blueprint
from coachkit.documents.document import document
from coachkit.documents.filling import check_values
from coachkit.errors import NotFound

blueprint = Blueprint(
    "templates", __name__, url_prefix="/v1/orgs/<slug:organisation>", description="Messages to fill in"
)


@blueprint.route("/templates/<slug:resource_id>/fill", methods=["POST"])
@blueprint.arguments(schemas.ChannelQuery, location="query")
@blueprint.arguments(schemas.LocaleQuery, location="query")
@blueprint.arguments(schemas.FillSchema)
@blueprint.response(200, schemas.FilledSchema, headers=retiring.HEADERS)
def fill(
    channel: dict[str, Any], query: dict[str, Any], body: dict[str, Any], organisation: str, resource_id: str
) -> flask.Response:
    """A message with a reader's own values in it. Nothing of them is kept."""
    pairs = [(name, str(value)) for name, value in {**channel, **query}.items()]
    request = services().reader.settle(Cacheable("json"), {"organisation": organisation}, pairs, flask.request.environ)
    concerns(request.organisation)
    edition = edition_of(request)
    if ("template", resource_id) not in edition.catalogue:
        raise NotFound("")
    check_values(edition.resource("template", resource_id), body["values"])
    filled = document(edition, "template", resource_id, request.way.locale, body["values"])
    answer = {
        "kind": filled.kind,
        "id": filled.id,
        "pack": filled.pack,
        "version": filled.version,
        "locale": filled.locale,
        "subject": filled.body["subject"],
        "body": filled.body["body"],
    }
    response = flask.Response(json_bytes(answer), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Language"] = ", ".join(filled.languages)
    response.headers["CoachKit-Edition"] = edition.digest
    response.headers.update(retiring.headers(edition, "template", resource_id))
    response.headers.extend(
        [("Link", link) for link in retiring.links(asking(request), edition, "template", resource_id)]
    )
    return response
