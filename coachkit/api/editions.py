"""An organisation's editions as it manages them: what there is, and publishing the draft."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import flask

from coachkit.api import channels, paging
from coachkit.api import managing_schemas as shapes
from coachkit.api.access import managed
from coachkit.api.idempotent import Answer, Once, creates
from coachkit.api.managing import Work, answered, creating, draft_tag, looking, require_match
from coachkit.api.schemas import NEXT_PAGE
from coachkit.api.services import services
from coachkit.api.smorest import Blueprint
from coachkit.db import channels as channel_rows
from coachkit.db import editions as rows
from coachkit.editions import manifest
from coachkit.editions.publish import Prepared, prepare
from coachkit.errors import Problem
from coachkit.organisations import publishing

blueprint = Blueprint(
    "editions", __name__, url_prefix="/v1/orgs/<slug:organisation>/editions", description="What was published"
)

SCOPE = "content:write"


@blueprint.route("")
@blueprint.arguments(shapes.PageQuery, location="query")
@blueprint.response(200, shapes.EditionsSchema, headers=NEXT_PAGE)
@managed(SCOPE)
def editions(query: dict[str, Any], organisation: str) -> flask.Response:
    """Every edition, the newest first, previews and scheduled ones among them."""
    listing = f"{organisation} editions, the newest first"
    last = paging.after(query, listing)
    with looking(organisation) as work:
        found = rows.listing(work.conn, work.organisation.id)
        pointing = channel_rows.of_organisation(work.conn, work.organisation.id)
    following = found if last is None else [each for each in found if _is_after(each, last)]
    page = paging.first(following[: query["limit"] + 1], _place, query, listing)
    items = [
        {
            "edition": each.digest,
            "created_at": each.created_at.isoformat(),
            "published": each.published,
            "channels": [channel.name for channel in pointing if channel.digest == each.digest],
        }
        for each in page.items
    ]
    return answered({"items": items}, headers=page.headers)


@blueprint.route("", methods=["POST"])
@creates(blueprint)
@blueprint.arguments(shapes.PublishSchema, example={"channel": "live", "note": "Spring term", "dry_run": False})
@blueprint.response(201, shapes.PublishedSchema)
@blueprint.alt_response(200, schema=shapes.PublishedSchema, description="A dry run, or an edition that is not new")
@managed(SCOPE, based=True)
def publish(once: Once, body: dict[str, Any], organisation: str) -> flask.Response:
    """Make an edition of the draft and point a channel at it; with `dry_run`, say what that would come to.

    If-Match is the draft's ETag: what is published is what the caller saw.
    """
    if body["dry_run"]:
        prepared, changes = _prepared(organisation, body["channel"])
        return answered(_shape(prepared, changes, new=False, channel=None))
    found: list[tuple[Prepared, list[dict[str, str]]]] = []

    def make(work: Work, _: bytes) -> Answer:
        ((prepared, changes),) = found
        require_match(draft_tag(work.organisation))
        done = publishing.settle(
            work.conn,
            work.organisation,
            prepared,
            quotas=services().quotas,
            actor=work.actor,
            at=work.at,
            channel=body["channel"],
            note=body["note"],
        )
        pointing = channel_rows.get(work.conn, work.organisation.id, body["channel"]) if body["channel"] else None
        return Answer(201 if done.new else 200, _shape(prepared, changes, new=done.new, channel=pointing))

    return creating(once, organisation, make, ready=lambda: found.append(_prepared(organisation, body["channel"])))


def _place(head: rows.EditionHead) -> str:
    """Where an edition stands among the others, whether it is there any more or not."""
    return f"{head.created_at.isoformat()} {head.digest}"


def _is_after(head: rows.EditionHead, place: str) -> bool:
    """Whether an edition comes after a place: it is older, or as old and further on by its digest."""
    made, digest = place.split(" ")
    at = datetime.fromisoformat(made)
    return head.created_at < at or (head.created_at == at and head.digest > digest)


def _prepared(organisation: str, channel: str | None) -> tuple[Prepared, list[dict[str, str]]]:
    """The draft that the caller saw as an edition, and what it changes where the channel points."""
    with looking(organisation) as seen:
        require_match(draft_tag(seen.organisation))
        prepared = prepare(seen.conn, seen.organisation, services().tools, seen.at)
        return prepared, _changes(seen, prepared, channel)


def problem_shape(problem: Problem) -> dict[str, Any]:
    """A problem of a draft as JSON."""
    return {name: value for name, value in asdict(problem).items() if name not in {"line", "column"}}


def _changes(work: Work, prepared: Prepared, channel: str | None) -> list[dict[str, str]]:
    pointing = channel_rows.get(work.conn, work.organisation.id, channel) if channel else None
    row = rows.get(work.conn, work.organisation.id, pointing.digest) if pointing else None
    before = manifest.digests_of(row.manifest) if row else {}
    after = {f"{kind}/{name}": dict(found) for (kind, name), found in prepared.edition.digests.items()}
    return manifest.changes(before, after)


def _shape(
    prepared: Prepared, changes: list[dict[str, str]], *, new: bool, channel: channel_rows.Channel | None
) -> dict[str, Any]:
    return {
        "edition": prepared.digest,
        "new": new,
        "channel": channels.shape(channel) if channel else None,
        "releases": {each.manifest.id: each.manifest.version for each in prepared.edition.releases.values()},
        "changes": changes,
        "warnings": [problem_shape(each) for each in prepared.warnings],
    }
