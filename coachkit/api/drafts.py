"""An organisation's draft: what publishing it would come to, showing it to somebody, and letting it go."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import flask

from coachkit.api import managing_schemas as shapes
from coachkit.api.access import managed
from coachkit.api.idempotent import Answer, Once, creates
from coachkit.api.managing import Work, answered, changing, creating, draft_tag, looking, number, require_match
from coachkit.api.services import services
from coachkit.api.smorest import Blueprint
from coachkit.editions.publish import Prepared, prepare
from coachkit.organisations import drafts, previews
from coachkit.organisations.previews import Shown

blueprint = Blueprint("draft", __name__, url_prefix="/v1/orgs/<slug:organisation>", description="What is to come")

SCOPE = "content:write"


@blueprint.route("/draft")
@blueprint.response(200, shapes.DraftSchema)
@managed(SCOPE)
def draft(organisation: str) -> flask.Response:
    """What publishing the settings would change, and everything that keeps them from it; nothing is stored."""
    with looking(organisation) as work:
        found = drafts.draft(work.conn, work.organisation, services().tools, work.at)
        shown = draft_tag(work.organisation)
    return answered(found.shape(), shown=shown)


@blueprint.route("/draft", methods=["DELETE"])
@blueprint.response(200, shapes.DiscardedSchema)
@managed(SCOPE, based=True)
def discard(organisation: str) -> flask.Response:
    """Put back the settings that the live edition was published from."""
    with changing(organisation) as work:
        require_match(draft_tag(work.organisation))
        done = drafts.discard(work.conn, work.organisation, actor=work.actor, at=work.at)
    said = {"revision": done.organisation.revision, "changed": done.changed, "pinned": dict(done.pinned)}
    return answered(said, shown=draft_tag(done.organisation))


@blueprint.route("/previews", methods=["POST"])
@creates(blueprint)
@blueprint.arguments(shapes.PreviewSchema, example={"hours": 48})
@blueprint.response(201, shapes.PreviewedSchema)
@managed(SCOPE, based=True)
def preview(once: Once, body: dict[str, Any], organisation: str) -> flask.Response:
    """Give an address that shows the draft for a time to whoever has it. If-Match is the draft's ETag."""
    lasting = timedelta(hours=body["hours"])
    previews.require_bounded(lasting)
    found: list[Prepared] = []

    def make(work: Work, _: bytes) -> Answer:
        require_match(draft_tag(work.organisation))
        made = previews.show(
            work.conn,
            work.organisation,
            found[0],
            secret_key=services().secret,
            quotas=services().quotas,
            actor=work.actor,
            at=work.at,
            lasting=lasting,
        )
        return Answer(201, {"edition": found[0].digest, "expires_at": made.expires_at.isoformat()})

    def reveal(said: dict[str, Any], _: bytes) -> dict[str, Any]:
        """Sign the address again: whoever reads what is stored is not to have it."""
        shown = Shown(number(organisation), said["edition"], datetime.fromisoformat(said["expires_at"]))
        return {"address": previews.path(organisation, previews.sign(services().secret, shown)), **said}

    def ready() -> None:
        with looking(organisation) as seen:
            require_match(draft_tag(seen.organisation))
            found.append(prepare(seen.conn, seen.organisation, services().tools, seen.at))

    response = creating(once, organisation, make, reveal, ready)
    response.headers["Location"] = response.get_json()["address"]
    return response
