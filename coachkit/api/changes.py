"""What changed since a caller last looked, for portals and applicant tracking systems that keep a copy of the content.

A token is a place on the way from one edition to another, so a caller who goes on from page to page arrives at the
edition it set out for, wherever the channel points meanwhile; the next token then leads on to the newest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import flask
import marshmallow as ma
from marshmallow import validate

from coachkit.api import cursors, schemas
from coachkit.api.answers import answer, json_bytes
from coachkit.api.reading import LIVE, Reading, cacheable
from coachkit.api.services import reading, services
from coachkit.api.smorest import Blueprint
from coachkit.db import editions as rows
from coachkit.db.scopes import only
from coachkit.editions import manifest
from coachkit.editions.inputs import RENDER
from coachkit.editions.pointers import Served
from coachkit.errors import FieldError, Gone
from coachkit.packs.model import KINDS

blueprint = Blueprint("changes", __name__, url_prefix="/v1/orgs/<slug:organisation>", description="Keeping a copy")

MOST: Final = 1_000
"""Changes at once, also where no limit is given: about 80 KB, and a thousand modules in two locales take two calls."""

_EXAMPLE: Final = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_DIGEST: Final = 32
"""Bytes of an edition's digest in a token."""
_COUNT: Final = 4
"""Bytes of a number of changes in a token."""
_WHOLE, _FIRST, _LATER = _DIGEST, _DIGEST + _COUNT, 2 * _DIGEST + _COUNT
"""Bytes of a token's place: at an edition, on the way to a first one, on the way from one to another."""


class ChangeSchema(ma.Schema):
    """One document that differs."""

    op = ma.fields.String(required=True, validate=validate.OneOf(("added", "changed", "removed")))
    kind = ma.fields.String(required=True, validate=validate.OneOf(KINDS))
    id = ma.fields.String(required=True, metadata={"description": "The resource's id", "example": "first-hour"})
    locale = ma.fields.String(
        required=True, metadata={"description": "The document's locale (BCP 47)", "example": "cy"}
    )


class ChangesSchema(ma.Schema):
    """What differs from what the caller has, and the token to ask with next time."""

    changes = ma.fields.List(ma.fields.Nested(ChangeSchema), required=True)
    next = ma.fields.String(
        required=True, metadata={"description": "What to give as `since` next time, changes or none"}
    )


class ChangesQuery(ma.Schema):
    """What a caller has already."""

    since = ma.fields.String(
        validate=validate.Length(max=schemas.PARAMETER_LENGTH),
        metadata={
            "description": "The digest of an edition that the caller has whole, or `next` of the answer before",
            "example": _EXAMPLE,
        },
    )
    limit = schemas.Count(
        load_default=MOST,
        validate=validate.Range(1, MOST),
        metadata={"description": "How many changes at most", "example": MOST},
    )


@dataclass(frozen=True)
class Place:
    """How far a caller has come: it has edition `at` (None: nothing), and `done` of the changes from there to `to`.

    `to` None means that it is not on the way anywhere, and goes to the newest.
    """

    at: str | None = None
    to: str | None = None
    done: int = 0


@blueprint.route("/changes")
@blueprint.arguments(schemas.ChannelQuery, location="query")
@blueprint.arguments(ChangesQuery, location="query")
@blueprint.response(200, ChangesSchema, headers=schemas.NEXT_PAGE)
@blueprint.alt_response(410, response="GONE")
@cacheable()
def changes(channel: dict[str, Any], query: dict[str, Any], organisation: str) -> flask.Response:
    """The documents that differ from what the caller has; without `since` all there are, as added.

    Ask again with `next` as `since`: at once while the header Link leads to more, or else whenever it suits. `since`
    that is not known (any more) is 410: start over without it. A document changes with everything that it shows: its
    texts, values, contacts, the titles of what it points at. Colours and name are no document's: read the
    organisation again when `CoachKit-Edition` is another.
    """
    del channel, organisation
    request = reading()
    place = _place(request, query.get("since"))
    target = request.served if place.to is None else _public(request, place.to)
    origin = None if place.at is None else _public(request, place.at)
    found = _between(origin, target)
    done = place.done + query["limit"]
    following = Place(place.at, target.digest, done) if done < len(found) else Place(target.digest)
    token = _token(request, following)
    return answer(
        Reading(target, request.way),
        made_from=("changes", _channel(request), place.at or "", target.digest, str(place.done)),
        render=lambda: json_bytes({"changes": found[place.done : done], "next": token}),
        languages=lambda: (),
        links=[f'<{request.way.address(flask.request.path, since=token)}>; rel="next"'] if following.to else (),
    )


def _between(origin: Served | None, target: Served) -> list[dict[str, str]]:
    """Every change from one edition, or from nothing, to another, in one order for ever: both are immutable."""
    if origin is not None and origin.digest == target.digest:
        return []
    return manifest.changes({} if origin is None else _documents(origin), _documents(target))


def _documents(served: Served) -> Mapping[str, Mapping[str, str]]:
    with services().database.read(only(served.organisation_id)) as conn:
        row = rows.get(conn, served.organisation_id, served.digest)
    return {} if row is None else manifest.digests_of(row.manifest)


def _public(request: Reading, digest: str) -> Served:
    """The organisation's edition of that digest, if a public channel has ever pointed at it. Raises Gone."""
    served = services().pointers.edition(request.organisation, digest)
    if served is None:
        raise _unknown(request)
    return served


# --- tokens -------------------------------------------------------------------------------------


def _place(request: Reading, since: str | None) -> Place:
    """Where a caller says it is. Raises Gone for a text that is neither a digest nor a token of this channel."""
    if since is None:
        return Place()
    if re.fullmatch(schemas.DIGEST_PATTERN, since):
        return Place(since)
    data = cursors.unseal(services().secret, _sequence(request), since)
    if data is None:
        raise _unknown(request)
    if len(data) == _WHOLE:
        return Place(_digest(data))
    done = int.from_bytes(data[-_COUNT:], "big")
    if len(data) == _FIRST:
        return Place(None, _digest(data[:_DIGEST]), done)
    return Place(_digest(data[:_DIGEST]), _digest(data[_DIGEST:-_COUNT]), done)


def _token(request: Reading, place: Place) -> str:
    digests = b"".join(bytes.fromhex(each.removeprefix("sha256:")) for each in (place.at, place.to) if each)
    done = place.done.to_bytes(_COUNT, "big") if place.to else b""
    return cursors.seal(services().secret, _sequence(request), digests + done)


def _sequence(request: Reading) -> str:
    """Whose changes a token is for; another RENDER writes every document anew, so callers start over with it."""
    return f"changes\n{request.organisation}\n{_channel(request)}\nrender {RENDER}"


def _channel(request: Reading) -> str:
    return dict(request.way.asked).get("channel", LIVE)


def _digest(data: bytes) -> str:
    return f"sha256:{data.hex()}"


def _unknown(request: Reading) -> Gone:
    kept = [pair for pair in (*request.way.asked, *request.way.query) if pair[0] in {"channel", "limit"}]
    query = f"?{urlencode(kept)}" if kept else ""
    error = FieldError("unknown-since", "Start over: leave it out, and take what is there as added.", parameter="since")
    return Gone(
        "Nothing is known here of the edition or the place that since names.",
        (error,),
        {"Link": f'<{flask.request.path}{query}>; rel="start"'},
    )
