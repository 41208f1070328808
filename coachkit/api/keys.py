"""An organisation's keys: making one, whose token is shown once, looking at them, and revoking one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import flask

from coachkit.api import managing_schemas as shapes
from coachkit.api import paging
from coachkit.api.access import ADMITTED, Admission, managed
from coachkit.api.idempotent import Answer, Once, creates
from coachkit.api.managing import Work, answered, changing, creating, looking, number, require_match, tag
from coachkit.api.schemas import NEXT_PAGE
from coachkit.api.services import services
from coachkit.api.smorest import Blueprint
from coachkit.db import keys as rows
from coachkit.organisations import keys, tokens
from coachkit.organisations.keys import Key, Wanted

blueprint = Blueprint("keys", __name__, url_prefix="/v1/orgs/<slug:organisation>/keys", description="Who may do what")

SCOPE = "keys:write"
_EXAMPLE = {"kind": "sec", "name": "The portal's server", "scopes": ["content:read", "content:write"]}


@blueprint.route("")
@blueprint.arguments(shapes.PageQuery, location="query")
@blueprint.response(200, shapes.KeysSchema, headers=NEXT_PAGE)
@managed(SCOPE)
def every(query: dict[str, Any], organisation: str) -> flask.Response:
    """Every key, those that hold no more among them; no token is ever shown again."""
    listing = f"{organisation} keys"
    after = paging.after(query, listing)
    with looking(organisation) as work:
        found = keys.listing(work.conn, work.organisation.id, after=after or "", limit=query["limit"] + 1)
    page = paging.first(found, lambda each: each.id, query, listing)
    return answered({"items": [keys.shape(each) for each in page.items]}, headers=page.headers)


@blueprint.route("", methods=["POST"])
@creates(blueprint)
@blueprint.arguments(shapes.WantedKeySchema, example=_EXAMPLE)
@blueprint.response(201, shapes.MadeKeySchema)
@managed(SCOPE)
def create(once: Once, body: dict[str, Any], organisation: str) -> flask.Response:
    """Make a key. It may do no more than the key that makes it; its token is in this answer and nowhere else."""
    wanted = Wanted(**body)
    admission: Admission = flask.request.environ[ADMITTED]
    if admission.key is not None and not admission.key.is_operator:
        keys.require_grant(admission.key, wanted)

    limit = services().limits.key_creations

    def make(work: Work, secret: bytes) -> Answer:
        key, _ = keys.create(
            work.conn,
            work.organisation,
            wanted,
            peppers=services().peppers,
            most=services().settings.max_keys,
            actor=work.actor,
            at=work.at,
            entropy=secret[: tokens.ENTROPY_BYTES],
        )
        limit.confirm(lambda since: rows.created_since(work.conn, work.organisation.id, since))
        return Answer(201, keys.shape(key), {"Location": f"{flask.request.path}/{key.id}"})

    def reveal(said: dict[str, Any], secret: bytes) -> dict[str, Any]:
        return {**said, "token": tokens.make(wanted.kind, secret[: tokens.ENTROPY_BYTES]).text}

    def made_before(since: datetime) -> tuple[datetime, ...]:
        with looking(organisation) as work:
            return rows.created_since(work.conn, work.organisation.id, since)

    def ready() -> None:
        limit.require(f"organisation {number(organisation)}", made_before)

    return creating(once, organisation, make, reveal, ready)


@blueprint.route("/<key_id>")
@blueprint.response(200, shapes.KeySchema)
@managed(SCOPE)
def one(organisation: str, key_id: str) -> flask.Response:
    """One key."""
    with looking(organisation) as work:
        found = keys.get(work.conn, work.organisation.id, key_id)
    return answered(keys.shape(found), shown=_tag(found))


@blueprint.route("/<key_id>", methods=["DELETE"])
@blueprint.response(200, shapes.KeySchema)
@managed(SCOPE, based=True)
def revoke(organisation: str, key_id: str) -> flask.Response:
    """Revoke a key: within a second it holds nowhere."""
    with changing(organisation) as work:
        require_match(_tag(keys.get(work.conn, work.organisation.id, key_id)))
        found = keys.revoke(work.conn, work.organisation, key_id, actor=work.actor, at=work.at)
    return answered(keys.shape(found), shown=_tag(found))


def _tag(key: Key) -> str:
    return tag("key", key.id, key.revoked_at)
