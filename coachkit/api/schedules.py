"""An organisation's schedules: publishing the draft at a local time to come, and what that will change."""

from __future__ import annotations

from typing import Any

import flask

from coachkit.api import managing_schemas as shapes
from coachkit.api import paging
from coachkit.api.access import managed
from coachkit.api.idempotent import Answer, Once, creates
from coachkit.api.managing import Work, answered, changing, creating, draft_tag, looking, require_match, tag
from coachkit.api.schemas import NEXT_PAGE
from coachkit.api.services import services
from coachkit.api.smorest import Blueprint
from coachkit.editions.publish import Prepared, prepare
from coachkit.organisations import schedules
from coachkit.organisations.schedules import Told

blueprint = Blueprint(
    "schedules", __name__, url_prefix="/v1/orgs/<slug:organisation>/schedules", description="What will be published"
)

SCOPE = "content:write"
_EXAMPLE = {"channel": "live", "local_time": "2026-12-01T09:00", "note": "The winter texts"}


@blueprint.route("")
@blueprint.arguments(shapes.PageQuery, location="query")
@blueprint.response(200, shapes.SchedulesSchema, headers=NEXT_PAGE)
@managed(SCOPE)
def every(query: dict[str, Any], organisation: str) -> flask.Response:
    """Every schedule, by id, those of the past among them; what one will change, its own address says."""
    with looking(organisation) as work:
        found = sorted(schedules.listing(work.conn, work.organisation), key=lambda each: each.schedule.id)
    page = paging.page(found, lambda each: each.schedule.id, query, f"{organisation} schedules")
    return answered({"items": [each.shape() for each in page.items]}, headers=page.headers)


@blueprint.route("", methods=["POST"])
@creates(blueprint)
@blueprint.arguments(shapes.WantedScheduleSchema, example=_EXAMPLE)
@blueprint.response(201, shapes.ScheduleSchema)
@managed(SCOPE, based=True)
def plan(once: Once, body: dict[str, Any], organisation: str) -> flask.Response:
    """Freeze the draft now, and point a channel at it at a local time of the organisation's zone.

    If-Match is the draft's ETag: what will be published is what the caller saw.
    """
    found: list[Prepared] = []

    def make(work: Work, _: bytes) -> Answer:
        require_match(draft_tag(work.organisation))
        asked = schedules.wanted(work.organisation, **body, at=work.at)
        told = schedules.freeze(
            work.conn,
            work.organisation,
            found[0],
            asked,
            quotas=services().quotas,
            most=services().settings.max_schedules,
            actor=work.actor,
            at=work.at,
        )
        second = told.second.isoformat() if told.second else None
        return Answer(
            201,
            {**told.shape(), "second": second},
            {"Location": f"{flask.request.path}/{told.schedule.id}", "ETag": _tag(told)},
        )

    def ready() -> None:
        with looking(organisation) as seen:
            require_match(draft_tag(seen.organisation))
            schedules.wanted(seen.organisation, **body, at=seen.at)
            found.append(prepare(seen.conn, seen.organisation, services().tools, seen.at))

    return creating(once, organisation, make, ready=ready)


@blueprint.route("/<schedule_id>")
@blueprint.response(200, shapes.ScheduleSchema)
@managed(SCOPE)
def one(organisation: str, schedule_id: str) -> flask.Response:
    """One schedule, with what would change if its time came now."""
    with looking(organisation) as work:
        found = schedules.get(work.conn, work.organisation, schedule_id)
    return answered(found.shape(), shown=_tag(found))


@blueprint.route("/<schedule_id>", methods=["DELETE"])
@blueprint.response(200, shapes.ScheduleSchema)
@managed(SCOPE, based=True)
def cancel(organisation: str, schedule_id: str) -> flask.Response:
    """Call a schedule off; its edition stays where it is."""
    with changing(organisation) as work:
        require_match(_tag(schedules.get(work.conn, work.organisation, schedule_id)))
        done = schedules.cancel(work.conn, work.organisation, schedule_id, actor=work.actor, at=work.at)
    return answered(done.shape(), shown=_tag(done))


def _tag(told: Told) -> str:
    return tag("schedule", told.schedule.id, told.schedule.state, told.schedule.due_at)
