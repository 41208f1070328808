"""Who did what to an organisation when: its audit, from either end."""

from __future__ import annotations

from typing import Any

import flask

from coachkit.api import managing_schemas as shapes
from coachkit.api import paging
from coachkit.api.access import managed
from coachkit.api.managing import answered, looking
from coachkit.api.schemas import NEXT_PAGE
from coachkit.api.smorest import Blueprint
from coachkit.db import audit as rows
from coachkit.organisations import audit

blueprint = Blueprint("audit", __name__, url_prefix="/v1/orgs/<slug:organisation>/audit", description="What was done")

SCOPE = "audit:read"


@blueprint.route("")
@blueprint.arguments(shapes.AuditQuery, location="query")
@blueprint.response(200, shapes.AuditSchema, headers=NEXT_PAGE)
@managed(SCOPE)
def entries(query: dict[str, Any], organisation: str) -> flask.Response:
    """The entries from either end, each chained by its hash to the one before, and where the chain ends."""
    newest_first = query["order"] == "newest"
    listing = f"{organisation} audit {query['order']}"
    after = paging.after(query, listing)
    with looking(organisation) as work:
        head = rows.head(work.conn, work.organisation.id)
        found = list(
            rows.entries(
                work.conn,
                work.organisation.id,
                after=int(after or 0),
                limit=query["limit"] + 1,
                newest_first=newest_first,
            )
        )
    page = paging.first(found, lambda each: str(each.number), query, listing)
    said = {"items": [audit.shape(each) for each in page.items], "length": head.length, "head": head.hash}
    return answered(said, headers=page.headers)
