"""A draft as readers would see it, for a time and for whoever has its address; no cache and no list has it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import flask

from coachkit.api import documents, organisations, schemas
from coachkit.api.access import ANYBODY, open_to_all
from coachkit.api.reading import READING, Cacheable, Offer, Reading, Wishes
from coachkit.api.requests import concerns
from coachkit.api.services import asking, services
from coachkit.api.smorest import Blueprint
from coachkit.errors import NotFound
from coachkit.organisations import previews
from coachkit.packs.model import KIND_OF_FOLDER

blueprint = Blueprint(
    "previews",
    __name__,
    url_prefix="/v1/orgs/<slug:organisation>/previews/<token>",
    description="What a draft would look like",
)

_ROBOTS = "noindex, nofollow, noarchive"


@blueprint.route("")
@blueprint.arguments(schemas.LocaleQuery, location="query")
@blueprint.response(200, schemas.OrganisationSchema)
@open_to_all
def preview_organisation(query: dict[str, Any], organisation: str, token: str) -> flask.Response:
    """The organisation as the draft has it."""
    del query
    _settle(organisation, token, {}, "json")
    return _hidden(organisations.shown())


@blueprint.route("/<kind:kind>")
@blueprint.arguments(schemas.ListQuery, location="query")
@blueprint.response(200, schemas.ListSchema, headers=schemas.NEXT_PAGE)
@open_to_all
def preview_resources(query: dict[str, Any], organisation: str, token: str, kind: str) -> flask.Response:
    """The resources of a kind that the draft would serve."""
    _settle(organisation, token, {}, "json")
    return _hidden(documents.listed(query, KIND_OF_FOLDER[kind]))


@blueprint.route("/<kind:kind>/<slug:resource_id>")
@blueprint.arguments(schemas.DocumentQuery, location="query")
@blueprint.response(200, description="The document, in the format that was chosen")
@blueprint.doc(responses={200: {"content": documents.CONTENT}})
@open_to_all
def preview_resource(
    query: dict[str, Any], organisation: str, token: str, kind: str, resource_id: str
) -> flask.Response:
    """One resource as the draft has it, in the caller's locale and format."""
    _settle(organisation, token, {"kind": kind}, "documents")
    return _hidden(documents.document_of(asking(_settled()), query, KIND_OF_FOLDER[kind], resource_id))


def _settle(organisation: str, token: str, path: dict[str, str], offer: Offer) -> None:
    """Let this request be answered from the edition that the token shows. Raises NotFound for a token that does not."""
    found = services()
    shown = previews.read(found.secret, token, datetime.now(UTC))
    number = found.pointers.number(organisation)
    if shown is None or number is None or shown.organisation_id != number:
        raise NotFound("")
    served = found.pointers.unpublished(organisation, shown.digest)
    if served is None:
        raise NotFound("")
    concerns(organisation)
    found.gate.miss(ANYBODY, number)
    environ = flask.request.environ
    query = list(flask.request.args.items(multi=True))
    wishes = Wishes(environ.get("HTTP_ACCEPT"), environ.get("HTTP_ACCEPT_LANGUAGE"))
    way = found.reader.way(served.shape, Cacheable(offer), {**path, "digest": shown.digest}, query, wishes)
    environ[READING] = Reading(served, way)


def _settled() -> Reading:
    settled: Reading = flask.request.environ[READING]
    return settled


def _hidden(response: flask.Response) -> flask.Response:
    for name in ("Surrogate-Key", "ETag"):
        response.headers.pop(name, None)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = _ROBOTS
    return response
