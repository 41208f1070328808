"""An organisation's settings: what it chose, as it will be published; who may read it is in force at once."""

from __future__ import annotations

from typing import Any

import flask

from coachkit.api import managing_schemas as shapes
from coachkit.api.access import managed
from coachkit.api.managing import answered, changing, draft_tag, largest, looking, require_match
from coachkit.api.services import services
from coachkit.api.smorest import Blueprint
from coachkit.db.organisations import Organisation
from coachkit.editions.choices_schema import ChoicesSchema
from coachkit.organisations import organisations
from coachkit.organisations.overlays import require_fits

blueprint = Blueprint(
    "settings", __name__, url_prefix="/v1/orgs/<slug:organisation>/settings", description="What was chosen"
)

SCOPE = "settings:write"
EXAMPLE: dict[str, Any] = {
    "default_locale": "en-GB",
    "locales": {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"]},
    "packs": {"core": ">=1.0,<2"},
    "brand": {
        "name": {"en-GB": "University of Northbridge", "cy": "Prifysgol Northbridge"},
        "careers_email": "careers@northbridge.example",
    },
}


@blueprint.route("")
@blueprint.response(200, shapes.SettingsSchema)
@managed(SCOPE)
def settings(organisation: str) -> flask.Response:
    """The settings as they are now."""
    with looking(organisation) as work:
        found = work.organisation
    return answered(_shape(found), shown=draft_tag(found))


@blueprint.route("", methods=["PUT"])
@blueprint.arguments(ChoicesSchema, example=EXAMPLE)
@blueprint.response(200, shapes.SettingsSchema)
@managed(SCOPE, based=True)
@largest()
def replace(body: dict[str, Any], organisation: str) -> flask.Response:
    """Replace the settings; readers see them once an edition is published."""
    with changing(organisation) as work:
        require_match(draft_tag(work.organisation))
        require_fits(body, services().settings)
        changed = organisations.change(work.conn, organisation, body, work.at, actor=work.actor)
    return answered(_shape(changed), shown=draft_tag(changed))


def _shape(organisation: Organisation) -> dict[str, Any]:
    return {
        "revision": organisation.revision,
        "updated_at": organisation.updated_at.isoformat(),
        "settings": dict(organisation.settings),
    }
