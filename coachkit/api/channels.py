"""An organisation's channels: where they point, where they pointed, and moving them."""

from __future__ import annotations

from typing import Any

import flask

from coachkit.api import managing_schemas as shapes
from coachkit.api import paging
from coachkit.api.access import managed
from coachkit.api.managing import Work, answered, changing, looking, require_match, require_new, tag
from coachkit.api.schemas import NEXT_PAGE
from coachkit.api.services import services
from coachkit.api.smorest import Blueprint
from coachkit.db import channels as rows
from coachkit.db.channels import Channel
from coachkit.errors import FieldError, InvalidBody, NotFound
from coachkit.organisations import moving

blueprint = Blueprint(
    "channels", __name__, url_prefix="/v1/orgs/<slug:organisation>/channels", description="Where readers are led"
)

SCOPE = "content:write"


@blueprint.route("")
@blueprint.arguments(shapes.PageQuery, location="query")
@blueprint.response(200, shapes.ChannelsSchema, headers=NEXT_PAGE)
@managed(SCOPE)
def channels(query: dict[str, Any], organisation: str) -> flask.Response:
    """Every channel, by name."""
    with looking(organisation) as work:
        found = rows.of_organisation(work.conn, work.organisation.id)
    page = paging.page(found, lambda each: each.name, query, f"{organisation} channels")
    return answered({"items": [shape(each) for each in page.items]}, headers=page.headers)


@blueprint.route("/<slug:name>")
@blueprint.response(200, shapes.ChannelSchema)
@managed(SCOPE)
def channel(organisation: str, name: str) -> flask.Response:
    """One channel."""
    with looking(organisation) as work:
        found = _found(work, name)
    return answered(shape(found), shown=_tag(found))


@blueprint.route("/<slug:name>", methods=["PUT"])
@blueprint.arguments(shapes.MoveChannelSchema, example={"edition": shapes.EDITION, "note": "The autumn texts"})
@blueprint.response(200, shapes.ChannelSchema)
@blueprint.alt_response(201, schema=shapes.ChannelSchema, description="A channel that is new")
@managed(SCOPE, based=True, new=True)
def move(body: dict[str, Any], organisation: str, name: str) -> flask.Response:
    """Point a channel at an edition: with If-Match, or with `If-None-Match: *` for a new one."""
    with changing(organisation) as work:
        before = rows.get(work.conn, work.organisation.id, name)
        if before is None:
            require_new()
        else:
            require_match(_tag(before))
        try:
            moved = moving.move(
                work.conn,
                work.organisation,
                name,
                body["edition"],
                quotas=services().quotas,
                actor=work.actor,
                at=work.at,
                public=body["public"],
                note=body["note"],
            )
        except NotFound:
            error = FieldError("unknown-edition", "There is no edition of that digest.", pointer="/edition")
            raise InvalidBody("The channel cannot point there.", (error,)) from None
    return answered(shape(moved), 201 if before is None else 200, shown=_tag(moved))


@blueprint.route("/<slug:name>/rollback", methods=["POST"])
@blueprint.response(200, shapes.ChannelSchema)
@managed(SCOPE, based=True)
def rollback(organisation: str, name: str) -> flask.Response:
    """Point a channel at the edition that it pointed at before; that is a move like any other."""
    with changing(organisation) as work:
        require_match(_tag(_found(work, name)))
        moved = moving.rollback(work.conn, work.organisation, name, actor=work.actor, at=work.at)
    return answered(shape(moved), shown=_tag(moved))


@blueprint.route("/<slug:name>/moves")
@blueprint.arguments(shapes.PageQuery, location="query")
@blueprint.response(200, shapes.MovesSchema, headers=NEXT_PAGE)
@managed(SCOPE)
def moves(query: dict[str, Any], organisation: str, name: str) -> flask.Response:
    """Every move of a channel, the newest first."""
    listing = f"{organisation} moves {name}"
    after = paging.after(query, listing)
    with looking(organisation) as work:
        _found(work, name)
        found = rows.history(
            work.conn, work.organisation.id, name, before=int(after) if after else None, limit=query["limit"] + 1
        )
    page = paging.first(found, lambda each: str(each.id), query, listing)
    items = [
        {"moved_at": each.moved_at.isoformat(), "from": each.from_digest, "to": each.to_digest, "note": each.note}
        for each in page.items
    ]
    return answered({"items": items}, headers=page.headers)


def shape(channel: Channel) -> dict[str, Any]:
    """A channel as JSON."""
    moved_at = channel.moved_at.isoformat()
    return {"name": channel.name, "public": channel.public, "edition": channel.digest, "moved_at": moved_at}


def _found(work: Work, name: str) -> Channel:
    found = rows.get(work.conn, work.organisation.id, name)
    if found is None:
        raise NotFound("")
    return found


def _tag(channel: Channel) -> str:
    return tag("channel", channel.organisation_id, channel.name, channel.change)
