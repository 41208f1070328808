"""Hostnames of an organisation's own: claiming one, which record proves it, and letting it go.

The DNS is asked by the worker, never while somebody waits here.
"""

from __future__ import annotations

from typing import Any

import flask

from coachkit.api import managing_schemas as shapes
from coachkit.api import paging
from coachkit.api.access import managed
from coachkit.api.idempotent import Answer, Once, creates
from coachkit.api.managing import Work, answered, changing, creating, looking, require_match, tag
from coachkit.api.schemas import NEXT_PAGE
from coachkit.api.services import services
from coachkit.api.smorest import Blueprint
from coachkit.db.hostnames import Hostname
from coachkit.organisations import hostnames

blueprint = Blueprint(
    "hostnames", __name__, url_prefix="/v1/orgs/<slug:organisation>/hostnames", description="Names of one's own"
)

SCOPE = "settings:write"


@blueprint.route("")
@blueprint.arguments(shapes.PageQuery, location="query")
@blueprint.response(200, shapes.HostnamesSchema, headers=NEXT_PAGE)
@managed(SCOPE)
def every(query: dict[str, Any], organisation: str) -> flask.Response:
    """Every hostname that is claimed, verified or not, by name."""
    with looking(organisation) as work:
        found = sorted(hostnames.listing(work.conn, work.organisation), key=lambda each: each.name)
    page = paging.page(found, lambda each: each.name, query, f"{organisation} hostnames")
    return answered({"items": [hostnames.shape(each) for each in page.items]}, headers=page.headers)


@blueprint.route("", methods=["POST"])
@creates(blueprint)
@blueprint.arguments(shapes.ClaimSchema, example={"name": "coaching.northbridge.example"})
@blueprint.response(201, shapes.HostnameSchema)
@managed(SCOPE)
def claim(once: Once, body: dict[str, Any], organisation: str) -> flask.Response:
    """Claim a hostname; the answer says which TXT record proves that it is yours."""

    def make(work: Work, _: bytes) -> Answer:
        made = hostnames.claim(
            work.conn,
            work.organisation,
            body["name"],
            most=services().settings.max_hostnames,
            actor=work.actor,
            at=work.at,
        )
        return Answer(201, hostnames.shape(made), {"Location": f"{flask.request.path}/{made.name}"})

    return creating(once, organisation, make)


@blueprint.route("/<name>")
@blueprint.response(200, shapes.HostnameSchema)
@managed(SCOPE)
def one(organisation: str, name: str) -> flask.Response:
    """One hostname, and how its proof stands."""
    with looking(organisation) as work:
        found = hostnames.get(work.conn, work.organisation, name)
    return answered(hostnames.shape(found), shown=_tag(found))


@blueprint.route("/<name>", methods=["DELETE"])
@blueprint.response(204)
@managed(SCOPE, based=True)
def release(organisation: str, name: str) -> flask.Response:
    """Let a hostname go."""
    with changing(organisation) as work:
        require_match(_tag(hostnames.get(work.conn, work.organisation, name)))
        hostnames.release(work.conn, work.organisation, name, actor=work.actor, at=work.at)
    return answered(None, 204)


def _tag(hostname: Hostname) -> str:
    return tag("hostname", hostname.organisation_id, hostname.name, hostname.created_at, hostname.verified_at)
