"""A small management view, built of real parts: whatever it creates is an entry in an organisation's audit.

`POST /v1/orgs/{org}/notes` with `{"text": …}` adds one; `POST /v1/orgs/{org}/tokens` adds one and shows a secret once.
`moments` is called at each moment of a request that a test may want to stop or kill it at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import flask
import marshmallow as ma
import sqlalchemy as sa

from coachkit.api.idempotent import Answer, Effect, Once, creates
from coachkit.api.limiting import charge
from coachkit.api.services import EXTENSION, services
from coachkit.api.smorest import Blueprint
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS, narrow, only
from coachkit.db.tables import audit, idempotency
from coachkit.errors import LimitReached
from coachkit.organisations import organisations
from coachkit.organisations.audit import Actor, record

BEGUN, DONE, COMMITTED = "begun", "done", "committed"
"""The claim is committed and nothing else is done; the effect is written and not committed; both are committed."""
KEY = "b5b8a1d7-0001"
NOTE, TOKEN = "note.add", "token.add"
"""What the audit calls what was created."""
OPERATOR = "operator"
"""A caller above organisations: its work begins across all of them."""


class NoteSchema(ma.Schema):
    """A note."""

    text = ma.fields.String(required=True)


class Fault(Exception):
    """What nobody expected."""


def never(moment: str) -> None:
    """Stop a request at no moment."""


def add_views(app: flask.Flask, moments: Callable[[str], Any] = never) -> flask.Flask:
    """The app, with the views."""
    app.extensions[EXTENSION].api.register_blueprint(_blueprint(moments))
    return app


def _blueprint(moments: Callable[[str], Any]) -> Blueprint:
    blueprint = Blueprint("notes", __name__, url_prefix="/v1/orgs/<slug:organisation>", description="Notes")

    @blueprint.route("/notes", methods=["POST"])
    @creates(blueprint)
    @blueprint.arguments(NoteSchema)
    @blueprint.response(201, NoteSchema)
    def note(once: Once, body: dict[str, Any], organisation: str) -> flask.Response:
        """Add a note."""
        id_, caller = _who(organisation)
        charge(services().limits.writes, caller)
        scope = ACROSS if caller == OPERATOR else only(id_)
        answer = once.do(scope, caller, lambda effect: _noted(effect, id_, body["text"], moments))
        moments(COMMITTED)
        return answer

    @blueprint.route("/tokens", methods=["POST"])
    @creates(blueprint)
    @blueprint.response(201, NoteSchema)
    def token(once: Once, organisation: str) -> flask.Response:
        """Make a token, which is shown and not stored."""
        id_, caller = _who(organisation)
        return once.do(only(id_), caller, lambda effect: _token(effect, id_), _shown)

    return blueprint


def _who(slug: str) -> tuple[int, str]:
    with services().database.read(ACROSS) as conn:
        return organisations.find(conn, slug).id, flask.request.headers.get("Caller", "key a")


def _noted(effect: Effect, organisation_id: int, text: str, moments: Callable[[str], Any]) -> Answer:
    moments(BEGUN)
    narrow(effect.conn, only(organisation_id))
    record(effect.conn, organisation_id, Actor("key", "a"), NOTE, "note", at=effect.at, after=text)
    if text == "one too many":
        raise LimitReached("There are enough.")
    if text == "fault":
        raise Fault
    moments(DONE)
    number = _count(effect, NOTE)
    return Answer(201, {"number": number, "text": text}, {"Location": f"{flask.request.path}/{number}"})


def _token(effect: Effect, organisation_id: int) -> Answer:
    digest = hashlib.sha256(effect.secret).hexdigest()
    record(effect.conn, organisation_id, Actor("key", "a"), TOKEN, "token", at=effect.at, after=digest)
    return Answer(201, {"number": _count(effect, TOKEN)})


def _count(effect: Effect, action: str) -> int:
    """How many of those there are now, as far as this transaction sees."""
    found: int = effect.conn.execute(sa.select(sa.func.count()).where(audit.c.action == action)).scalar_one()
    return found


def _shown(body: dict[str, Any], secret: bytes) -> dict[str, Any]:
    return {**body, "token": secret.hex()}


# --- what tests look at -------------------------------------------------------------------------


def effects(database: Database) -> list[Any]:
    """What was created, in order."""
    with database.read(ACROSS) as conn:
        made = sa.select(audit.c.after).where(audit.c.action.in_((NOTE, TOKEN)))
        return list(conn.scalars(made.order_by(audit.c.organisation_id, audit.c.number)))


def rows(database: Database) -> list[dict[str, Any]]:
    """What is stored about requests that may come twice."""
    with database.read(ACROSS) as conn:
        return [dict(row) for row in conn.execute(sa.select(idempotency)).mappings()]


def let_leases_run_out(database: Database) -> None:
    """Let so much time have passed that nobody is left to do what is claimed."""
    with database.write(ACROSS) as conn:
        conn.execute(sa.update(idempotency).values(claimed_until=idempotency.c.created_at))
