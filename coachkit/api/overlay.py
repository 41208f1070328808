"""An organisation's own wording and its own resources, part by part, and what a new release asks of it.

All of it is in the draft: readers see it once an edition is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import flask
import orjson

from coachkit.api import managing_schemas as shapes
from coachkit.api import paging
from coachkit.api.access import managed
from coachkit.api.idempotent import Answer, Once, creates
from coachkit.api.managing import (
    LARGEST,
    Work,
    answered,
    changing,
    creating,
    draft_tag,
    largest,
    looking,
    require_match,
    require_new,
    tag,
)
from coachkit.api.schemas import NEXT_PAGE
from coachkit.api.services import services
from coachkit.api.smorest import Blueprint
from coachkit.db.organisations import Organisation
from coachkit.editions.choices import overlay_part
from coachkit.editions.choices_schema import OverlaySchema, ResourceSchema
from coachkit.editions.merging import Merge
from coachkit.errors import Conflict, FieldError, InvalidBody, NotFound
from coachkit.organisations import overlays
from coachkit.organisations.overlays import Part
from coachkit.packs.model import KIND_OF_FOLDER

blueprint = Blueprint("overlay", __name__, url_prefix="/v1/orgs/<slug:organisation>", description="Words of one's own")

SCOPE = "content:write"
_PART: Final = 1024 * 1024
"""Bytes of a part of the overlay as a request brings it."""
_EXAMPLE = {
    "op": "replace",
    "target": "core:module/first-hour",
    "locale": "en-GB",
    "field": "summary",
    "text": "What helps in the first hour, and whom you can call.",
}
_EXAMPLE_RESOURCE = {
    "kind": "module",
    "id": "hardship-fund",
    "source": {
        "en-GB": """\
---
title: The hardship fund
summary: Who may apply for it, and how.
topics: [money]
stages: [applied, screened, interviewed, final]
last_reviewed: 2026-11-01
review_by: 2027-11-01
---
## What it pays {#what}

Travel, clothes and childcare for interviews: up to 200 pounds a year.
""",
    },
}


@blueprint.route("/overlay")
@blueprint.arguments(shapes.PageQuery, location="query")
@blueprint.response(200, shapes.PartsSchema, headers=NEXT_PAGE)
@managed(SCOPE)
def parts(query: dict[str, Any], organisation: str) -> flask.Response:
    """Every part of the overlay, by id; `position` is where it stands."""
    with looking(organisation) as work:
        found = sorted(overlays.parts(work.organisation), key=lambda each: each.id)
    page = paging.page(found, lambda each: each.id, query, f"{organisation} overlay")
    return answered({"items": [_shape(each) for each in page.items]}, headers=page.headers)


@blueprint.route("/overlay", methods=["POST"])
@creates(blueprint)
@blueprint.arguments(OverlaySchema, example=_EXAMPLE)
@blueprint.response(201, shapes.PartSchema)
@managed(SCOPE, based=True)
@largest(_PART)
def add(once: Once, body: dict[str, Any], organisation: str) -> flask.Response:
    """Add a part at the end of the overlay.

    If-Match is the draft's ETag: a part may hide or reorder what another has worded, so its author has seen that.
    """

    def make(work: Work, _: bytes) -> Answer:
        require_match(draft_tag(work.organisation))
        part_id = overlay_part(body).id
        if _maybe(work.organisation, part_id) is not None:
            raise Conflict(f"There is a part for that already: {part_id}. Change that one.")
        changed = _put(work, body)
        made = overlays.part(changed, part_id)
        return Answer(201, _shape(made), {"Location": f"{flask.request.path}/{part_id}", "ETag": _tag(made)})

    return creating(once, organisation, make)


@blueprint.route("/overlay/<part_id>")
@blueprint.response(200, shapes.PartSchema)
@managed(SCOPE)
def part(organisation: str, part_id: str) -> flask.Response:
    """One part of the overlay."""
    with looking(organisation) as work:
        found = overlays.part(work.organisation, part_id)
    return answered(_shape(found), shown=_tag(found))


@blueprint.route("/overlay/<part_id>", methods=["PUT"])
@blueprint.arguments(OverlaySchema, example=_EXAMPLE)
@blueprint.response(200, shapes.PartSchema)
@managed(SCOPE, based=True)
@largest(_PART)
def replace(body: dict[str, Any], organisation: str, part_id: str) -> flask.Response:
    """Word a part otherwise; what it is for stays."""
    with changing(organisation) as work:
        require_match(_tag(overlays.part(work.organisation, part_id)))
        if overlay_part(body).id != part_id:
            detail = "This is a part for something else: remove this one, and add that."
            raise InvalidBody(detail, (FieldError("invalid-value", detail, pointer="/target"),))
        changed = overlays.part(_put(work, body), part_id)
    return answered(_shape(changed), shown=_tag(changed))


@blueprint.route("/overlay/<part_id>", methods=["DELETE"])
@blueprint.response(204)
@managed(SCOPE, based=True)
def remove(organisation: str, part_id: str) -> flask.Response:
    """Take a part away: the release's own words show again."""
    with changing(organisation) as work:
        require_match(_tag(overlays.part(work.organisation, part_id)))
        overlays.remove(work.conn, work.organisation, part_id, actor=work.actor, at=work.at)
    return answered(None, 204)


@blueprint.route("/merges")
@blueprint.arguments(shapes.PageQuery, location="query")
@blueprint.response(200, shapes.MergesSchema, headers=NEXT_PAGE)
@managed(SCOPE)
def merges(query: dict[str, Any], organisation: str) -> flask.Response:
    """Parts over a text that a newer release words otherwise: what it said, what it says now, and your own words."""
    with looking(organisation) as work:
        found = sorted(overlays.undecided(work.conn, work.organisation), key=_place)
    page = paging.page(found, _place, query, f"{organisation} merges")
    return answered({"items": [_merge(each) for each in page.items]}, headers=page.headers)


@blueprint.route("/overlay/<part_id>/decision", methods=["PUT"])
@blueprint.arguments(shapes.DecisionSchema, example={"decision": "keep", "seen": "core@1.1.0"})
@blueprint.response(204)
@managed(SCOPE, based=True)
def decide(body: dict[str, Any], organisation: str, part_id: str) -> flask.Response:
    """Keep your own words over what the release says now, or take the release's and the part away.

    If-Match is the part's ETag, and `seen` the release that it was compared with; 412 where either is another by now.
    """
    with changing(organisation) as work:
        require_match(_tag(overlays.part(work.organisation, part_id)))
        overlays.decide(
            work.conn, work.organisation, part_id, body["decision"], actor=work.actor, at=work.at, seen=body["seen"]
        )
    return answered(None, 204)


# --- resources of the organisation's own --------------------------------------------------------


@blueprint.route("/resources")
@blueprint.arguments(shapes.PageQuery, location="query")
@blueprint.response(200, shapes.OwnResourcesSchema, headers=NEXT_PAGE)
@managed(SCOPE)
def resources(query: dict[str, Any], organisation: str) -> flask.Response:
    """Every resource of the organisation's own, by kind and id, with its sources."""
    with looking(organisation) as work:
        found = sorted(work.organisation.settings.get("resources") or (), key=_name)
    page = paging.page(found, _name, query, f"{organisation} resources")
    return answered({"items": [dict(each) for each in page.items]}, headers=page.headers)


@blueprint.route("/resources/<kind:kind>/<slug:resource_id>")
@blueprint.response(200, ResourceSchema)
@managed(SCOPE)
def resource(organisation: str, kind: str, resource_id: str) -> flask.Response:
    """One resource of the organisation's own."""
    with looking(organisation) as work:
        found = _own(work.organisation, KIND_OF_FOLDER[kind], resource_id)
    if found is None:
        raise NotFound("")
    return answered(dict(found), shown=_tag_of(found))


@blueprint.route("/resources/<kind:kind>/<slug:resource_id>", methods=["PUT"])
@blueprint.arguments(ResourceSchema, example=_EXAMPLE_RESOURCE)
@blueprint.response(200, ResourceSchema)
@blueprint.alt_response(201, schema=ResourceSchema, description="A resource that is new")
@managed(SCOPE, based=True, new=True)
@largest(LARGEST)
def put_resource(body: dict[str, Any], organisation: str, kind: str, resource_id: str) -> flask.Response:
    """Add a resource of the organisation's own with `If-None-Match: *`, or change one with If-Match."""
    named = {"kind": KIND_OF_FOLDER[kind], "id": resource_id}
    wrong = [name for name, value in named.items() if body[name] != value]
    if wrong:
        errors = tuple(FieldError("invalid-value", "The address says another.", pointer=f"/{name}") for name in wrong)
        raise InvalidBody("The body is of another resource than the address.", errors)
    with changing(organisation) as work:
        before = _own(work.organisation, named["kind"], resource_id)
        if before is None:
            require_new()
        else:
            require_match(_tag_of(before))
        changed = overlays.put_resource(
            work.conn, work.organisation, body, actor=work.actor, at=work.at, limits=services().settings
        )
        found = _own(changed, named["kind"], resource_id) or body
    return answered(dict(found), 201 if before is None else 200, shown=_tag_of(found))


@blueprint.route("/resources/<kind:kind>/<slug:resource_id>", methods=["DELETE"])
@blueprint.response(204)
@managed(SCOPE, based=True)
def remove_resource(organisation: str, kind: str, resource_id: str) -> flask.Response:
    """Take a resource of the organisation's own away."""
    with changing(organisation) as work:
        found = _own(work.organisation, KIND_OF_FOLDER[kind], resource_id)
        if found is None:
            raise NotFound("")
        require_match(_tag_of(found))
        overlays.remove_resource(
            work.conn, work.organisation, KIND_OF_FOLDER[kind], resource_id, actor=work.actor, at=work.at
        )
    return answered(None, 204)


def _put(work: Work, body: Mapping[str, Any]) -> Organisation:
    return overlays.put(work.conn, work.organisation, body, actor=work.actor, at=work.at, limits=services().settings)


def _maybe(organisation: Organisation, part_id: str) -> Part | None:
    return next((each for each in overlays.parts(organisation) if each.id == part_id), None)


def _own(organisation: Organisation, kind: str, resource_id: str) -> Mapping[str, Any] | None:
    found = organisation.settings.get("resources") or ()
    return next((each for each in found if (each["kind"], each["id"]) == (kind, resource_id)), None)


def _name(resource: Mapping[str, Any]) -> str:
    return f"{resource['kind']}/{resource['id']}"


def _shape(found: Part) -> dict[str, Any]:
    return {"id": found.id, "position": found.position, "part": dict(found.value)}


def _place(merge: Merge) -> str:
    return f"{merge.id} {merge.locale}"


def _merge(merge: Merge) -> dict[str, Any]:
    return {**asdict(merge), "over": str(merge.over), "now": str(merge.now)}


def _tag(found: Part) -> str:
    return _tag_of(found.value)


def _tag_of(value: Mapping[str, Any]) -> str:
    return tag("part", orjson.dumps(value, default=dict, option=orjson.OPT_SORT_KEYS).decode())
